"""Trying again: how often, and how long to wait in between."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

TEMPORARY_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential waits with jitter, in seconds.

    A server may ask for a wait of its own (``Retry-After``); one longer than ``patience`` is not
    waited for: the user should know instead.
    """

    attempts: int = 5
    first: float = 0.25
    longest: float = 8.0
    patience: float = 30.0
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep, compare=False)

    def delay(self, attempt: int, asked: str = "") -> float | None:
        """The wait after failed ``attempt`` (from 1), or None to give up."""
        if attempt >= self.attempts:
            return None
        growth = float(1 << (attempt - 1))
        wait = min(self.longest, self.first * growth) * random.uniform(0.75, 1.25)
        if asked.isascii() and asked.isdigit():
            if int(asked) > self.patience:
                return None
            wait = max(wait, float(asked))
        return wait
