"""Lines of an instruction, one range each: how BuildKit locates things on its wire."""

from __future__ import annotations

from functools import lru_cache

from core.errors import LineRange


@lru_cache(maxsize=4096)
def line_ranges(start: int, end: int) -> tuple[LineRange, ...]:
    """One range for each line from ``start`` to ``end``."""
    return tuple(LineRange(line, line) for line in range(start, max(start, end) + 1))
