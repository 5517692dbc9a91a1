"""The painted part of the timeline: axis, lanes of bars, parallelism."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from desktop.models.graph import BuildGraph
from desktop.models.graph_status import Status
from desktop.models.graph_words import duration_text, short_platform
from desktop.models.timeline import Bar, Timeline, Work, ticks
from desktop.theme.theme import Theme

_ROW = 22
_LANE_GAP = 10
_LABEL = 110
_AXIS = 24
_STRIP = 46
_SHORTEST = 3.0

_ROLES = {
    Work.WAIT: "waiting",
    Work.RUN: "running",
    Work.COPY: "cached",
    Work.PULL: "cross",
    Work.COMPRESS: "emulated",
    Work.PUSH: "done",
    Work.INTERNAL: "skipped",
}


class TimelineView(QAbstractScrollArea):
    """Zoomed in time alone: Ctrl with the wheel, + and −, 0 for all."""

    clicked = Signal(str)
    """An entry id."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._graph = BuildGraph()
        self._timeline = Timeline()
        self._zoom = 1.0
        self._selected = ""
        self._show_critical = True
        self._hits: list[tuple[QRectF, Bar]] = []
        self._metrics = QFontMetricsF(self.font())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Timeline of the build"))
        self.viewport().setMouseTracking(True)
        theme.changed.connect(self.viewport().update)

    @property
    def timeline(self) -> Timeline:
        return self._timeline

    def set_timeline(self, graph: BuildGraph, found: Timeline) -> None:
        at_end = self.horizontalScrollBar().value() >= self.horizontalScrollBar().maximum()
        self._graph, self._timeline = graph, found
        self._fit_bars()
        if at_end:
            self.horizontalScrollBar().setValue(self.horizontalScrollBar().maximum())
        self.viewport().update()

    def set_selected(self, entry: str) -> None:
        self._selected = entry
        self.viewport().update()

    def set_critical(self, on: bool) -> None:
        self._show_critical = on
        self.viewport().update()

    # Geometry

    def _seconds(self) -> float:
        return max(0.001, (self._timeline.end - self._timeline.start) / 1e9)

    def _width(self) -> float:
        """Pixels of the whole build."""
        return max(50.0, (self.viewport().width() - _LABEL - 20) * self._zoom)

    def _x(self, moment: int) -> float:
        share = (moment - self._timeline.start) / 1e9 / self._seconds()
        return _LABEL + share * self._width() - self.horizontalScrollBar().value()

    def _content_height(self) -> int:
        rows = sum(lane.rows * _ROW + _LANE_GAP for lane in self._timeline.lanes if lane.rows)
        return _AXIS + rows + _STRIP + 8

    def _fit_bars(self) -> None:
        view = self.viewport()
        across = int(self._width() + _LABEL + 20 - view.width())
        self.horizontalScrollBar().setRange(0, max(0, across))
        self.horizontalScrollBar().setPageStep(view.width())
        down = self._content_height() - view.height()
        self.verticalScrollBar().setRange(0, max(0, down))
        self.verticalScrollBar().setPageStep(view.height())
        self.verticalScrollBar().setSingleStep(_ROW)

    def zoom(self, factor: float, at: float | None = None) -> None:
        """Around the view's x coordinate ``at``."""
        at = at if at is not None else self.viewport().width() / 2
        before = (at - _LABEL + self.horizontalScrollBar().value()) / self._width()
        self._zoom = min(400.0, max(1.0, self._zoom * factor))
        self._fit_bars()
        self.horizontalScrollBar().setValue(int(before * self._width() - at + _LABEL))
        self.viewport().update()

    def fit(self) -> None:
        self._zoom = 1.0
        self._fit_bars()
        self.viewport().update()

    # Painting

    def _colour(self, role: str) -> QColor:
        return QColor(getattr(self._theme.tokens, role))

    def paintEvent(self, event: QPaintEvent) -> None:
        view = self.viewport()
        painter = QPainter(view)
        painter.fillRect(view.rect(), self._colour("surface"))
        self._hits = []
        if not self._timeline.lanes or not self._timeline.end:
            painter.end()
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top = _AXIS - self.verticalScrollBar().value()
        self._grid(painter)
        for lane in self._timeline.lanes:
            if not lane.rows:
                continue
            height = lane.rows * _ROW
            if top + height >= _AXIS and top <= view.height():
                self._bars(painter, lane.bars, top)
            top += height + _LANE_GAP
        self._strip(painter, top)
        self._labels(painter)
        self._axis(painter)
        painter.end()

    def _grid(self, painter: QPainter) -> None:
        painter.setPen(QPen(self._colour("border"), 0))
        for second in ticks(self._seconds(), self._width()):
            x = self._x(self._timeline.start + int(second * 1e9))
            if x >= _LABEL:
                painter.drawLine(QPointF(x, _AXIS), QPointF(x, self.viewport().height()))

    def _axis(self, painter: QPainter) -> None:
        area = QRect(0, 0, self.viewport().width(), _AXIS - 2)
        painter.fillRect(area, self._colour("window"))
        painter.setPen(self._colour("text_muted"))
        for second in ticks(self._seconds(), self._width()):
            x = self._x(self._timeline.start + int(second * 1e9))
            if x >= _LABEL - 1:
                text = duration_text(second) if second else "0"
                painter.drawText(QPointF(x + 3, _AXIS - 9), text)

    def _labels(self, painter: QPainter) -> None:
        """The names of the lanes, over whatever is scrolled below them."""
        height = self.viewport().height()
        painter.fillRect(QRectF(0, _AXIS - 2, _LABEL - 4, height), self._colour("window"))
        top = _AXIS - self.verticalScrollBar().value()
        font = painter.font()
        for lane in self._timeline.lanes:
            if not lane.rows:
                continue
            lane_height = lane.rows * _ROW
            font.setBold(True)
            painter.setFont(font)
            painter.setPen(self._colour("text"))
            name = short_platform(lane.platform) if lane.platform else self.tr("builder")
            room = QRectF(8, top, _LABEL - 16, min(lane_height, 40))
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, name)
            painter.setPen(QPen(self._colour("border"), 0))
            y = top + lane_height + _LANE_GAP / 2
            painter.drawLine(QPointF(0, y), QPointF(self.viewport().width(), y))
            top += lane_height + _LANE_GAP
        font.setBold(False)
        painter.setFont(font)
        painter.setPen(self._colour("text_muted"))
        painter.drawText(QPointF(8, top + 16), self.tr("parallel steps"))
        peak = max((level for _, level in self._timeline.parallel), default=0)
        if peak:
            painter.drawText(QPointF(8, top + 32), self.tr("up to %n", "", peak))

    def _bars(self, painter: QPainter, bars: tuple[Bar, ...], top: float) -> None:
        width = self.viewport().width()
        critical = self._timeline.critical if self._show_critical else frozenset()
        for bar in bars:
            left, right = self._x(bar.start), self._x(bar.end)
            right = max(right, left + _SHORTEST)
            if right < _LABEL or left > width:
                continue
            rect = QRectF(left, top + bar.row * _ROW + 2, right - left, _ROW - 4)
            self._bar(painter, rect, bar, bar.entry in critical)
            if bar.work is not Work.WAIT:
                self._hits.append((rect, bar))

    def _bar(self, painter: QPainter, rect: QRectF, bar: Bar, critical: bool) -> None:
        role = _ROLES[bar.work]
        if bar.work is Work.WAIT:
            painter.setPen(QPen(self._colour("border_strong"), 1, Qt.PenStyle.DotLine))
            y = rect.center().y()
            painter.drawLine(QPointF(rect.x(), y), QPointF(rect.right(), y))
            return
        if bar.status in {Status.FAILED, Status.CANCELLED}:
            role = bar.status.token
        colour = self._colour(role)
        outline = QPen(colour, 1)
        if critical:
            outline = QPen(self._colour("accent"), 2)
        if bar.entry == self._selected:
            outline = QPen(self._colour("text"), 2)
        painter.setPen(outline)
        painter.setBrush(self._colour(f"{role}_soft"))
        painter.drawRoundedRect(rect, 3, 3)
        painter.fillRect(QRectF(rect.x(), rect.y() + 1, min(4, rect.width()), rect.height() - 2),
                         colour)  # fmt: skip
        visible = rect.intersected(QRectF(_LABEL, rect.y(), self.viewport().width(), rect.height()))
        room = visible.width() - 14
        if room < 24:
            return
        x = visible.x() + 9
        if bar.status in {Status.FAILED, Status.CANCELLED, Status.CACHED} and not bar.part:
            spot = QRectF(x, rect.center().y() - 6, 12, 12)
            self._theme.icons.paint(painter, spot, bar.status.token, colour.name())
            x += 16
            room -= 16
        painter.setPen(self._colour("text"))
        entry = self._graph.entries.get(bar.entry)
        title = bar.part or (entry.title if entry is not None else "")
        text = self._metrics.elidedText(title, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QPointF(x, rect.center().y() + self._metrics.ascent() / 2 - 1), text)

    def _strip(self, painter: QPainter, top: float) -> None:
        """How many steps were at work, over time."""
        points = self._timeline.parallel
        peak = max((level for _, level in points), default=0)
        if not peak:
            return
        base = top + _STRIP - 6
        unit = (_STRIP - 18) / peak
        shape = QPolygonF([QPointF(self._x(points[0][0]), base)])
        level = 0
        for moment, new in points:
            x = self._x(moment)
            shape.append(QPointF(x, base - level * unit))
            shape.append(QPointF(x, base - new * unit))
            level = new
        shape.append(QPointF(self._x(points[-1][0]), base))
        painter.setPen(QPen(self._colour("running"), 1))
        painter.setBrush(self._colour("running_soft"))
        painter.drawPolygon(shape)

    # Events

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit_bars()

    def _bar_at(self, point: QPointF) -> Bar | None:
        if point.x() < _LABEL or point.y() < _AXIS:
            return None
        return next((bar for rect, bar in reversed(self._hits) if rect.contains(point)), None)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        bar = self._bar_at(event.position())
        self.set_selected(bar.entry if bar is not None else "")
        self.clicked.emit(bar.entry if bar is not None else "")

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(1.0015 ** event.angleDelta().y(), event.position().x())
            event.accept()
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in {Qt.Key.Key_Plus, Qt.Key.Key_Equal}:
            self.zoom(1.5)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / 1.5)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key in {Qt.Key.Key_Left, Qt.Key.Key_Right}:
            self._walk(1 if key == Qt.Key.Key_Right else -1)
        else:
            super().keyPressEvent(event)

    def _walk(self, step: int) -> None:
        order = sorted(
            {b.entry: b.start for lane in self._timeline.lanes for b in lane.bars}.items(),
            key=lambda item: item[1],
        )
        names = [name for name, _ in order]
        if not names:
            return
        at = names.index(self._selected) + step if self._selected in names else 0
        self.set_selected(names[max(0, min(at, len(names) - 1))])
        self.clicked.emit(self._selected)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            bar = self._bar_at(QPointF(event.pos()))
            if bar is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), self._words(bar), self)
            return True
        return super().viewportEvent(event)

    def _words(self, bar: Bar) -> str:
        entry = self._graph.entries.get(bar.entry)
        lines = [entry.title] if entry is not None else []
        if bar.part:
            lines.append(bar.part)
        lines.append(f"{work_words(bar.work, self)}, {duration_text((bar.end - bar.start) / 1e9)}")
        began = (bar.start - self._timeline.start) / 1e9
        lines.append(self.tr("began after {0}").format(duration_text(began)))
        return "\n".join(lines)


def work_words(work: Work, widget: QWidget) -> str:
    return {
        Work.WAIT: widget.tr("waiting"),
        Work.RUN: widget.tr("running"),
        Work.COPY: widget.tr("copying"),
        Work.PULL: widget.tr("pulling"),
        Work.COMPRESS: widget.tr("compressing"),
        Work.PUSH: widget.tr("pushing"),
        Work.INTERNAL: widget.tr("builder"),
    }[work]


def work_role(work: Work) -> str:
    """The theme's role of a kind of work."""
    return _ROLES[work]
