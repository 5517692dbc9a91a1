"""The timeline panel: the painted axis, a legend, zoom."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, QTimer
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from core.errors import LineRange
from core.progress.messages import SolveStatus
from desktop.models.graph import BuildGraph
from desktop.models.timeline import Timeline, Work, timeline
from desktop.panels.timeline_view import TimelineView, work_role, work_words
from desktop.selection import Selection
from desktop.theme.theme import Theme

if TYPE_CHECKING:
    from core.frontend.plan import Plan
    from desktop.builds import BuildSession

_TICK_MS = 250


class TimelinePanel(QWidget):
    """Shows when each step of a build waited and worked."""

    def __init__(self, theme: Theme, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._selection = selection
        self._build: BuildSession | None = None
        self._graph = BuildGraph()
        self.view = TimelineView(theme, self)
        self.view.clicked.connect(self._chosen)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self._tool_bar())
        box.addWidget(self.view, 1)
        self._tick = QTimer(self, interval=_TICK_MS)
        self._tick.timeout.connect(self._refresh)
        selection.vertex_changed.connect(self._selected_elsewhere)
        theme.changed.connect(self._dress)
        self._dress()

    def _tool_bar(self) -> QWidget:
        bar = QFrame(self)
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(6)
        self._legend: list[tuple[QLabel, Work]] = []
        for work in (Work.WAIT, Work.PULL, Work.COPY, Work.RUN, Work.COMPRESS, Work.PUSH):
            swatch = QLabel(bar)
            row.addWidget(swatch)
            words = QLabel(work_words(work, self), bar)
            words.setProperty("role", "muted")
            row.addWidget(words)
            row.addSpacing(6)
            self._legend.append((swatch, work))
        row.addStretch(1)
        self._buttons: list[tuple[QToolButton, str]] = []
        for icon, text, slot in (
            ("timeline", self.tr("Critical path"), self.view.set_critical),
            ("plus", self.tr("Zoom in (+)"), lambda: self.view.zoom(1.5)),
            ("minus", self.tr("Zoom out (−)"), lambda: self.view.zoom(1 / 1.5)),
            ("target", self.tr("Show all (0)"), self.view.fit),
        ):
            button = QToolButton(bar)
            button.setToolTip(text)
            button.setAccessibleName(text)
            if icon == "timeline":
                button.setCheckable(True)
                button.setChecked(True)
                button.toggled.connect(slot)
            else:
                button.clicked.connect(lambda _=False, run=slot: run())
            row.addWidget(button)
            self._buttons.append((button, icon))
        return bar

    def _dress(self) -> None:
        for button, icon in self._buttons:
            button.setIcon(self._theme.icons.get(icon))
        for swatch, work in self._legend:
            swatch.setPixmap(self._swatch(work))

    def _swatch(self, work: Work) -> QPixmap:
        role = work_role(work)
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(QSize(14, 12) * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(QColor(getattr(self._theme.tokens, f"{role}_soft")))
        painter = QPainter(pixmap)
        if work is Work.WAIT:
            painter.fillRect(0, 0, 14, 12, QColor(self._theme.tokens.window))
            painter.fillRect(0, 5, 14, 2, QColor(self._theme.tokens.border_strong))
        else:
            painter.fillRect(0, 0, 4, 12, QColor(getattr(self._theme.tokens, role)))
        painter.end()
        return pixmap

    def set_plan(self, plan: Plan | None) -> None:
        """A plan has no times."""

    def set_build(self, build: BuildSession | None) -> None:
        """Follow ``build``."""
        if self._build is not None:
            self._build.changed.disconnect(self._changed)
            self._build.status_changed.disconnect(self._status_changed)
        self._build = build
        self._graph = BuildGraph()
        if build is not None:
            if build.plan is not None:
                self._graph.set_plan(build.plan)
            platforms = tuple(build.request.platforms)
            self._graph.set_state(build.state, platforms, ended=build.status.ended)
            build.changed.connect(self._changed)
            build.status_changed.connect(self._status_changed)
        self._run_clock()
        self._refresh()

    def _changed(self, status: SolveStatus) -> None:
        if self._build is not None and self._build.state is not self._graph.state:
            self.set_build(self._build)  # a recorded build went back in time
            return
        self._graph.refresh([v.digest for v in status.vertexes])
        if not self._tick.isActive():
            self._refresh()

    def _status_changed(self) -> None:
        assert self._build is not None
        self._graph.set_ended(self._build.status.ended)
        self._run_clock()
        self._refresh()

    def _run_clock(self) -> None:
        running = self._build is not None and not self._build.status.ended
        if running and self.isVisible():
            self._tick.start()
        else:
            self._tick.stop()

    def showEvent(self, event: object) -> None:
        self._run_clock()
        self._refresh()

    def hideEvent(self, event: object) -> None:
        self._tick.stop()

    def _refresh(self) -> None:
        if not self.isVisible():
            return
        build = self._build
        if build is None:
            self.view.set_timeline(self._graph, Timeline())
            return
        clock = getattr(build, "now", None)
        now = int(clock()) if clock is not None else build.completed or time.time_ns()
        self.view.set_timeline(self._graph, timeline(self._graph, now))

    def _chosen(self, entry: str) -> None:
        found = self._graph.entries.get(entry)
        self._selection.set_vertex(found.vertex if found is not None else "", self)
        if found is not None and found.ranges:
            first = min(r.start for r in found.ranges)
            last = max(r.end for r in found.ranges)
            self._selection.set_lines(LineRange(first, last), self)

    def _selected_elsewhere(self, vertex: str, origin: object) -> None:
        if origin is self:
            return
        entry = next((e.id for e in self._graph.entries.values() if e.vertex == vertex), "")
        self.view.set_selected(entry if vertex else "")
