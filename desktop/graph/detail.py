"""Levels of detail: what is worth drawing at a zoom."""

from __future__ import annotations

from enum import Enum


class Detail(Enum):
    """``BLOCKS``: coloured rectangles, straight edges. ``SHORT``: icon and name. ``FULL``: all."""

    BLOCKS = 0
    SHORT = 1
    FULL = 2


MIN_SCALE = 0.02
MAX_SCALE = 3.0


def detail_at(scale: float) -> Detail:
    if scale < 0.35:
        return Detail.BLOCKS
    return Detail.SHORT if scale < 0.62 else Detail.FULL


def clamped(scale: float) -> float:
    return max(MIN_SCALE, min(MAX_SCALE, scale))
