"""A grid over rectangles: which of them touch a given rectangle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from desktop.graph.geometry import Rect


class GridIndex:
    """Rectangles by number. A query costs the cells it covers, not the rectangles there are."""

    def __init__(self, cell_width: float = 512.0, cell_height: float = 256.0) -> None:
        self._width = cell_width
        self._height = cell_height
        self._cells: dict[tuple[int, int], list[int]] = defaultdict(list)
        self._count = 0

    def add(self, number: int, rect: Rect) -> None:
        self._count = max(self._count, number + 1)
        for cell in self._covered(rect):
            self._cells[cell].append(number)

    def query(self, rect: Rect) -> list[int]:
        """Numbers in ascending order, each once; neighbours of ``rect`` may be among them."""
        columns = int(rect.right // self._width) - int(rect.x // self._width) + 1
        lines = int(rect.bottom // self._height) - int(rect.y // self._height) + 1
        if columns * lines >= len(self._cells):
            return list(range(self._count))
        found: set[int] = set()
        for cell in self._covered(rect):
            numbers = self._cells.get(cell)
            if numbers:
                found.update(numbers)
        return sorted(found)

    def _covered(self, rect: Rect) -> Iterable[tuple[int, int]]:
        first, last = int(rect.x // self._width), int(rect.right // self._width)
        top, bottom = int(rect.y // self._height), int(rect.bottom // self._height)
        for column in range(first, last + 1):
            for line in range(top, bottom + 1):
                yield column, line
