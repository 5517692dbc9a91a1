"""Coroutines that a slot starts: owned, named, and never silently lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from core.errors import Error

T = TypeVar("T")


def settle(future: asyncio.Future[T], value: T) -> None:
    """Answer a future once; a second answer (a dialog that closes twice) is dropped."""
    if not future.done():
        future.set_result(value)


class Tasks:
    """Owns every task of the window.

    An ``errors.Error`` that a task ends with goes to ``on_error`` (a notice with a way out), any
    other exception to ``on_bug`` (the crash page). Blocking calls go through ``in_thread``.
    """

    def __init__(
        self,
        *,
        on_error: Callable[[Error], None],
        on_bug: Callable[[BaseException], None],
        threads: int = 4,
    ) -> None:
        self._on_error = on_error
        self._on_bug = on_bug
        self._tasks: set[asyncio.Task[Any]] = set()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="viaduct")

    def start(self, work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        task = asyncio.get_event_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        failure = task.exception()
        if isinstance(failure, Error):
            self._on_error(failure)
        elif failure is not None:
            self._on_bug(failure)

    async def in_thread(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *args)

    def submit(self, function: Callable[..., T], *args: object) -> asyncio.Future[T]:
        """Start ``function`` in a thread now; the future belongs to the window's loop."""
        return asyncio.get_event_loop().run_in_executor(self._pool, function, *args)

    async def close(self) -> None:
        """Cancel what runs and wait for it."""
        for task in tuple(self._tasks):
            task.cancel()
        for task in tuple(self._tasks):
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        self._pool.shutdown(wait=False, cancel_futures=True)
