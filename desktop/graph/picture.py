"""What the canvas draws, prepared: rectangles, curves and the grid over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QPainterPath

from desktop.graph.geometry import EMPTY, NODE_HEIGHT, NODE_WIDTH, Point, Rect
from desktop.graph.grid import GridIndex
from desktop.graph.layout import Layout

_MOVING_LIMIT = 300
"""Above this many moving nodes a new layout appears at once."""


_WIDE = 1200.0


class Piece(NamedTuple):
    """``tip`` is where the arrow's head goes, on the last piece of an edge."""

    edge: tuple[str, str]
    path: QPainterPath
    tip: Point | None


@dataclass(slots=True)
class Picture:
    """One layout in Qt's types. Nodes and edges are numbered in layout order."""

    layout: Layout
    ids: list[str]
    rects: list[QRectF]
    edges: list[tuple[str, str]]
    pieces: list[Piece]
    """Edges cut at ranks: a long one costs what is seen of it."""
    lines: list[QLineF]
    """All edges as straight pieces, for low detail."""
    nodes_at: GridIndex
    pieces_at: GridIndex
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
    pieces_at = GridIndex()
    pieces: list[Piece] = []
    lines: list[QLineF] = []
    for edge, points in layout.routes.items():
        last = len(points) - 2
        for i, (a, b) in enumerate(pairwise(points)):
            lines.append(QLineF(a.x, a.y, b.x, b.y))
            for path, rect in _drawn(a, b, straight=i % 2 == 1):
                pieces_at.add(len(pieces), rect)
                pieces.append(Piece(edge, path, b if i == last else None))
    islands = [
        (i.group, QRectF(i.rect.x, i.rect.y, i.rect.width, i.rect.height)) for i in layout.islands
    ]
    return Picture(
        layout=layout,
        ids=ids,
        rects=rects,
        edges=list(layout.routes),
        pieces=pieces,
        lines=lines,
        nodes_at=nodes_at,
        pieces_at=pieces_at,
        islands=islands,
        number={name: i for i, name in enumerate(ids)},
    )


def _drawn(a: Point, b: Point, *, straight: bool) -> Iterator[tuple[QPainterPath, Rect]]:
    """The way between two points of a route: vertical through a rank, a smooth curve between
    ranks. A curve much wider than a window comes in parts."""
    path = QPainterPath(QPointF(*a))
    bend = (b.y - a.y) / 2
    width = abs(b.x - a.x)
    if straight or width <= _WIDE:
        if straight:
            path.lineTo(QPointF(*b))
        else:
            path.cubicTo(a.x, a.y + bend, b.x, b.y - bend, b.x, b.y)
        yield path, Rect(min(a.x, b.x) - 2, a.y, width + 4, max(b.y - a.y, 1))
        return
    count = min(48, int(width / (_WIDE / 3)))
    before = a
    for n in range(1, count + 1):
        t = n / count
        eased = t * t * (3 - 2 * t)
        rest = 1 - t
        y = a.y + (3 * rest * rest * t + 3 * rest * t * t) * bend + t * t * t * (b.y - a.y)
        after = Point(a.x + (b.x - a.x) * eased, y)
        part = QPainterPath(QPointF(*before))
        part.lineTo(*after)
        left, high = min(before.x, after.x), min(before.y, after.y)
        wide, tall = abs(after.x - before.x), abs(after.y - before.y)
        yield part, Rect(left - 2, high, wide + 4, max(tall, 1))
        before = after


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
