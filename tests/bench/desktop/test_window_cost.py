"""What a build costs the window: floods of events, and a usual build."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QTabWidget, QWidget

from core.progress.messages import SolveStatus, Vertex, VertexLog, VertexStatus
from desktop.builds import BuildSession, BuildStatus
from desktop.models.history_times import StepTimes
from desktop.panels.graph import GraphPanel
from desktop.panels.lanes import LanesPanel
from desktop.panels.log import LogPanel
from desktop.panels.timeline import TimelinePanel
from desktop.selection import Selection
from desktop.theme import Theme

pytestmark = [
    pytest.mark.bench,
    pytest.mark.qt_log_ignore("propagateSizeHints"),
]
SECOND = 10**9
Session = Callable[[int, int], BuildSession]


@pytest.fixture
def panels(theme: Theme, shown: Callable[[QWidget], None]) -> QSplitter:
    """As in the window: the graph and the log are seen, lanes and timeline are in tabs behind."""
    selection = Selection()
    whole = QSplitter(Qt.Orientation.Vertical)
    whole.addWidget(GraphPanel(theme, selection))
    tabs = QTabWidget()
    tabs.addTab(LogPanel(theme, selection), "log")
    tabs.addTab(TimelinePanel(theme, selection), "timeline")
    tabs.addTab(LanesPanel(theme, selection, times=StepTimes()), "platforms")
    whole.addWidget(tabs)
    shown(whole)
    return whole


def follow(panels: QSplitter, session: BuildSession | None) -> None:
    for kind in (GraphPanel, LogPanel, LanesPanel, TimelinePanel):
        for panel in panels.findChildren(kind):
            panel.set_build(session)


def test_a_flood_of_events(
    panels: QSplitter, session: Session, watch: Callable[..., object]
) -> None:
    """100,000 counters and 1,000,000 lines in 10 seconds: no frame over 50 ms."""
    build = session(4, 30)
    follow(panels, build)
    digests = list(build.state.vertices)
    turn, fed = count(), [0]
    text = b"".join(b"\x1b[32m%06d\x1b[0m compiling some/module/file.c with -O2\n" % n
                    for n in range(100))  # fmt: skip

    began = time.monotonic()

    def feed() -> None:
        while fed[0] < (time.monotonic() - began) * 100:
            hundredth()

    def hundredth() -> None:
        # A hundredth of a second: 100 counters and 1,000 lines, as a fast builder sends them.
        n = next(turn)
        fed[0] = n + 1
        now = (build.started or 0) + n * SECOND // 100
        working = digests[n // 40 % len(digests)]
        if n % 40 == 0:
            started = build.state.vertices[working].vertex
            build.take(SolveStatus(vertexes=(_started(started, now),)))
        statuses = tuple(
            VertexStatus(id=f"layer{k % 7}", vertex=digests[(n + k) % len(digests)],
                         current=n, total=2000, timestamp=now)
            for k in range(100)
        )  # fmt: skip
        build.take(SolveStatus(statuses=statuses))
        for k in range(10):
            log = VertexLog(vertex=digests[(n + k) % 8], data=text, timestamp=now)
            build.take(SolveStatus(logs=(log,)))

    found = watch(10.0, 10, feed)
    events, lines = next(turn) * 100, len(build.lines)
    print(
        f"{events} counters, {lines} lines: longest work {found.longest_ms:.0f} ms "
        f"(late by {found.waited_ms:.0f} at most), {found.cpu_seconds:.1f} s of processor, "
        f"{found.grown_mb:.0f} MB more"
    )
    follow(panels, None)
    assert lines >= 990_000
    assert found.longest_ms < 50
    assert found.grown_mb < 120


def test_a_usual_build(panels: QSplitter, session: Session, watch: Callable[..., Any]) -> None:
    """8 platforms x 60 steps cost the window under a tenth of one core."""
    build = session(8, 60)
    follow(panels, build)
    digests = list(build.state.vertices)
    turn = count()

    def feed() -> None:
        # Every 50 ms one step ends, the next begins, and eight steps print a line.
        n = next(turn)
        now = (build.started or 0) + n * SECOND // 20
        changed = []
        for platform in range(8):
            if n % 8 == platform:
                at = platform * 60 + n // 8
                if n // 8:
                    before = build.state.vertices[digests[at - 1]].vertex
                    changed.append(_started(before, now - SECOND, now))
                changed.append(_started(build.state.vertices[digests[at]].vertex, now))
        logs = tuple(
            VertexLog(vertex=digests[p * 60 + n // 8], data=b"some output\n", timestamp=now)
            for p in range(8)
        )
        build.take(SolveStatus(vertexes=tuple(changed), logs=logs))

    found = watch(10.0, 50, feed)
    share = found.cpu_seconds / 10
    print(f"8 x 60 steps: {share:.1%} of one core, longest work {found.longest_ms:.0f} ms")
    follow(panels, None)
    build.end(BuildStatus.DONE)
    assert share < 0.10


def _started(vertex: Vertex, started: int, completed: int | None = None) -> Vertex:
    return Vertex(
        digest=vertex.digest, inputs=vertex.inputs, name=vertex.name, platforms=vertex.platforms,
        stage=vertex.stage, kind=vertex.kind, started=started, completed=completed,
    )  # fmt: skip
