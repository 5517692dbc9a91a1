"""The text area: line numbers, marks, squiggles and what typing does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextCharFormat,
    QTextCursor,
    QTextFormat,
    QTextOption,
)
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QToolTip, QWidget

from core.dockerfile.source import Span
from desktop.editor import line_edits
from desktop.editor.gutter import Gutter
from desktop.editor.offsets import Offsets
from desktop.theme import Theme


class Replacement(Protocol):
    """An edit of the parser's or the linter's: ``span`` of the text becomes ``text``."""

    @property
    def span(self) -> Span: ...

    @property
    def text(self) -> str: ...


HoverText = Callable[[int], str]  # offset in code points -> rich text, "" for none


class CodeEditor(QPlainTextEdit):
    """Knows text, not Dockerfiles: findings, hovers and completions are given to it.

    Offsets that go in and out are code points of ``text()``.
    """

    caret_moved = Signal(int, int)  # 1-based line, 1-based column
    control_clicked = Signal(int)  # offset
    zoomed = Signal(int)  # +1 or -1

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._hover: HoverText = lambda _offset: ""
        self._squiggles: list[tuple[int, int, str]] = []
        self._matches: list[tuple[int, int]] = []
        self._highlighted_lines: tuple[int, int] | None = None
        self.key_filter: Callable[[QKeyEvent], bool] = lambda _event: False
        self.gutter = Gutter(self, theme)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.setAccessibleName(self.tr("Editor"))
        self.setTabChangesFocus(False)
        self.setCenterOnScroll(False)
        self.setMouseTracking(True)
        self.blockCountChanged.connect(self._fit_gutter)
        self.updateRequest.connect(self._scroll_gutter)
        self.cursorPositionChanged.connect(self._caret_changed)
        theme.changed.connect(self._dress)
        self._fit_gutter()
        self._dress()

    # Looks

    def set_font(self, family: str, size: int, tab_width: int) -> None:
        """``family`` "" is the system's fixed font."""
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        if family:
            font.setFamily(family)
        font.setStyleHint(QFont.StyleHint.Monospace)
        font.setPointSize(size)
        self.setFont(font)
        self.setTabStopDistance(self.fontMetrics().horizontalAdvance(" ") * tab_width)
        self._fit_gutter()

    def set_show_whitespace(self, on: bool) -> None:
        option = self.document().defaultTextOption()
        flags = option.flags()
        flag = QTextOption.Flag.ShowTabsAndSpaces
        option.setFlags(flags | flag if on else flags & ~flag)
        self.document().setDefaultTextOption(option)

    def _dress(self) -> None:
        self._mark_extra()

    # Text and positions

    def text(self) -> str:
        """The text as Python sees it (Qt's toPlainText turns no-break spaces into spaces)."""
        return self.document().toRawText().replace("\u2029", "\n")

    def offset(self) -> int:
        """The caret."""
        return Offsets(self.text()).from_qt(self.textCursor().position())

    def go_to(self, line: int, column: int = 0) -> None:
        """Put the caret on a 1-based line, centred if it was out of view."""
        block = self.document().findBlockByNumber(max(0, line - 1))
        if not block.isValid():
            block = self.document().lastBlock()
        cursor = QTextCursor(block)
        move = QTextCursor.MoveOperation.Right
        cursor.movePosition(move, QTextCursor.MoveMode.MoveAnchor, min(column, block.length() - 1))
        self.setTextCursor(cursor)
        if not self.viewport().rect().contains(self.cursorRect().center()):
            self.centerCursor()
        self.ensureCursorVisible()

    def select(self, start: int, end: int) -> None:
        offsets = Offsets(self.text())
        cursor = self.textCursor()
        cursor.setPosition(offsets.to_qt(start))
        cursor.setPosition(offsets.to_qt(end), QTextCursor.MoveMode.KeepAnchor)
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def apply_edits(self, edits: Iterable[Replacement]) -> None:
        """All edits as one step of undo, from the end to the start; the caret stays put."""
        offsets = Offsets(self.text())
        cursor = self._edit_cursor()
        cursor.beginEditBlock()
        for edit in sorted(edits, key=lambda e: e.span.start, reverse=True):
            cursor.setPosition(offsets.to_qt(edit.span.start))
            cursor.setPosition(offsets.to_qt(edit.span.end), QTextCursor.MoveMode.KeepAnchor)
            cursor.insertText(edit.text)
        cursor.endEditBlock()

    def _edit_cursor(self) -> QTextCursor:
        """A cursor at the caret: Undo brings the caret to where the edit's cursor began."""
        cursor = QTextCursor(self.document())
        cursor.setPosition(self.textCursor().position())
        return cursor

    def replace_all(self, text: str) -> None:
        """New text as one step of undo; only the part that differs is touched."""
        old = self.text()
        if old == text:
            return
        limit = min(len(old), len(text))
        start = 0
        while start < limit and old[start] == text[start]:
            start += 1
        end = 0
        while end < limit - start and old[-1 - end] == text[-1 - end]:
            end += 1
        offsets = Offsets(old)
        cursor = self._edit_cursor()
        cursor.beginEditBlock()
        cursor.setPosition(offsets.to_qt(start))
        cursor.setPosition(offsets.to_qt(len(old) - end), QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(text[start : len(text) - end])
        cursor.endEditBlock()

    def word_range(self, offset: int) -> tuple[int, int]:
        text = self.text()
        start = end = min(offset, len(text))
        while start > 0 and (text[start - 1].isalnum() or text[start - 1] in "_-."):
            start -= 1
        while end < len(text) and (text[end].isalnum() or text[end] in "_-."):
            end += 1
        return start, end

    # What is marked

    def set_squiggles(self, squiggles: Sequence[tuple[int, int, str]]) -> None:
        """(start, end, colour role) for each finding."""
        self._squiggles = list(squiggles)
        self._mark_extra()

    def set_matches(self, matches: Sequence[tuple[int, int]]) -> None:
        """Ranges that a search found."""
        self._matches = list(matches)
        self._mark_extra()

    def set_highlighted_lines(self, lines: tuple[int, int] | None) -> None:
        """Lines that another view points at, 1-based and inclusive."""
        if lines != self._highlighted_lines:
            self._highlighted_lines = lines
            self._mark_extra()

    def _mark_extra(self) -> None:
        tokens = self._theme.tokens
        extra: list[QTextEdit.ExtraSelection] = []
        document = self.document()
        if self._highlighted_lines is not None:
            first, last = self._highlighted_lines
            for line in range(first, last + 1):
                block = document.findBlockByNumber(line - 1)
                if block.isValid():
                    extra.append(self._full_line(QTextCursor(block), tokens.running_soft))
        if not self.isReadOnly():
            extra.append(self._full_line(self.textCursor(), tokens.current_line))
        offsets = Offsets(self.text())
        length = document.characterCount() - 1

        def add(start: int, end: int, text_format: QTextCharFormat) -> None:
            cursor = QTextCursor(document)
            cursor.setPosition(min(offsets.to_qt(start), length))
            cursor.setPosition(min(offsets.to_qt(end), length), QTextCursor.MoveMode.KeepAnchor)
            selection = QTextEdit.ExtraSelection()
            selection.cursor = cursor
            selection.format = text_format
            extra.append(selection)

        found = QTextCharFormat()
        found.setBackground(QColor(tokens.search_match))
        for start, end in self._matches:
            add(start, end, found)
        for start, end, role in self._squiggles:
            wave = QTextCharFormat()
            wave.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
            wave.setUnderlineColor(QColor(getattr(tokens, role)))
            add(start, end, wave)
        self.setExtraSelections(extra)

    def _full_line(self, cursor: QTextCursor, colour: str) -> QTextEdit.ExtraSelection:
        text_format = QTextCharFormat()
        text_format.setBackground(QColor(colour))
        text_format.setProperty(QTextFormat.Property.FullWidthSelection, True)
        cursor.clearSelection()
        selection = QTextEdit.ExtraSelection()
        selection.cursor = cursor
        selection.format = text_format
        return selection

    def _caret_changed(self) -> None:
        self._mark_extra()
        self.gutter.update()
        cursor = self.textCursor()
        self.caret_moved.emit(cursor.blockNumber() + 1, cursor.positionInBlock() + 1)

    # Gutter

    def visible_lines(self) -> list[tuple[int, float]]:
        """(block number, top in viewport pixels) of the lines that can be seen."""
        found: list[tuple[int, float]] = []
        block = self.firstVisibleBlock()
        top = self.blockBoundingGeometry(block).translated(self.contentOffset()).top()
        bottom = self.viewport().height()
        while block.isValid() and top <= bottom:
            if block.isVisible():
                found.append((block.blockNumber(), top))
            top += self.blockBoundingRect(block).height()
            block = block.next()
        return found

    def line_at_y(self, y: int) -> int:
        """The 1-based line at a viewport height, 0 below the text."""
        return next((n + 1 for n, top in reversed(self.visible_lines()) if top <= y), 0)

    def _fit_gutter(self) -> None:
        self.setViewportMargins(self.gutter.width_needed() + 4, 0, 0, 0)
        self._place_gutter()

    def _place_gutter(self) -> None:
        area = self.contentsRect()
        self.gutter.setGeometry(
            QRect(area.left(), area.top(), self.gutter.width_needed(), area.height())
        )

    def _scroll_gutter(self, rect: QRect, dy: int) -> None:
        if dy:
            self.gutter.scroll(0, dy)
        else:
            self.gutter.update(0, rect.y(), self.gutter.width(), rect.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_gutter()

    def minimumSizeHint(self) -> QSize:
        return QSize(240, 120)

    # Hover and clicks

    def set_hover(self, hover: HoverText) -> None:
        self._hover = hover

    def offset_at(self, point: QPoint) -> int:
        """The offset under a point of the viewport, -1 beside the text of its line."""
        cursor = self.cursorForPosition(point)
        rect = self.cursorRect(cursor)
        if abs(rect.center().x() - point.x()) > 2 * self.fontMetrics().averageCharWidth():
            return -1
        return Offsets(self.text()).from_qt(cursor.position())

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            assert isinstance(event, QHelpEvent)
            offset = self.offset_at(event.pos())
            text = self._hover(offset) if offset >= 0 else ""
            if text:
                QToolTip.showText(event.globalPos(), text, self.viewport())
            else:
                QToolTip.hideText()
            return True
        return super().viewportEvent(event)

    def show_hover(self) -> None:
        """The hover of the caret, for the keyboard."""
        text = self._hover(self.offset())
        if text:
            corner = self.viewport().mapToGlobal(self.cursorRect().bottomLeft())
            QToolTip.showText(corner, text, self.viewport())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if control and event.button() is Qt.MouseButton.LeftButton:
            offset = self.offset_at(event.position().toPoint())
            if offset >= 0:
                self.control_clicked.emit(offset)
                return
        super().mousePressEvent(event)

    def wheelEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoomed.emit(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
            return
        super().wheelEvent(event)

    # Typing

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.key_filter(event):
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self._new_line()
            return
        if event.key() == Qt.Key.Key_Tab and not event.modifiers():
            if self.textCursor().hasSelection():
                self.indent(1)
            else:
                self.textCursor().insertText("    ")
            return
        if event.key() == Qt.Key.Key_Backtab:
            self.indent(-1)
            return
        super().keyPressEvent(event)

    def _new_line(self) -> None:
        """Keep the indentation; a line that continues its instruction starts one step in."""
        cursor = self.textCursor()
        before = cursor.block().text()[: cursor.positionInBlock()]
        indent = before[: len(before) - len(before.lstrip())]
        previous = cursor.block().previous().text().rstrip()
        if before.rstrip().endswith("\\"):
            if not indent and not previous.endswith("\\"):
                indent = "    "
        elif previous.endswith("\\") and indent:
            indent = ""
        cursor.insertText("\n" + indent)
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def indent(self, steps: int) -> None:
        line_edits.indent(self, steps)

    def toggle_comment(self) -> None:
        line_edits.toggle_comment(self)

    def move_lines(self, step: int) -> None:
        line_edits.move_lines(self, step)

    def duplicate_lines(self) -> None:
        line_edits.duplicate_lines(self)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self.viewport())
            painter.setPen(QColor(self._theme.tokens.accent))
            painter.drawLine(0, 0, self.viewport().width(), 0)
