"""The events of one build on disk: written once, read by everybody who follows the build.

``events.pb`` holds StatusResponse messages, each after its length in four bytes, big-endian. A
follower reads the file from its beginning, so that coming late, coming again and looking at a
build of last week are the same thing, and a slow follower costs no memory.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO

from core.progress.coalesce import coalesce
from core.progress.codec import status_to_wire
from core.progress.messages import SolveStatus

FLUSH_SECONDS = 0.03
_PENDING_MAX = 256
_CHUNK = 1 << 20


class Journal:
    """The writer. Events are joined for 30 ms before they are written and seen."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO = path.open("wb", buffering=0)
        self._pending: list[SolveStatus] = []
        self._timer: asyncio.TimerHandle | None = None
        self._grown = asyncio.Event()
        self.size = 0
        self.closed = False

    def put(self, status: SolveStatus) -> None:
        """Add an event; after ``close`` it is dropped."""
        if self.closed or not status:
            return
        self._pending.append(status)
        if len(self._pending) >= _PENDING_MAX:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what is pending and wake the followers."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        pending, self._pending = self._pending, []
        message = status_to_wire(coalesce(pending)).SerializeToString()
        try:
            self.size += self._file.write(len(message).to_bytes(4, "big") + message)
        except OSError:
            # A full disk must not end the build on top of everything: the view loses events.
            os.ftruncate(self._file.fileno(), self.size)
            self._file.seek(self.size)
        self._wake()

    def close(self) -> None:
        """Write the rest; followers end once they have read it."""
        if self.closed:
            return
        self.flush()
        self.closed = True
        self._file.close()
        self._wake()

    def _wake(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    async def follow(self) -> AsyncIterator[bytes]:
        """Serialised StatusResponse messages from the first to the last."""
        self.flush()
        offset = 0
        while True:
            grown, closed, size = self._grown, self.closed, self.size
            if offset < size:
                for message, end in _messages(self.path, offset, size):
                    offset = end
                    yield message
            elif closed:
                return
            else:
                await grown.wait()


def read_journal(path: Path) -> Iterator[bytes]:
    """The messages of a build that is over; nothing where there is no journal (any more)."""
    try:
        size = path.stat().st_size
    except OSError:
        return
    for message, _ in _messages(path, 0, size):
        yield message


def _messages(path: Path, offset: int, size: int) -> Iterator[tuple[bytes, int]]:
    with path.open("rb", buffering=_CHUNK) as file:
        file.seek(offset)
        while offset < size:
            length = int.from_bytes(file.read(4), "big")
            message = file.read(length)
            if len(message) < length:
                # The daemon was killed while it wrote.
                return
            offset += 4 + length
            yield message, offset
