"""Values as Go's ``%v`` prints them, which is how they stand in the history of images."""

from __future__ import annotations

from collections.abc import Iterable


def format_list(texts: Iterable[str]) -> str:
    """``[a b]``."""
    return f"[{' '.join(texts)}]"


def format_duration(nanoseconds: int) -> str:
    """``1h0m0s``, ``1.5s``, ``300ms``; 0 is ``0s``."""
    if nanoseconds == 0:
        return "0s"
    sign = "-" if nanoseconds < 0 else ""
    value = abs(nanoseconds)
    for unit, size in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if value < size * 1000:
            return f"{sign}{_decimal(value, size)}{unit}"
    seconds, rest = divmod(value, 1_000_000_000)
    minutes, seconds = divmod(seconds, 60)
    text = f"{_decimal(seconds * 1_000_000_000 + rest, 1_000_000_000)}s"
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else f"{sign}{text}"


def _decimal(value: int, size: int) -> str:
    whole, fraction = divmod(value, size)
    if not fraction:
        return str(whole)
    digits = str(fraction).rjust(len(str(size)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}"
