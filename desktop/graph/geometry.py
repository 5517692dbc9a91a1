"""Sizes and rectangles of the graph, in scene units (one unit is one pixel at 1:1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

NODE_WIDTH = 240
NODE_HEIGHT = 46
GAP_X = 28
# A row's gap holds the bottom padding of a group above and the title of a group below.
GAP_Y = 38
ROW_PITCH = NODE_HEIGHT + GAP_Y
GROUP_PAD_X = 12
GROUP_PAD_TOP = 24
GROUP_PAD_BOTTOM = 8


class Point(NamedTuple):
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Rect:
    """``x``, ``y`` is the top left corner; sizes are never negative."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def centre(self) -> Point:
        return Point(self.x + self.width / 2, self.y + self.height / 2)

    def intersects(self, other: Rect) -> bool:
        """Whether the insides share a point; touching edges do not count."""
        return (
            self.x < other.right
            and other.x < self.right
            and self.y < other.bottom
            and other.y < self.bottom
        )

    def contains(self, point: Point) -> bool:
        return self.x <= point.x <= self.right and self.y <= point.y <= self.bottom

    def united(self, other: Rect) -> Rect:
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Rect(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)

    def grown(self, by: float) -> Rect:
        return Rect(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)


EMPTY = Rect(0, 0, 0, 0)


def bounding(rects: list[Rect]) -> Rect:
    """The smallest rectangle around all of ``rects``; EMPTY for none."""
    if not rects:
        return EMPTY
    x, y = min(r.x for r in rects), min(r.y for r in rects)
    return Rect(x, y, max(r.right for r in rects) - x, max(r.bottom for r in rects) - y)
