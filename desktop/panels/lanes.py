"""The Platforms panel: a lane per platform beside the matrix of steps and platforms."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.progress.messages import SolveStatus
from desktop.models.graph import BuildGraph
from desktop.models.history_times import StepTimes
from desktop.models.lanes import lanes
from desktop.panels.lane_card import LaneCard
from desktop.panels.matrix import MatrixPanel
from desktop.selection import Selection
from desktop.settings.paths import state_folder
from desktop.theme.theme import Theme

if TYPE_CHECKING:
    from core.frontend.plan import Plan
    from desktop.builds import BuildSession

_TICK_MS = 250


class LanesPanel(QWidget):
    """Shows a plan, and over it the build of it. Looks four times a second while one runs."""

    def __init__(
        self,
        theme: Theme,
        selection: Selection,
        parent: QWidget | None = None,
        *,
        times: StepTimes | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._selection = selection
        self._times = times or StepTimes(state_folder() / "step-times.json")
        self._graph = BuildGraph()
        self._build: BuildSession | None = None
        self._cards: dict[str, LaneCard] = {}
        self._learnt = False
        self.matrix = MatrixPanel(theme, selection, self)
        self.matrix.set_graph(self._graph)
        self._list = QWidget(self)
        self._list.setProperty("role", "page")
        self._column = QVBoxLayout(self._list)
        self._column.setContentsMargins(8, 8, 8, 8)
        self._column.setSpacing(6)
        self._column.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(self._list)
        scroll.setMinimumWidth(320)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        split = QSplitter(Qt.Orientation.Horizontal, self)
        split.addWidget(scroll)
        split.addWidget(self.matrix)
        split.setStretchFactor(0, 4)
        split.setStretchFactor(1, 5)
        split.setSizes([380, 620])
        self._empty = QLabel(self.tr("Each platform of the build has a lane here."))
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setProperty("role", "muted")
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(split)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self._stack)
        self._tick = QTimer(self, interval=_TICK_MS)
        self._tick.timeout.connect(self._refresh)
        selection.platform_changed.connect(self._platform_chosen)

    def set_plan(self, plan: Plan | None) -> None:
        """Show what would be built. A build that is shown stays in front."""
        if self._build is None:
            self._graph.set_plan(plan)
            self._refresh()

    def set_build(self, build: BuildSession | None) -> None:
        """Follow ``build``; None goes back to the plan."""
        if self._build is not None:
            self._build.changed.disconnect(self._changed)
            self._build.status_changed.disconnect(self._status_changed)
        self._build = build
        self._learnt = build is not None and (build.status.ended or hasattr(build, "seek"))
        if build is None:
            self._graph.set_state(None)
        else:
            self._graph = BuildGraph()
            self.matrix.set_graph(self._graph)
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
        if self._build.status.ended and not self._learnt:
            self._learnt = True
            self._times.learn(self._graph)
        self._run_clock()
        self._refresh()

    def _run_clock(self) -> None:
        if self._build is not None and not self._build.status.ended and self.isVisible():
            self._tick.start()
        else:
            self._tick.stop()

    def showEvent(self, event: object) -> None:
        self._run_clock()
        self._refresh()

    def hideEvent(self, event: object) -> None:
        self._tick.stop()

    def _now(self) -> int:
        build = self._build
        if build is not None:
            clock = getattr(build, "now", None)
            if clock is not None:
                return int(clock())
            if build.completed is not None:
                return build.completed
        return time.time_ns()

    def _refresh(self) -> None:
        if not self.isVisible():
            return
        now = self._now()
        state = self._build.state if self._build is not None else None
        found = lanes(self._graph, state, self._times, now)
        if [f.platform for f in found] != list(self._cards):
            self._remake([f.platform for f in found])
        for facts in found:
            self._cards[facts.platform].show_facts(facts)
        self.matrix.refresh(now)
        self._stack.setCurrentIndex(1 if found else 0)

    def _remake(self, platforms: list[str]) -> None:
        for card in self._cards.values():
            self._column.removeWidget(card)
            card.deleteLater()
        self._cards = {}
        for number, platform in enumerate(platforms):
            card = LaneCard(self._theme, platform, self._list)
            card.chosen.connect(lambda p: self._selection.set_platform(p, None))
            self._column.insertWidget(number, card)
            self._cards[platform] = card

    def _platform_chosen(self, platform: str, _origin: object) -> None:
        for name, card in self._cards.items():
            card.set_selected(name == platform)
