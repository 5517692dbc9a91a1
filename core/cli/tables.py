"""Columns, sizes and ages for people."""

from __future__ import annotations

import time
from collections.abc import Sequence


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Left-aligned columns, two blanks apart."""
    table = [header, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    for row in table:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def size(count: int) -> str:
    """Decimal units, as registries and disks count."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return ""


def age(nanoseconds: int | None, now: int | None = None) -> str:
    """``5 minutes ago``; empty where the time is not known."""
    if nanoseconds is None:
        return ""
    seconds = max(0, (now if now is not None else time.time_ns()) - nanoseconds) / 1e9
    for length, unit in ((86400 * 365, "year"), (86400 * 30, "month"), (86400, "day")):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {unit}s ago"
    for length, unit in ((3600, "hour"), (60, "minute")):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now" if seconds < 5 else f"{int(seconds)} seconds ago"


def took(seconds: float) -> str:
    """``1m 05s``, ``12.3s``."""
    if seconds >= 60:
        return f"{int(seconds // 60)}m {int(seconds % 60):02d}s"
    return f"{seconds:.1f}s"
