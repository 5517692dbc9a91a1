"""What the canvas draws, prepared: rectangles, curves and the grid over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QPainterPath

from desktop.graph.geometry import EMPTY, NODE_HEIGHT, NODE_WIDTH, Point, Rect
from desktop.graph.grid import GridIndex
from desktop.graph.layout import Layout

_MOVING_LIMIT = 300
"""Above this many moving nodes a new layout appears at once."""


@dataclass(slots=True)
class Picture:
    """One layout in Qt's types. Nodes and edges are numbered in layout order."""

    layout: Layout
    ids: list[str]
    rects: list[QRectF]
    edges: list[tuple[str, str]]
    paths: list[QPainterPath]
    lines: list[QLineF]
    """All edges as straight pieces, for low detail."""
    nodes_at: GridIndex
    edges_at: GridIndex
    islands: list[tuple[str, QRectF]]
    number: Mapping[str, int] = field(default_factory=dict)

    def node_at(self, point: QPointF) -> str | None:
        x, y = point.x(), point.y()
        for i in self.nodes_at.query(Rect(x, y, 0, 0)):
            if self.rects[i].contains(point):
                return self.ids[i]
        return None


def picture(layout: Layout) -> Picture:
    ids = list(layout.positions)
    rects = [QRectF(p.x, p.y, NODE_WIDTH, NODE_HEIGHT) for p in layout.positions.values()]
    nodes_at = GridIndex()
    for i, p in enumerate(layout.positions.values()):
        nodes_at.add(i, Rect(p.x, p.y, NODE_WIDTH, NODE_HEIGHT))
    edges_at = GridIndex()
    paths: list[QPainterPath] = []
    lines: list[QLineF] = []
    for i, points in enumerate(layout.routes.values()):
        paths.append(curve(points))
        for a, b in pairwise(points):
            lines.append(QLineF(a.x, a.y, b.x, b.y))
            left = min(a.x, b.x)
            edges_at.add(i, Rect(left - 2, a.y, abs(a.x - b.x) + 4, max(b.y - a.y, 1)))
    islands = [
        (i.group, QRectF(i.rect.x, i.rect.y, i.rect.width, i.rect.height)) for i in layout.islands
    ]
    return Picture(
        layout=layout,
        ids=ids,
        rects=rects,
        edges=list(layout.routes),
        paths=paths,
        lines=lines,
        nodes_at=nodes_at,
        edges_at=edges_at,
        islands=islands,
        number={name: i for i, name in enumerate(ids)},
    )


def curve(points: tuple[Point, ...]) -> QPainterPath:
    """Vertical through ranks, smooth between them."""
    path = QPainterPath(QPointF(*points[0]))
    for index in range(0, len(points) - 1, 2):
        a, b = points[index], points[index + 1]
        bend = (b.y - a.y) / 2
        path.cubicTo(a.x, a.y + bend, b.x, b.y - bend, b.x, b.y)
        if index + 2 < len(points):
            path.lineTo(QPointF(*points[index + 2]))
    return path


def can_move(old: Layout, new: Layout) -> bool:
    """Whether the way from one layout to the other is worth an animation."""
    moving = sum(
        1 for name, p in new.positions.items() if (q := old.positions.get(name)) and q != p
    )
    return 0 < moving <= _MOVING_LIMIT


def between(old: Layout, new: Layout, share: float) -> Layout:
    """The layout on the way: 0 is ``old``, 1 is ``new``; nodes of ``new`` alone are in place."""
    if share >= 1:
        return new
    positions: dict[str, Point] = {}
    for name, p in new.positions.items():
        q = old.positions.get(name, p)
        positions[name] = Point(q.x + (p.x - q.x) * share, q.y + (p.y - q.y) * share)
    half = NODE_WIDTH / 2
    routes = {}
    for a, b in new.routes:
        p, q = positions[a], positions[b]
        routes[a, b] = (Point(p.x + half, p.y + NODE_HEIGHT), Point(q.x + half, q.y))
    bounds = new.bounds if old.bounds == EMPTY else new.bounds.united(old.bounds)
    return Layout(
        positions=positions, ranks=new.ranks, routes=routes, islands=new.islands, bounds=bounds
    )
