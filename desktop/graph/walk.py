"""Walking the graph with the arrow keys."""

from __future__ import annotations

from enum import Enum

from desktop.graph.layout import Layout


class Direction(Enum):
    INPUT = "input"
    USER = "user"
    LEFT = "left"
    RIGHT = "right"


def neighbour(layout: Layout, node: str, direction: Direction) -> str | None:
    """Where an arrow key leads from ``node``: along an edge to the nearest input or user, or to
    the next node of the same rank; None where there is nothing. From nowhere to the first node."""
    positions = layout.positions
    if node not in positions:
        return min(positions, key=lambda n: (positions[n].y, positions[n].x), default=None)
    x, y = positions[node]
    if direction in {Direction.INPUT, Direction.USER}:
        up = direction is Direction.INPUT
        ends = [a if up else b for a, b in layout.routes if (b if up else a) == node]
        return min(
            ends, key=lambda n: (abs(positions[n].y - y), abs(positions[n].x - x)), default=None
        )
    sign = 1 if direction is Direction.RIGHT else -1
    beside = [n for n, p in positions.items() if p.y == y and (p.x - x) * sign > 0]
    return min(beside, key=lambda n: abs(positions[n].x - x), default=None)
