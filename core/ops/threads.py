"""Blocking work of operations beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T], undo: Callable[[T], object] | None = None) -> T:
    """Run ``work`` in a thread.

    When cancelled, its end is waited for, so that nothing is written behind the back of whoever
    cleans up; ``undo`` then gets what it gave.
    """
    loop = asyncio.get_running_loop()
    future = loop.run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        if not future.cancelled() and future.exception() is None and undo is not None:
            await loop.run_in_executor(None, undo, future.result())
        raise
