"""What the graph costs: layout, panning, fitting."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from desktop.graph.canvas import GraphCanvas
from desktop.graph.growth import updated
from desktop.graph.layout import LayoutGraph, layout
from desktop.graph.look import Chip, Look
from desktop.theme import Theme

pytestmark = [
    pytest.mark.bench,
    pytest.mark.qt_log_ignore("propagateSizeHints"),
]
Staged = Callable[[int], LayoutGraph]


def best(work: Callable[[], object], rounds: int = 3) -> float:
    """Milliseconds of the quickest of some runs: the others had company."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return min(times)


@pytest.mark.parametrize(("count", "limit"), [(2000, 130), (5000, 1000)])
def test_layout(staged: Staged, count: int, limit: int, record_property: object) -> None:
    graph = staged(count)
    spent = best(lambda: layout(graph))
    print(f"layout of {count}: {spent:.0f} ms")
    assert spent < limit


def test_growth_by_one_vertex(staged: Staged) -> None:
    graph = staged(2001)
    old = layout(LayoutGraph(nodes=graph.nodes[:2000], edges=graph.edges))
    spent = best(lambda: updated(graph, old))
    print(f"one vertex more in 2000: {spent:.0f} ms")
    assert spent < 130


@pytest.fixture
def canvas(theme: Theme, staged: Staged, shown: Callable[[QWidget], None]) -> GraphCanvas:
    found = GraphCanvas(theme)
    shown(found)
    graph = staged(5000)
    tokens = ("done", "running", "waiting", "cached", "failed")
    looks = {
        node.id: Look(
            title=f"RUN apt-get install --yes package-{i}",
            token=tokens[i % 5],
            status=tokens[i % 5],
            time="12s",
            detail="package.json changed",
            chips=(
                Chip(text="amd64", token="done", state="done", icon="done"),
                Chip(text="arm64", token="running", state="running", icon="running"),
            ),
        )
        for i, node in enumerate(graph.nodes)
    }
    found.marks.looks = looks
    found.set_layout(layout(graph))
    found.set_looks(looks)
    return found


def frames(canvas: GraphCanvas, move: Callable[[], None], count: int = 30) -> float:
    """Milliseconds of a whole repaint after each move: the lower quartile, for other programs run
    too."""
    image = QImage(canvas.size(), QImage.Format.Format_RGB32)
    times = []
    for _ in range(count):
        move()
        began = time.perf_counter()
        canvas.render(image)
        times.append((time.perf_counter() - began) * 1000)
    return sorted(times)[count // 4]


def test_panning_at_one_to_one(canvas: GraphCanvas) -> None:
    canvas.show_node("40/2/6")
    canvas.zoom(1.0 / canvas.scale)
    spent = frames(canvas, lambda: canvas.pan(-37, -11))
    print(f"pan at 1:1 over 5000: {spent:.1f} ms")
    assert spent < 16


def test_the_whole_of_it(canvas: GraphCanvas) -> None:
    canvas.fit()
    spent = frames(canvas, lambda: None)
    print(f"5000 fitted: {spent:.1f} ms")
    assert spent < 50
