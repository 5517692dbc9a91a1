"""Lending the user's ssh agent to a build, never the keys themselves."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from core.client.transports import connect_unix
from core.errors import NotFoundError, OptionError
from core.wire.pb import session_pb2
from core.wire.rpc import Incoming, Routes, answer, join, route
from core.wire.services import Session

Bytes = session_pb2.BytesMessage
_PIECE = 32 << 10


def parse_ssh(text: str) -> tuple[str, str]:
    """Read ``default`` or ``ID[=SOCKET]`` into (id, socket path). Raises OptionError."""
    name, _, path = text.partition("=")
    path = path or os.environ.get("SSH_AUTH_SOCK", "")
    if not path:
        raise OptionError(
            f"--ssh {text}: no ssh agent runs (SSH_AUTH_SOCK is not set)",
            hint="Start one with `eval $(ssh-agent)` and add keys with ssh-add.",
        )
    if "," in path or os.path.isfile(path):
        raise OptionError(
            f"--ssh {text}: give the socket of an agent, not key files",
            hint="Add the keys to an agent with ssh-add and pass its socket.",
        )
    return name or "default", path


class SshAgents:
    """Serves CheckAgent and ForwardAgent for the agents at the given sockets, by id."""

    def __init__(self, sockets: Mapping[str, str]) -> None:
        self._sockets = dict(sockets)

    def routes(self) -> Routes:
        return join(
            answer(Session.CHECK_AGENT, self._check),
            route(Session.FORWARD_AGENT, self._forward),
        )

    def _socket(self, name: str) -> str:
        path = self._sockets.get(name or "default")
        if path is None:
            raise NotFoundError(
                f'the build asks for the ssh agent "{name or "default"}", which was not given',
                hint=f"Pass --ssh {name or 'default'}.",
                phrase=f"unset ssh forward key {name}",
            )
        return path

    async def _check(
        self, request: session_pb2.CheckAgentRequest
    ) -> session_pb2.CheckAgentResponse:
        self._socket(request.ID)
        return session_pb2.CheckAgentResponse()

    async def _forward(
        self, call: Incoming[session_pb2.BytesMessage, session_pb2.BytesMessage]
    ) -> None:
        path = self._socket(call.header("buildkit.ssh.id"))
        try:
            sock = await connect_unix(path)
        except OSError as error:
            raise NotFoundError(f"the ssh agent at {path} does not answer") from error
        reader, writer = await asyncio.open_unix_connection(sock=sock)
        await call.start()

        async def inward() -> None:
            async for message in call:
                writer.write(message.data)
                await writer.drain()
            writer.write_eof()

        task = asyncio.create_task(inward())
        try:
            while data := await reader.read(_PIECE):
                await call.send(Bytes(data=data))
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            writer.close()
