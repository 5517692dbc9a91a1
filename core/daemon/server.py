"""The private socket: one user's clients, nobody else's; idle time is counted here."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.wire.rpc import ServerProtocol

log = logging.getLogger(__name__)

_PATH_MAX = 100


class _Connection(ServerProtocol):
    def __init__(self, routes: Mapping[str, Any], server: EngineServer) -> None:
        super().__init__(routes)
        self._server = server
        self._accepted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not _same_user(transport):
            log.warning("a connection of another user was refused")
            self.connection_lost = lambda exc: None  # type: ignore[method-assign]
            self.data_received = lambda data: None  # type: ignore[method-assign]
            transport.abort()  # type: ignore[attr-defined]
            return
        super().connection_made(transport)
        self._accepted = True
        self._server.opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self._accepted:
            self._server.closed(self)


class EngineServer:
    """Serves ``routes`` on a Unix socket of mode 0600."""

    def __init__(self, routes: Mapping[str, Any]) -> None:
        self._routes = routes
        self._connections: set[_Connection] = set()
        self._server: asyncio.AbstractServer | None = None
        self._path: Path | None = None
        self._last_seen = time.monotonic()

    async def listen(self, path: Path) -> None:
        """Bind and serve. A socket that a killed daemon left is replaced."""
        loop = asyncio.get_running_loop()
        sock = bind_private(path)
        self._path = path
        self._server = await loop.create_unix_server(
            lambda: _Connection(self._routes, self), sock=sock
        )

    def opened(self, connection: _Connection) -> None:
        self._connections.add(connection)

    def closed(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        self._last_seen = time.monotonic()

    @property
    def idle_for(self) -> float:
        """Seconds since the last client left; 0 while there is one."""
        return 0.0 if self._connections else time.monotonic() - self._last_seen

    async def wait_idle(self, seconds: float, busy: Callable[[], bool]) -> None:
        """Return once nobody was connected for ``seconds`` and nothing was ``busy``."""
        while True:
            if busy():
                self._last_seen = time.monotonic()
            remaining = seconds - self.idle_for
            if remaining <= 0:
                return
            await asyncio.sleep(min(max(remaining, 0.05), 5.0))

    async def aclose(self) -> None:
        """Stop listening, end every call, wait for the handlers' ends."""
        if self._server is not None:
            self._server.close()
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink()
        for connection in tuple(self._connections):
            connection.processor.close("the builder ends")
        for connection in tuple(self._connections):
            await connection.wait_closed()


def bind_private(path: Path) -> socket.socket:
    """A listening socket that nobody but its owner may open; long paths work too."""
    with suppress(FileNotFoundError):
        path.unlink()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    old = os.umask(0o177)
    try:
        long = len(os.fsencode(path)) > _PATH_MAX
        sock.bind(f"/proc/self/fd/{directory}/{path.name}" if long else str(path))
    except BaseException:
        sock.close()
        raise
    finally:
        os.umask(old)
        os.close(directory)
    return sock


def _same_user(transport: asyncio.BaseTransport) -> bool:
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family != socket.AF_UNIX:
        return False
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return bool(uid == os.getuid())
