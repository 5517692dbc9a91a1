"""The column of pages at the left."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QToolButton, QVBoxLayout, QWidget

from desktop.theme import METRICS, Theme


class ActivityBar(QWidget):
    """One button a page; arrows move between them."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "activity")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(METRICS.activity_width)
        self.setAccessibleName(self.tr("Pages"))
        self._theme = theme
        self._buttons: dict[str, tuple[QToolButton, str]] = {}
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 6, 0, 6)
        self._box.setSpacing(2)
        self._box.addStretch()
        self._above = 0
        theme.changed.connect(self._dress)

    def add(self, name: str, text: str, icon: str, *, bottom: bool = False) -> None:
        button = QToolButton()
        button.setObjectName(f"page {name}")
        button.setCheckable(True)
        button.setIconSize(QSize(METRICS.icon_large, METRICS.icon_large))
        button.setFixedSize(METRICS.activity_width - 1, 44)
        button.setToolTip(text)
        button.setAccessibleName(text)
        button.clicked.connect(lambda: self.chosen.emit(name))
        self._buttons[name] = (button, icon)
        self._group.addButton(button)
        if bottom:
            self._box.addWidget(button)
        else:
            self._box.insertWidget(self._above, button)
            self._above += 1
        self._dress()

    def set_current(self, name: str) -> None:
        self._buttons[name][0].setChecked(True)
        self._dress()

    def _dress(self) -> None:
        for button, icon in self._buttons.values():
            role = "accent" if button.isChecked() else "text_muted"
            button.setIcon(self._theme.icons.get(icon, role))
