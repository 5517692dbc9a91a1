"""One field that reaches everything: commands, files, stages, lines.

What the text starts with chooses the source: ``>`` commands, ``@`` stages, ``:`` a line number,
anything else a file of the folder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QRect, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop.actions.fuzzy import score
from desktop.theme import METRICS, Theme

_LIMIT = 200
_WIDTH = 620
_ROWS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the list. ``detail`` stands to the right (a shortcut, a folder)."""

    text: str
    run: Callable[[], object]
    detail: str = ""
    icon: str = ""
    enabled: bool = True


Source = Callable[[str], Sequence[Entry]]


class _Model(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []

    def show(self, entries: Sequence[Entry]) -> None:
        self.beginResetModel()
        self.entries = list(entries)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | Any = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: QModelIndex | Any, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        entry = self.entries[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            wants_both = role == Qt.ItemDataRole.AccessibleTextRole and entry.detail
            return f"{entry.text}, {entry.detail}" if wants_both else entry.text
        if role == Qt.ItemDataRole.UserRole:
            return entry.detail
        return None


class _Delegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, model: _Model, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme
        self._model = model

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | Any) -> QSize:
        return QSize(0, METRICS.row_height + 4)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | Any
    ) -> None:
        entry = self._model.entries[index.row()]
        tokens = self._theme.tokens
        rect: QRect = option.rect
        state = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(rect, QColor(tokens.selection))
        colour = tokens.selection_text if selected else tokens.text
        if not entry.enabled:
            colour = tokens.text_disabled
        left = rect.left() + 12
        if entry.icon:
            icon = self._theme.icons.get(entry.icon)
            top = rect.center().y() - 7
            icon.paint(painter, QRect(left, top, 16, 16))
        painter.setPen(QColor(colour))
        middle = Qt.AlignmentFlag.AlignVCenter
        text_rect = rect.adjusted(38, 0, -12, 0)
        detail_width = painter.fontMetrics().horizontalAdvance(entry.detail)
        text = painter.fontMetrics().elidedText(
            entry.text, Qt.TextElideMode.ElideRight, text_rect.width() - detail_width - 16
        )
        painter.drawText(text_rect, middle | Qt.AlignmentFlag.AlignLeft, text)
        painter.setPen(QColor(tokens.selection_text if selected else tokens.text_muted))
        painter.drawText(text_rect, middle | Qt.AlignmentFlag.AlignRight, entry.detail)


class CommandPalette(QFrame):
    """Shown over the top of its window; closes on Escape, on choosing and on losing the focus."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "popup")
        self.setAccessibleName(self.tr("Command palette"))
        self.hide()
        self._sources: dict[str, Source] = {}
        self._before: QWidget | None = None
        self._field = QLineEdit()
        self._field.setAccessibleName(self.tr("Search commands, files and stages"))
        self._field.setPlaceholderText(self.tr("File name, or > command, @ stage, : line number"))
        self._field.textChanged.connect(self._search)
        self._field.installEventFilter(self)
        self._model = _Model(self)
        self._list = QListView()
        self._list.setAccessibleName(self.tr("Matches"))
        self._list.setModel(self._model)
        self._list.setItemDelegate(_Delegate(theme, self._model, self))
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setUniformItemSizes(True)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.clicked.connect(self._choose)
        self._empty = QLabel(self.tr("Nothing matches."))
        self._empty.setProperty("role", "muted")
        self._empty.setMargin(METRICS.gap)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 8, 8, 8)
        box.setSpacing(6)
        box.addWidget(self._field)
        box.addWidget(self._list)
        box.addWidget(self._empty)

    def set_source(self, prefix: str, source: Source) -> None:
        """Entries for text that starts with ``prefix`` ("" is the default source)."""
        self._sources[prefix] = source

    def open(self, prefix: str = ">") -> None:
        window = self.window()
        self._before = window.focusWidget()
        self._field.setText(prefix)
        self._search(prefix)
        width = min(_WIDTH, window.width() - 40)
        self.setGeometry((window.width() - width) // 2, 48, width, 10)
        self._fit()
        self.show()
        self.raise_()
        self._field.setFocus()
        self._field.end(False)

    def _fit(self) -> None:
        rows = max(1, min(_ROWS, len(self._model.entries)))
        self._list.setFixedHeight(rows * (METRICS.row_height + 4) + 2)
        self._list.setVisible(bool(self._model.entries))
        self._empty.setVisible(not self._model.entries)
        layout = self.layout()
        assert layout is not None
        layout.activate()
        self.resize(self.width(), self.sizeHint().height())

    def _search(self, text: str) -> None:
        prefix = text[:1] if text[:1] in self._sources else ""
        query = text[len(prefix) :].strip()
        entries = self._sources[prefix](query) if prefix in self._sources else ()
        if prefix == ":":
            found = list(entries)
        else:
            scored = [(score(query, entry.text), n, entry) for n, entry in enumerate(entries)]
            hits = [(s, n, entry) for s, n, entry in scored if s is not None]
            hits.sort(key=lambda item: (-item[0], item[1]))
            found = [entry for _, _, entry in hits[:_LIMIT]]
        self._model.show(found)
        if found:
            self._list.setCurrentIndex(self._model.index(0))
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._field and event.type() == QEvent.Type.KeyPress:
            assert isinstance(event, QKeyEvent)
            return self._key(event)
        if watched is self._field and event.type() == QEvent.Type.FocusOut and self.isVisible():
            self.hide()
        return super().eventFilter(watched, event)

    def _key(self, event: QKeyEvent) -> bool:
        step = {
            Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 10, Qt.Key.Key_PageUp: -10,
        }.get(Qt.Key(event.key()))  # fmt: skip
        if step is not None and self._model.entries:
            row = self._list.currentIndex().row() + step
            row = max(0, min(len(self._model.entries) - 1, row))
            self._list.setCurrentIndex(self._model.index(row))
            return True
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose(self._list.currentIndex())
            return True
        if event.key() == Qt.Key.Key_Escape:
            self._leave()
            return True
        return False

    def _leave(self) -> None:
        self.hide()
        if self._before is not None:
            self._before.setFocus()

    def _choose(self, index: QModelIndex) -> None:
        if not index.isValid():
            return
        entry = self._model.entries[index.row()]
        self._leave()
        if entry.enabled:
            entry.run()
