"""Line numbers, and one mark a line: a finding, a step that ran, failed or came from the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip, QWidget

from desktop.theme import Theme

if TYPE_CHECKING:
    from desktop.editor.code_editor import CodeEditor

_MARK = 20
_PADDING = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An icon in the gutter. ``role`` is the colour token; a higher ``weight`` hides a lower."""

    icon: str
    role: str
    text: str
    weight: int = 0


class Gutter(QWidget):
    """Painted beside the editor's viewport."""

    clicked = Signal(int)  # 1-based line
    hovered = Signal(int)  # the line under the mouse, 0 for none

    def __init__(self, editor: CodeEditor, theme: Theme) -> None:
        super().__init__(editor)
        self._editor = editor
        self._theme = theme
        self._finding_marks: dict[int, Mark] = {}
        self._step_marks: dict[int, Mark] = {}
        self.setAccessibleName(self.tr("Line numbers and marks"))
        self._hovered = 0
        self.setMouseTracking(True)
        theme.changed.connect(self.update)

    def set_finding_marks(self, marks: Mapping[int, Mark]) -> None:
        self._finding_marks = dict(marks)
        self.update()

    def set_step_marks(self, marks: Mapping[int, Mark]) -> None:
        self._step_marks = dict(marks)
        self.update()

    def mark(self, line: int) -> Mark | None:
        """What is shown on a line: the heavier of its finding and its step."""
        found = [m[line] for m in (self._finding_marks, self._step_marks) if line in m]
        return max(found, key=lambda m: m.weight) if found else None

    def width_needed(self) -> int:
        digits = max(3, len(str(self._editor.blockCount())))
        return _MARK + self._editor.fontMetrics().horizontalAdvance("9") * digits + _PADDING

    def sizeHint(self) -> QSize:
        return QSize(self.width_needed(), 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = self._theme.tokens
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(tokens.surface))
        painter.setFont(self._editor.font())
        current = self._editor.textCursor().blockNumber()
        height = self._editor.fontMetrics().height()
        for number, top in self._editor.visible_lines():
            line = number + 1
            colour = tokens.line_number_current if number == current else tokens.line_number
            painter.setPen(QColor(colour))
            painter.drawText(
                0, int(top), self.width() - _PADDING, height,
                Qt.AlignmentFlag.AlignRight, str(line),
            )  # fmt: skip
            mark = self.mark(line)
            if mark is not None:
                size = 14.0
                box = QRectF(4, top + (height - size) / 2, size, size)
                self._theme.icons.paint(painter, box, mark.icon, getattr(tokens, mark.role))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            assert isinstance(event, QHelpEvent)
            line = self._editor.line_at_y(event.pos().y())
            mark = self.mark(line) if line else None
            if mark is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), mark.text, self)
            return True
        return super().event(event)

    def _hover(self, line: int) -> None:
        if line != self._hovered:
            self._hovered = line
            self.hovered.emit(line)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self._editor.line_at_y(int(event.position().y())))

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(0)
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        line = self._editor.line_at_y(int(event.position().y()))
        if line:
            self.clicked.emit(line)
