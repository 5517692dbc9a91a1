"""Words that depend on a number."""

from __future__ import annotations


def counted(count: int, one: str, many: str) -> str:
    """``one`` for 1, else ``many`` with its ``%n`` replaced; both are translated already."""
    return one if count == 1 else many.replace("%n", str(count))
