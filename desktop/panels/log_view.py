"""The log's viewport: paints the lines it shows and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QFontMetricsF,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from desktop.models.log_ansi import Piece, Style, pieces, plain
from desktop.models.log_store import LineFilter, LineStore
from desktop.models.log_text import Label
from desktop.theme.theme import Theme

_LONGEST = 4000
"""Characters of a line that are painted; search and copy know the whole line."""
_PAD = 8


@dataclass(frozen=True, slots=True, order=True)
class Caret:
    """A place in the text: the row of the filter and the character in its line."""

    row: int
    column: int


class LogView(QAbstractScrollArea):
    """Rows of one LineFilter, numbered from 0.

    Follows the end until somebody scrolls up; goes on following when scrolled to the end.
    """

    follow_changed = Signal(bool)
    line_clicked = Signal(int)
    """The store's number of the line that was clicked."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._store: LineStore | None = None
        self._shown: LineFilter | None = None
        self._label: Callable[[str], Label] = lambda vertex: Label(text="", series=-1)
        self._began = 0
        self._tags = True
        self._anchor = Caret(0, 0)
        self._caret = Caret(0, 0)
        self._follow = True
        self._moving = False
        self._widest = 0.0
        self._pattern: re.Pattern[str] | None = None
        self.current_line = -1
        """The store's number of the line to point at: a search hit, an error."""
        self._set_font(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Build log"))
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        theme.changed.connect(self.viewport().update)

    def _set_font(self, font: QFont) -> None:
        self._font = font
        self._bold = QFont(font)
        self._bold.setBold(True)
        self._metrics = QFontMetricsF(font)
        self._char = self._metrics.horizontalAdvance("M")
        self._height = max(1, round(self._metrics.height() * 1.18))

    # Content

    def set_lines(
        self, store: LineStore | None, shown: LineFilter | None, *, began: int, tags: bool
    ) -> None:
        """Show other lines. ``began`` is the zero of the time column; ``tags`` names the step of
        each line."""
        self._store, self._shown = store, shown
        self._began, self._tags = began, tags
        self._anchor = self._caret = Caret(0, 0)
        self._widest = 0.0
        self.current_line = -1
        self._fit_bars()
        if self._follow:
            self._to_end()
        self.viewport().update()

    def set_labels(self, label: Callable[[str], Label]) -> None:
        self._label = label

    def refresh(self) -> None:
        """The store has grown: at most once a beat."""
        if self._shown is None:
            return
        before = len(self._shown)
        self._shown.update()
        if len(self._shown) == before:
            return
        self._fit_bars()
        if before < self.first_row + self.page_rows + 1:
            top = max(0, before - self.first_row) * self._height
            view = self.viewport()
            view.update(0, top, view.width(), view.height() - top)
        if self._follow:
            self._to_end()

    def set_pattern(self, pattern: re.Pattern[str] | None) -> None:
        """Mark what matches in the lines that are seen."""
        self._pattern = pattern
        self.viewport().update()

    @property
    def first_row(self) -> int:
        return self.verticalScrollBar().value()

    @property
    def page_rows(self) -> int:
        """Whole rows that fit."""
        return max(1, self.viewport().height() // self._height)

    @property
    def following(self) -> bool:
        return self._follow

    def set_following(self, on: bool) -> None:
        if on != self._follow:
            self._follow = on
            self.follow_changed.emit(on)
        if on:
            self._to_end()

    def show_line(self, number: int) -> None:
        """Point at a line of the store and bring it into the middle."""
        if self._shown is None or not self._shown.has(number):
            return
        row = self._shown.row(number)
        self.current_line = number
        self.set_following(False)
        self._anchor = self._caret = Caret(row, 0)
        if not self.first_row <= row < self.first_row + self.page_rows:
            self._moving = True
            self.verticalScrollBar().setValue(row - self.page_rows // 2)
            self._moving = False
        self.viewport().update()

    def top_line(self) -> int:
        """The store's number of the line that jumps start from."""
        if self.current_line >= 0:
            return self.current_line
        if self._shown is None or not len(self._shown):
            return -1
        return self._shown.number(min(self.first_row, len(self._shown) - 1)) - 1

    # Scrolling

    def _fit_bars(self) -> None:
        rows = len(self._shown) if self._shown is not None else 0
        self._moving = True
        bar = self.verticalScrollBar()
        bar.setPageStep(self.page_rows)
        bar.setRange(0, max(0, rows - self.page_rows))
        wide = max(0, int(self._text_left() + self._widest + _PAD - self.viewport().width()))
        self.horizontalScrollBar().setRange(0, wide)
        self.horizontalScrollBar().setPageStep(self.viewport().width())
        self.horizontalScrollBar().setSingleStep(int(self._char * 4))
        self._moving = False

    def _to_end(self) -> None:
        self._moving = True
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())
        self._moving = False

    def _scrolled(self, value: int) -> None:
        if not self._moving:
            at_end = value >= self.verticalScrollBar().maximum()
            if at_end != self._follow:
                self._follow = at_end
                self.follow_changed.emit(at_end)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Move what is painted and paint what comes into view: a log that runs costs its lines."""
        if dx or abs(dy) >= self.page_rows:
            self.viewport().update()
            return
        self.viewport().scroll(0, dy * self._height)
        # The first row names its step although the row above it has the same.
        self.viewport().update(0, 0, self.viewport().width(), self._height * 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit_bars()
        if self._follow:
            self._to_end()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
            return
        super().wheelEvent(event)

    def zoom(self, steps: int) -> None:
        """Make the text larger or smaller by points."""
        font = QFont(self._font)
        font.setPointSizeF(min(32.0, max(6.0, font.pointSizeF() + steps)))
        self._set_font(font)
        self._fit_bars()
        self.viewport().update()

    # Painting

    def _time_width(self) -> float:
        return self._char * 8

    def _tag_width(self) -> float:
        return self._char * 22 if self._tags else 0.0

    def _text_left(self) -> float:
        return _PAD + self._time_width() + self._tag_width() + 10

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = self._theme.tokens
        painter = QPainter(self.viewport())
        painter.setClipRegion(event.region())
        painter.fillRect(event.rect(), QColor(tokens.surface))
        painter.setFont(self._font)
        store, shown = self._store, self._shown
        if store is None or shown is None:
            painter.end()
            return
        selection = sorted((self._anchor, self._caret))
        for rows in self._dirty_rows(event.region(), len(shown)):
            before = None
            if rows.start > self.first_row and rows:
                before = store.info(shown.number(rows.start - 1)).vertex
            for row in rows:
                number = shown.number(row)
                info = store.info(number)
                top = (row - self.first_row) * self._height
                if number == self.current_line:
                    area = QRect(0, top, self.viewport().width(), self._height)
                    painter.fillRect(area, QColor(tokens.current_line))
                    painter.fillRect(QRect(0, top, 3, self._height), QColor(tokens.accent))
                self._gutter(painter, top, info.vertex, info.time, repeats=info.vertex == before)
                before = info.vertex
                self._line(painter, top, row, store.line(number), selection)
        left = int(self._text_left()) - 6
        painter.setPen(QColor(tokens.border))
        painter.drawLine(left, 0, left, self.viewport().height())
        painter.end()
        wide = max(0, int(self._text_left() + self._widest + _PAD - self.viewport().width()))
        if wide > self.horizontalScrollBar().maximum():
            self.horizontalScrollBar().setRange(0, wide)

    def _dirty_rows(self, region: QRegion, count: int) -> list[range]:
        """The rows that a region touches, as runs; scrolling leaves a strip at either end."""
        first = self.first_row
        wanted: set[int] = set()
        for rect in region:  # type: ignore[attr-defined]
            wanted.update(range(rect.top() // self._height, rect.bottom() // self._height + 1))
        runs: list[range] = []
        for row in sorted(first + w for w in wanted if first + w < count):
            if runs and runs[-1].stop == row:
                runs[-1] = range(runs[-1].start, row + 1)
            else:
                runs.append(range(row, row + 1))
        return runs

    def _gutter(
        self, painter: QPainter, top: int, vertex: str, time: int, *, repeats: bool
    ) -> None:
        tokens = self._theme.tokens
        baseline = top + self._baseline()
        label = self._label(vertex)
        if label.series >= 0:
            series = tokens.series[label.series % len(tokens.series)]
            left = int(_PAD + self._time_width() + self._tag_width())
            painter.fillRect(QRect(left, top, 3, self._height), QColor(series))
        painter.setPen(QColor(tokens.line_number))
        if time and self._began:
            text = f"{max(0, time - self._began) / 1e9:.1f}"
            width = self._metrics.horizontalAdvance(text)
            at = _PAD + self._time_width() - self._char - width
            painter.drawText(QPointF(at, baseline), text)
        if self._tags and not repeats and label.text:
            room = self._tag_width() - self._char
            text = self._metrics.elidedText(label.text, Qt.TextElideMode.ElideMiddle, room)
            painter.setPen(QColor(tokens.text_muted))
            painter.drawText(QPointF(_PAD + self._time_width(), baseline), text)

    def _baseline(self) -> float:
        return (self._height - self._metrics.height()) / 2 + self._metrics.ascent()

    def _line(
        self, painter: QPainter, top: int, row: int, line: bytes, selection: list[Caret]
    ) -> None:
        tokens = self._theme.tokens
        left = self._text_left()
        x = left - self.horizontalScrollBar().value()
        runs = _clipped(pieces(line))
        text = "".join(p.text for p in runs)
        painter.save()
        clip = QRectF(left - 2, top, self.viewport().width() - left + 2, self._height)
        painter.setClipRect(clip, Qt.ClipOperation.IntersectClip)
        if self._pattern is not None:
            for match in self._pattern.finditer(text):
                self._band(painter, top, x, text, match.start(), match.end(), tokens.search_match)
        start, end = selection
        if start != end and start.row <= row <= end.row:
            low = start.column if row == start.row else 0
            high = end.column if row == end.row else len(text) + 1
            self._band(painter, top, x, text, low, high, tokens.selection)
        baseline = top + self._baseline()
        at = x
        for run in runs:
            width = self._metrics.horizontalAdvance(run.text)
            self._styled(painter, run.style, QRectF(at, top, width, self._height))
            painter.drawText(QPointF(at, baseline), run.text)
            at += width
        painter.restore()
        self._widest = max(self._widest, at - x)

    def _band(
        self, painter: QPainter, top: int, x: float, text: str, low: int, high: int, role: str
    ) -> None:
        start = x + self._metrics.horizontalAdvance(text[:low])
        width = self._metrics.horizontalAdvance(text[low:high])
        if high > len(text):
            width += self._char
        painter.fillRect(QRectF(start, top, width, self._height), QColor(role))

    def _styled(self, painter: QPainter, style: Style, area: QRectF) -> None:
        tokens = self._theme.tokens
        foreground = self._colour(style.foreground, tokens.text)
        background = self._colour(style.background, tokens.surface)
        if style.inverse:
            foreground, background = background, foreground
        if style.inverse or style.background is not None:
            painter.fillRect(area, background)
            # Contrast comes before the programmer's colour.
            if abs(foreground.lightness() - background.lightness()) < 90:
                foreground = QColor("#000000" if background.lightness() > 128 else "#ffffff")
        if style.dim:
            foreground.setAlphaF(0.72)
        font = self._bold if style.bold else self._font
        if style.italic or style.underline:
            font = QFont(font)
            font.setItalic(style.italic)
            font.setUnderline(style.underline)
        painter.setFont(font)
        painter.setPen(foreground)

    def _colour(self, value: int | tuple[int, int, int] | None, default: str) -> QColor:
        if value is None:
            return QColor(default)
        if isinstance(value, int):
            return QColor(self._theme.tokens.ansi[value])
        return QColor(*value)

    # Selection

    def _caret_at(self, point: QPoint) -> Caret:
        if self._shown is None or self._store is None or not len(self._shown):
            return Caret(0, 0)
        row = self.first_row + point.y() // self._height
        row = min(max(row, 0), len(self._shown) - 1)
        text = plain(self._store.line(self._shown.number(row)))[:_LONGEST]
        x = point.x() - self._text_left() + self.horizontalScrollBar().value()
        column = max(0, min(len(text), round(x / self._char)))
        # Wide characters: walk from the guess of one width each.
        while column > 0 and self._metrics.horizontalAdvance(text[:column]) > x + self._char / 2:
            column -= 1
        return Caret(row, column)

    def selected_rows(self) -> tuple[int, int] | None:
        """First and last row of the selection, None when there is none."""
        start, end = sorted((self._anchor, self._caret))
        return None if start == end else (start.row, end.row)

    def selected_text(self) -> str:
        if self._store is None or self._shown is None:
            return ""
        start, end = sorted((self._anchor, self._caret))
        lines = []
        for row in range(start.row, min(end.row + 1, len(self._shown))):
            text = plain(self._store.line(self._shown.number(row)))
            high = end.column if row == end.row else len(text)
            low = start.column if row == start.row else 0
            lines.append(text[low:high])
        return "\n".join(lines)

    def select_all(self) -> None:
        if self._shown is not None and len(self._shown):
            self._anchor = Caret(0, 0)
            self._caret = Caret(len(self._shown) - 1, 1 << 30)
            self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        caret = self._caret_at(event.position().toPoint())
        if not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._anchor = caret
        self._caret = caret
        self.viewport().update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not event.buttons() & Qt.MouseButton.LeftButton:
            return
        point = event.position().toPoint()
        if point.y() < 0 or point.y() > self.viewport().height():
            step = -1 if point.y() < 0 else 1
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + step * 2)
        self._caret = self._caret_at(point)
        self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        clicked = event.button() is Qt.MouseButton.LeftButton and self._anchor == self._caret
        if clicked and self._shown is not None and self._caret.row < len(self._shown):
            self.line_clicked.emit(self._shown.number(self._caret.row))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._store is None or self._shown is None or not len(self._shown):
            return
        caret = self._caret_at(event.position().toPoint())
        text = plain(self._store.line(self._shown.number(caret.row)))
        for word in re.finditer(r"[\w./:@+-]+", text):
            if word.start() <= caret.column <= word.end():
                self._anchor = Caret(caret.row, word.start())
                self._caret = Caret(caret.row, word.end())
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        bar = self.verticalScrollBar()
        key = event.key()
        if event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_all()
        elif event.matches(QKeySequence.StandardKey.ZoomIn):
            self.zoom(1)
        elif event.matches(QKeySequence.StandardKey.ZoomOut):
            self.zoom(-1)
        elif key == Qt.Key.Key_Home:
            bar.setValue(0)
        elif key == Qt.Key.Key_End:
            self.set_following(True)
        elif key in {Qt.Key.Key_Up, Qt.Key.Key_Down}:
            bar.setValue(bar.value() + (1 if key == Qt.Key.Key_Down else -1))
        else:
            super().keyPressEvent(event)


def _clipped(runs: tuple[Piece, ...]) -> tuple[Piece, ...]:
    room = _LONGEST
    found = []
    for run in runs:
        if len(run.text) > room:
            found.append(Piece(run.text[:room] + "…", run.style))
            break
        found.append(run)
        room -= len(run.text)
    return tuple(found)
