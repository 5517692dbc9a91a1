"""A gRPC connection without a socket: a client and a server protocol, joined."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from core.wire.rpc import CallChannel, ServerProtocol
from core.wire.stream_transport import run_inside

Connect = Callable[[dict[str, Any]], AbstractAsyncContextManager[CallChannel]]


@pytest.fixture
def joined() -> Connect:
    """``async with joined(routes) as channel`` calls what ``routes`` serve, in memory."""

    @asynccontextmanager
    async def connect(routes: dict[str, Any]) -> AsyncIterator[CallChannel]:
        to_server: asyncio.Queue[bytes | None] = asyncio.Queue()
        to_client: asyncio.Queue[bytes | None] = asyncio.Queue()

        async def never(factory: Any) -> Any:
            raise ConnectionError("the connection is over")

        channel = CallChannel(never)
        server = ServerProtocol(routes)
        ready = asyncio.Event()

        async def to(queue: asyncio.Queue[bytes | None], data: bytes) -> None:
            await queue.put(data)

        tasks = [
            asyncio.create_task(
                run_inside(server, to_server.get, lambda data: to(to_client, data))
            ),
            asyncio.create_task(
                run_inside(
                    channel.adopt(), to_client.get, lambda data: to(to_server, data), ready.set
                )
            ),
        ]
        await ready.wait()
        try:
            yield channel
        finally:
            to_server.put_nowait(None)
            to_client.put_nowait(None)
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.wait_closed()
            channel.close()

    return connect
