"""The builder's side of sessions: calling services of the client that asked for a build."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from core.errors import BuilderError, NotFoundError
from core.registry.credentials import Credentials
from core.wire.diffcopy import Receive, SendMany, TreeReceiver, send_tree
from core.wire.pb import control_pb2, fsutil_pb2, session_pb2
from core.wire.rpc import CallChannel, Incoming, ProtocolFactory, call, end, open_stream
from core.wire.services import Session as Services
from core.wire.stream_transport import run_inside
from core.wire.tree import Entry

log = logging.getLogger(__name__)

_WAIT_SECONDS = 5.0
_PIECE = 1 << 20
_HEADER = "x-docker-expose-session-"


class Session:
    """One client, while it is connected. Calls raise BuilderError once it has gone."""

    def __init__(self, id: str, *, name: str, shared_key: str, methods: Iterable[str]) -> None:
        self.id = id
        self.name = name
        self.shared_key = shared_key
        self._methods = frozenset(method.lower() for method in methods)
        self.channel = CallChannel(self._gone)
        self.closed = asyncio.Event()

    async def _gone(self, factory: ProtocolFactory) -> object:
        raise BuilderError("the client that asked for this build went away", temporary=True)

    def offers(self, path: str) -> bool:
        """Whether the client serves a method."""
        return path.lower() in self._methods

    async def credentials(self, host: str) -> Credentials | None:
        """The client's credentials for a registry host."""
        if not self.offers(Services.CREDENTIALS.path):
            return None
        reply = await call(
            self.channel, Services.CREDENTIALS, session_pb2.CredentialsRequest(Host=host)
        )
        if not reply.Secret:
            return None
        return Credentials(username=reply.Username, secret=reply.Secret)

    async def secret(self, id: str) -> bytes:
        """A build secret. Raises NotFoundError when the client does not have it."""
        if not self.offers(Services.GET_SECRET.path):
            raise NotFoundError(
                f'the build asks for the secret "{id}", which was not given',
                hint=f"Pass --secret id={id},src=FILE.",
                phrase=f"secret {id}: not found",
            )
        reply = await call(self.channel, Services.GET_SECRET, session_pb2.GetSecretRequest(ID=id))
        return bytes(reply.data)

    async def check_agent(self, id: str) -> bool:
        """Whether the client lends an ssh agent of that id."""
        if not self.offers(Services.CHECK_AGENT.path):
            return False
        try:
            await call(self.channel, Services.CHECK_AGENT, session_pb2.CheckAgentRequest(ID=id))
        except NotFoundError:
            return False
        return True

    async def forward_agent(
        self, id: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Carry one connection of a step to the client's agent."""
        metadata = {"buildkit.ssh.id": id}
        async with open_stream(self.channel, Services.FORWARD_AGENT, metadata=metadata) as stream:
            await stream.send_request()

            async def outward() -> None:
                while data := await reader.read(_PIECE):
                    await stream.send_message(session_pb2.BytesMessage(data=data))
                await end(stream)

            task = asyncio.create_task(outward())
            try:
                async for message in stream:
                    writer.write(message.data)
                    await writer.drain()
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                writer.close()

    async def receive_directory(
        self,
        name: str,
        destination: Path,
        *,
        includes: Sequence[str] = (),
        excludes: Sequence[str] = (),
        follow: Sequence[str] = (),
    ) -> int:
        """Make ``destination`` equal to a directory of the client; bytes received."""
        metadata = [("dir-name", quote(name))]
        for key, values in (
            ("include-patterns", includes),
            ("exclude-patterns", excludes),
            ("followpaths", follow),
        ):
            metadata += [(key, quote(value)) for value in values]
        metadata += [(f"{key}-encoded", "1") for key in dict.fromkeys(key for key, _ in metadata)]
        receiver = TreeReceiver(destination)
        async with self._packets(Services.SYNC, metadata) as (receive, send):
            await receiver.run(receive, send)
        return receiver.bytes_received

    async def send_directory(self, entries: Iterable[Entry], *, exporter: int) -> int:
        """Send a tree to where the client wants the result of an exporter; bytes sent."""
        metadata = [
            ("buildkit-attachable-exporter-id", str(exporter)),
            ("buildkit-exporter-multi-platform", "1"),
        ]
        self._require_send()
        async with self._packets(Services.SEND, metadata) as (receive, send):
            return await send_tree(entries, receive, send)

    @asynccontextmanager
    async def _packets(
        self, method: object, metadata: list[tuple[str, str]]
    ) -> AsyncIterator[tuple[Receive, SendMany]]:
        # FileSend's stream carries packets too when its target is a directory.
        path = Services.SYNC if method is Services.SYNC else _SEND_PACKETS
        async with open_stream(self.channel, path, metadata=metadata) as stream:
            await stream.send_request()

            async def receive() -> fsutil_pb2.Packet | None:
                packet: fsutil_pb2.Packet | None = await stream.recv_message()
                return packet

            async def send(packets: list[fsutil_pb2.Packet]) -> None:
                for packet in packets:
                    await stream.send_message(packet)

            yield receive, send
            await end(stream)

    @asynccontextmanager
    async def file_writer(
        self, *, exporter: int, metadata: Mapping[str, str]
    ) -> AsyncIterator[ClientFile]:
        """A file on the client's side, whole when the block ends well."""
        self._require_send()
        headers = {"buildkit-attachable-exporter-id": str(exporter)} | {
            f"exporter-md-{key}".lower(): value for key, value in metadata.items()
        }
        async with open_stream(self.channel, Services.SEND, metadata=headers) as stream:
            await stream.send_request()
            yield ClientFile(stream)
            await end(stream)
            # The client answers nothing; it ends the stream when the file is closed.
            while await stream.recv_message() is not None:
                continue

    def _require_send(self) -> None:
        if not self.offers(Services.SEND.path):
            raise BuilderError(
                "the client takes no files",
                hint="Give the output a destination, for instance --output type=local,dest=DIR.",
            )


_SEND_PACKETS = type(Services.SYNC)(
    Services.SEND.path, fsutil_pb2.Packet, fsutil_pb2.Packet, Services.SEND.cardinality
)


class ClientFile:
    """Writes pieces of a file on the client's side."""

    def __init__(self, stream: object) -> None:
        self._stream = stream

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        for start in range(0, len(view), _PIECE):
            await self._stream.send_message(  # type: ignore[attr-defined]
                session_pb2.BytesMessage(data=bytes(view[start : start + _PIECE]))
            )


class Sessions:
    """The sessions that are connected now."""

    def __init__(self) -> None:
        self._open: dict[str, Session] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._open)

    async def get(self, id: str) -> Session:
        """A session by id; one that is just connecting is waited for. Raises BuilderError."""
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                while (found := self._open.get(id)) is None:
                    await self._changed.wait()
                return found
        except TimeoutError as error:
            raise BuilderError(
                "the client's session did not connect", phrase=f"no active session for {id}"
            ) from error

    async def serve(
        self, incoming: Incoming[control_pb2.BytesMessage, control_pb2.BytesMessage]
    ) -> None:
        """The Control.Session call: lives as long as the client does."""
        session = Session(
            incoming.header(f"{_HEADER}uuid"),
            name=incoming.header(f"{_HEADER}name"),
            shared_key=incoming.header(f"{_HEADER}sharedkey"),
            methods=incoming.headers(f"{_HEADER}grpc-method"),
        )
        if not session.id or session.id in self._open:
            raise BuilderError("a session needs an id of its own")

        async def receive() -> bytes | None:
            message = await incoming.receive()
            return None if message is None else message.data

        async def send(data: bytes) -> None:
            await incoming.send(control_pb2.BytesMessage(data=data))

        await incoming.start()
        protocol = session.channel.adopt()
        try:
            await run_inside(protocol, receive, send, lambda: self._add(session))
        finally:
            self._open.pop(session.id, None)
            session.closed.set()
            session.channel.close()

    def _add(self, session: Session) -> None:
        self._open[session.id] = session
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
