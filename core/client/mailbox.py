"""Events waiting for a reader that may be slower than the build."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from core.progress.coalesce import coalesce
from core.progress.messages import SolveStatus

_JOIN_AFTER = 64


class StatusMailbox:
    """One writer, one reader; unread events are joined so that they cost bounded work."""

    def __init__(self) -> None:
        self._unread: list[SolveStatus] = []
        self._wake = asyncio.Event()
        self._closed = False

    def put(self, status: SolveStatus) -> None:
        self._unread.append(status)
        if len(self._unread) >= _JOIN_AFTER:
            self._unread = [coalesce(self._unread)]
        self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()

    async def read(self) -> AsyncIterator[SolveStatus]:
        """What came since the last one, until the mailbox is closed and empty."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._unread:
                unread, self._unread = self._unread, []
                yield unread[0] if len(unread) == 1 else coalesce(unread)
            if self._closed and not self._unread:
                return
