"""HTTP/2 inside a gRPC stream: an asyncio transport whose bytes travel as messages.

BuildKit's Control.Session works this way: the client opens a stream of byte messages and then is
the *server* of the HTTP/2 connection inside it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

_HIGH_WATER = 1 << 20
_MESSAGE_BYTES = 1 << 20


class StreamTransport(asyncio.Transport):
    """What the inner protocol writes waits here until ``pump`` has sent it."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._protocol = protocol
        self._pending: deque[bytes] = deque()
        self._size = 0
        self._paused = False
        self._closing = False
        self._wake = asyncio.Event()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing or not data:
            return
        self._pending.append(bytes(data))
        self._size += len(data)
        self._wake.set()
        if self._size > _HIGH_WATER and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True
        self._wake.set()

    def abort(self) -> None:
        self._pending.clear()
        self.close()

    def pause_reading(self) -> None:
        """HTTP/2's own windows bound what can arrive."""

    def resume_reading(self) -> None:
        """See ``pause_reading``."""

    async def pump(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send what is written until the transport is closed and all is sent."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                piece = bytearray()
                while self._pending and len(piece) < _MESSAGE_BYTES:
                    piece += self._pending.popleft()
                self._size -= len(piece)
                if self._paused and self._size <= _HIGH_WATER // 2:
                    self._paused = False
                    self._protocol.resume_writing()
                view = memoryview(piece)
                for start in range(0, len(piece), _MESSAGE_BYTES):
                    await send(bytes(view[start : start + _MESSAGE_BYTES]))
            if self._closing:
                return


async def run_inside(
    protocol: asyncio.Protocol,
    receive: Callable[[], Awaitable[bytes | None]],
    send: Callable[[bytes], Awaitable[None]],
    connected: Callable[[], None] = lambda: None,
) -> None:
    """Run a protocol over messages until either side ends."""
    transport = StreamTransport(protocol)
    protocol.connection_made(transport)
    connected()
    pump = asyncio.create_task(transport.pump(send))
    feed = asyncio.create_task(_feed(protocol, receive))
    reason: BaseException | None = None
    try:
        done, _ = await asyncio.wait({pump, feed}, return_when=asyncio.FIRST_COMPLETED)
        reason = next((t.exception() for t in done if not t.cancelled()), None)
    finally:
        for task in (pump, feed):
            task.cancel()
        await asyncio.gather(pump, feed, return_exceptions=True)
        protocol.connection_lost(reason if isinstance(reason, Exception) else None)
        transport.abort()


async def _feed(protocol: asyncio.Protocol, receive: Callable[[], Awaitable[bytes | None]]) -> None:
    while (data := await receive()) is not None:
        if data:
            protocol.data_received(data)
