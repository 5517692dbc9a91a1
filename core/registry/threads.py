"""Blocking calls beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")


async def in_thread(
    pool: Executor, call: Callable[[], T], undo: Callable[[T], object] | None = None
) -> T:
    """Run ``call`` in ``pool``; when cancelled, wait for it to end before passing that on.

    Otherwise a file would be closed under a thread that writes to it. ``undo`` gets the result
    that nobody will take any more.
    """
    future = asyncio.get_running_loop().run_in_executor(pool, call)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        if not future.cancelled() and future.exception() is None and undo is not None:
            undo(future.result())
        raise
