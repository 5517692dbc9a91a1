"""A sentence over a view, with what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from desktop.theme import METRICS, Theme

_ICONS = {
    "banner": ("info", "running"),
    "banner-warning": ("warning", "cancelled"),
    "banner-failed": ("error", "failed"),
    "banner-done": ("done", "done"),
}


class Banner(QFrame):
    """Hidden until ``show_notice``; one notice at a time."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._kind = "banner"
        self._icon = QLabel()
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._close = QToolButton()
        self._close.setToolTip(self.tr("Dismiss"))
        self._close.setAccessibleName(self.tr("Dismiss this notice"))
        self._close.clicked.connect(self.hide)
        self._buttons: list[QPushButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(METRICS.gap + 4, 6, 6, 6)
        self._row.setSpacing(METRICS.gap)
        self._row.addWidget(self._icon)
        self._row.addWidget(self._text, 1)
        self._row.addWidget(self._close)
        theme.changed.connect(self._dress)
        self._dress()
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def show_notice(
        self,
        text: str,
        *,
        actions: Sequence[tuple[str, Callable[[], object]]] = (),
        kind: str = "banner",
        closable: bool = True,
    ) -> None:
        """``kind`` is banner, banner-warning, banner-failed or banner-done."""
        self._kind = kind
        self._text.setText(text)
        self.setAccessibleName(text)
        for button in self._buttons:
            self._row.removeWidget(button)
            button.deleteLater()
        self._buttons = []
        for label, run in actions:
            button = QPushButton(label)
            button.clicked.connect(lambda _checked=False, r=run: r())
            self._row.insertWidget(self._row.count() - 1, button)
            self._buttons.append(button)
        self._close.setVisible(closable)
        self._dress()
        self.show()

    def _dress(self) -> None:
        icon, role = _ICONS[self._kind]
        self._icon.setPixmap(self._theme.icons.get(icon, role).pixmap(18, 18))
        self._close.setIcon(self._theme.icons.get("close"))
        self.setProperty("role", self._kind)
        self.style().unpolish(self)
        self.style().polish(self)
