from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QElapsedTimer, QEvent, QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from core.progress.messages import SolveStatus, Vertex
from desktop.building.request import BuildRequest
from desktop.builds import BuildSession
from desktop.graph.layout import LayoutGraph, LayoutNode
from desktop.theme import ColourScheme, Theme

SECOND = 10**9


@pytest.fixture
def staged() -> Callable[[int], LayoutGraph]:
    """A graph of n nodes: stages of 12 steps on 4 platforms, each on the stage of half its
    number."""

    def staged(count: int) -> LayoutGraph:
        nodes: list[LayoutNode] = []
        edges: list[tuple[str, str]] = []
        stage = 0
        while len(nodes) < count:
            for lane in range(4):
                for step in range(12):
                    name = f"{stage}/{lane}/{step}"
                    nodes.append(LayoutNode(id=name, group=f"stage{stage}", lane=lane))
                    if step:
                        edges.append((f"{stage}/{lane}/{step - 1}", name))
                if stage:
                    edges.append((f"{stage // 2}/{lane}/11", f"{stage}/{lane}/6"))
            stage += 1
        return LayoutGraph(
            nodes=tuple(nodes[:count]), edges=tuple(e for e in edges if e[0] != e[1])
        )

    return staged


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return Theme(ColourScheme.LIGHT)


@pytest.fixture
def vertices() -> Callable[[int, int], list[Vertex]]:
    """The waiting vertices of a build of so many platforms and steps."""

    def vertices(platforms: int, steps: int) -> list[Vertex]:
        found = []
        for p in range(platforms):
            name = f"linux/arch{p}"
            for s in range(steps):
                found.append(
                    Vertex(
                        digest=f"sha256:{p:04d}{s:04d}",
                        inputs=(f"sha256:{p:04d}{s - 1:04d}",) if s else (),
                        name=f"[{name} stage{s // 12} {s % 12 + 1}/12] RUN step {s}",
                        platforms=(name,),
                        stage=f"stage{s // 12}",
                        kind="run",
                    )
                )
        return found

    return vertices


@pytest.fixture
def session(
    qapp: QApplication, tmp_path: Path, vertices: Callable[[int, int], list[Vertex]]
) -> Iterator[Callable[[int, int], BuildSession]]:
    made: list[BuildSession] = []

    def session(platforms: int, steps: int) -> BuildSession:
        request = BuildRequest(
            dockerfile=tmp_path / "Dockerfile",
            context=tmp_path,
            platforms=tuple(f"linux/arch{p}" for p in range(platforms)),
        )
        found = BuildSession(request, plan=None)
        found.begin("bench")
        found.take(SolveStatus(vertexes=tuple(vertices(platforms, steps))))
        made.append(found)
        return found

    yield session
    for found in made:
        found.close()
        found.deleteLater()


@pytest.fixture
def shown() -> Iterator[Callable[[QWidget], None]]:
    widgets: list[QWidget] = []

    def shown(widget: QWidget) -> None:
        widget.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
        widget.resize(1400, 900)
        widget.show()
        widgets.append(widget)

    yield shown
    for widget in widgets:
        widget.hide()
        widget.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


class Watched:
    """What the window's thread went through: the longest work between two beats of 10 ms, the
    longest time until a beat came, and its processor time."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self.waited_ms = 0.0
        self.cpu_seconds = 0.0
        self.grown_mb = 0.0


@pytest.fixture
def watch(qapp: QApplication) -> Callable[[float, int, Callable[[], None]], Watched]:
    """Run the event loop for some seconds, calling a function every so many milliseconds."""

    def watch(seconds: float, every_ms: int, feed: Callable[[], None]) -> Watched:
        found = Watched()
        loop = QEventLoop()
        clock = QElapsedTimer()
        spent = [time.thread_time()]
        beat = QTimer(interval=10)
        beat.setTimerType(Qt.TimerType.PreciseTimer)

        def tick() -> None:
            # The window's own work between two beats: what other programs take is not its pause.
            now = time.thread_time()
            found.longest_ms = max(found.longest_ms, (now - spent[0]) * 1000)
            spent[0] = now
            found.waited_ms = max(found.waited_ms, clock.nsecsElapsed() / 1e6 - 10)
            clock.restart()

        beat.timeout.connect(tick)
        source = QTimer(interval=every_ms)
        source.setTimerType(Qt.TimerType.PreciseTimer)
        source.timeout.connect(feed)
        QTimer.singleShot(int(seconds * 1000), loop.quit)
        gc.collect()
        before, memory = time.process_time(), _megabytes()
        spent[0] = time.thread_time()
        clock.start()
        beat.start()
        source.start()
        loop.exec()
        beat.stop()
        source.stop()
        found.cpu_seconds = time.process_time() - before
        found.grown_mb = _megabytes() - memory
        return found

    return watch


def _megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6
