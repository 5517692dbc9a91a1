"""Where edges run: straight to the next rank, through gaps between nodes otherwise."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping

from desktop.graph.geometry import GAP_X, NODE_HEIGHT, NODE_WIDTH, ROW_PITCH, Point

_CLEARANCE = 8


class Rows:
    """The nodes of each rank by their left edges, to find gaps."""

    def __init__(self, positions: Mapping[str, Point], ranks: Mapping[str, int]) -> None:
        rows: dict[int, list[float]] = defaultdict(list)
        for node, (x, _) in positions.items():
            rows[ranks[node]].append(x)
        for row in rows.values():
            row.sort()
        self._rows = rows

    def blocked(self, rank: int, x: float) -> float | None:
        """The left edge of the node that a vertical line at ``x`` would cross, or None."""
        row = self._rows.get(rank)
        if not row:
            return None
        at = bisect_right(row, x + _CLEARANCE) - 1
        if at >= 0 and x < row[at] + NODE_WIDTH + _CLEARANCE:
            return row[at]
        return None

    def nearest_gap(self, rank: int, x: float) -> float:
        """The free place nearest to ``x``: between two nodes there always is one."""
        node = self.blocked(rank, x)
        if node is None:
            return x
        left, right = node - GAP_X / 2, node + NODE_WIDTH + GAP_X / 2
        return left if x - left < right - x else right


def route(
    rows: Rows, source: Point, source_rank: int, target: Point, target_rank: int
) -> tuple[Point, ...]:
    """The points of an edge from the bottom of ``source`` to the top of ``target``.

    Between ranks it is a smooth curve, through a rank a vertical line: each rank that is crossed
    adds two points, of the same x.
    """
    start = Point(source.x + NODE_WIDTH / 2, source.y + NODE_HEIGHT)
    end = Point(target.x + NODE_WIDTH / 2, target.y)
    between = range(source_rank + 1, target_rank)
    if not between:
        return (start, end)
    for x in (end.x, start.x):
        if all(rows.blocked(rank, x) is None for rank in between):
            return _through(start, end, [(between[0], between[-1], x)])
    spans: list[tuple[int, int, float]] = []
    at = start.x
    for rank in between:
        share = (rank - source_rank) / (target_rank - source_rank)
        straight = start.x + (end.x - start.x) * share
        # Staying in a corridor beats following the straight line.
        x = at if rank > between[0] and rows.blocked(rank, at) is None else straight
        x = rows.nearest_gap(rank, x)
        if spans and spans[-1][2] == x:
            spans[-1] = (spans[-1][0], rank, x)
        else:
            spans.append((rank, rank, x))
        at = x
    return _through(start, end, spans)


def _through(start: Point, end: Point, spans: list[tuple[int, int, float]]) -> tuple[Point, ...]:
    points = [start]
    for first, last, x in spans:
        points.append(Point(x, first * ROW_PITCH))
        points.append(Point(x, last * ROW_PITCH + NODE_HEIGHT))
    points.append(end)
    return tuple(points)
