"""The completion list under the caret."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from core.dockerfile.edits import TextEdit
from core.dockerfile.source import Span
from desktop.editor.code_editor import CodeEditor
from desktop.editor.completion import Completions, Item, ItemKind
from desktop.theme import METRICS, Theme

_ROWS = 9
_ROLE = Qt.ItemDataRole.UserRole


class _Delegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index) -> QSize:  # type: ignore[no-untyped-def]
        return QSize(0, METRICS.row_height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index) -> None:  # type: ignore[no-untyped-def]
        item: Item = index.data(_ROLE)
        tokens = self._theme.tokens
        rect: QRect = option.rect
        state = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(rect, QColor(tokens.selection))
        self._theme.icons.get(item.kind.value).paint(
            painter, QRect(rect.left() + 6, rect.center().y() - 7, 15, 15)
        )
        text_rect = rect.adjusted(28, 0, -8, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(tokens.selection_text if selected else tokens.text))
        painter.drawText(text_rect, middle, item.label)
        used = painter.fontMetrics().horizontalAdvance(item.label) + 16
        detail_rect = text_rect.adjusted(used, 0, 0, 0)
        detail = painter.fontMetrics().elidedText(
            item.detail, Qt.TextElideMode.ElideRight, max(0, detail_rect.width())
        )
        painter.setPen(QColor(tokens.selection_text if selected else tokens.text_muted))
        painter.drawText(detail_rect, middle | Qt.AlignmentFlag.AlignRight, detail)


class Completer(QObject):
    """Asks ``source`` (offset -> completions) as one types; Tab and Return take, Escape leaves."""

    def __init__(
        self, editor: CodeEditor, theme: Theme, source: Callable[[int], Completions]
    ) -> None:
        super().__init__(editor)
        self._editor = editor
        self._source = source
        self._start = 0
        self._list = QListWidget(editor)
        self._list.setObjectName("completions")
        self._list.setWindowFlags(Qt.WindowType.Widget)
        self._list.setAccessibleName(self.tr("Completions"))
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setProperty("role", "popup")
        self._list.setFrameShape(QListWidget.Shape.Box)
        self._list.setUniformItemSizes(True)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setItemDelegate(_Delegate(theme, self))
        self._list.itemClicked.connect(lambda _item: self._take())
        self._list.hide()
        editor.key_filter = self._key
        editor.installEventFilter(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(30)
        self._timer.timeout.connect(self._typed)

    @property
    def is_open(self) -> bool:
        return self._list.isVisible()

    def open(self) -> None:
        """Show what fits at the caret, also when nothing was typed yet."""
        self._show(self._source(self._editor.offset()), forced=True)

    def close(self) -> None:
        self._timer.stop()
        self._list.hide()

    def _typed(self) -> None:
        completions = self._source(self._editor.offset())
        typed = self._editor.offset() - completions.start
        text = self._editor.text()[completions.start : self._editor.offset()]
        if typed < 1 or any(item.insert.strip() == text for item in completions.items):
            self.close()
            return
        self._show(completions, forced=False)

    def _show(self, completions: Completions, *, forced: bool) -> None:
        self._start = completions.start
        self._list.clear()
        for item in completions.items:
            row = QListWidgetItem(item.label)
            row.setData(_ROLE, item)
            detail = f", {item.detail}" if item.detail else ""
            row.setData(Qt.ItemDataRole.AccessibleTextRole, item.label + detail)
            self._list.addItem(row)
        if not completions.items:
            self.close()
            return
        self._list.setCurrentRow(0)
        metrics = self._editor.fontMetrics()
        widest = max(
            metrics.horizontalAdvance(i.label) + metrics.horizontalAdvance(i.detail)
            for i in completions.items
        )
        width = max(280, min(560, widest + 80))
        height = min(_ROWS, len(completions.items)) * METRICS.row_height + 4
        rect = self._editor.cursorRect()
        left_margin = self._editor.viewport().x()
        top = rect.bottom() + 4 + self._editor.viewport().y()
        if top + height > self._editor.height():
            top = max(0, rect.top() - height - 4)
        left = min(left_margin + rect.left(), max(0, self._editor.width() - width - 8))
        self._list.setGeometry(left, top, width, height)
        self._list.show()
        self._list.raise_()

    def _key(self, event: QKeyEvent) -> bool:
        if self.is_open:
            moves = {
                Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1,
                Qt.Key.Key_PageDown: _ROWS, Qt.Key.Key_PageUp: -_ROWS,
            }  # fmt: skip
            step = moves.get(Qt.Key(event.key()))
            if step is not None:
                row = self._list.currentRow() + step
                self._list.setCurrentRow(max(0, min(self._list.count() - 1, row)))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab):
                self._take()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.close()
                return True
        letters = event.text()
        if (event.key() == Qt.Key.Key_Backspace and self.is_open) or (
            letters and letters.isprintable() and not letters.isspace()
        ):
            self._timer.start()
        elif self.is_open and event.key() not in (
            Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta,
        ):  # fmt: skip
            self.close()
        return False

    def _take(self) -> None:
        current = self._list.currentItem()
        self.close()
        if current is None:
            return
        item: Item = current.data(_ROLE)
        span = Span(self._start, self._editor.offset())
        self._editor.apply_edits((TextEdit(span=span, text=item.insert),))
        end = self._start + len(item.insert)
        self._editor.select(end, end)
        if item.kind in (ItemKind.INSTRUCTION, ItemKind.FOLDER) or item.insert.endswith("="):
            self._timer.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._editor and event.type() == QEvent.Type.FocusOut:
            self.close()
        return super().eventFilter(watched, event)
