"""The time that a step took when it ran several times, perhaps at once."""

from __future__ import annotations

from collections.abc import Iterable

Interval = tuple[int, int | None]
"""Start and end in nanoseconds; None while it runs."""


def merge(intervals: Iterable[tuple[int | None, int | None]]) -> tuple[Interval, ...]:
    """Sorted, disjoint intervals covering the same time; one without a start counts for nothing."""
    known = sorted(
        ((start, end) for start, end in intervals if start is not None),
        key=lambda item: item[0],
    )
    merged: list[Interval] = []
    for start, end in known:
        if merged:
            last_start, last_end = merged[-1]
            if last_end is None:
                continue
            if start <= last_end:
                merged[-1] = (last_start, None if end is None else max(last_end, end))
                continue
        merged.append((start, end))
    return tuple(merged)


def duration(intervals: Iterable[Interval], now: int) -> int:
    """Nanoseconds covered by disjoint intervals; a running one ends ``now``."""
    return sum(max(0, (now if end is None else end) - start) for start, end in intervals)
