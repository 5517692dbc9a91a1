"""The client's half of a session: what it serves to the builder while a build runs."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from core.client.credentials import CredentialStore
from core.client.file_services import FileSend, FileSync, Output
from core.client.secret_sources import SecretSource
from core.client.ssh_agents import SshAgents
from core.client.transports import Dialer
from core.errors import NotFoundError
from core.wire.pb import health_pb2, session_pb2
from core.wire.rpc import CallChannel, ServerProtocol, answer, join, open_stream
from core.wire.services import HEALTH_CHECK, Control, Session
from core.wire.stream_transport import run_inside

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionServices:
    """What the user lends to a build besides its directories."""

    secrets: tuple[SecretSource, ...] = ()
    ssh: Mapping[str, str] = field(default_factory=dict)
    """Id to the socket of an agent."""
    credentials: CredentialStore = field(default_factory=CredentialStore)


class SessionServer:
    """One session; ``run`` serves it until it is cancelled or the builder ends it."""

    def __init__(
        self,
        services: SessionServices,
        *,
        directories: Mapping[str, str] = _NONE,
        outputs: Mapping[int, Output] = MappingProxyType({}),
        name: str = "viaduct",
    ) -> None:
        self.id = secrets.token_hex(13)[:25]
        self._name = name
        # The builder keeps what it received for a key, so that the next build sends differences.
        key = "\0".join(sorted(directories.values())) + "\0viaduct"
        self._shared_key = hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()
        self._services = services
        self._secrets = {source.id: source for source in services.secrets}
        self.files = FileSync(directories)
        self._routes = join(
            answer(HEALTH_CHECK, self._health),
            self.files.routes(),
            FileSend(outputs).routes() if outputs else {},
            answer(Session.CREDENTIALS, self._credentials),
            answer(Session.GET_SECRET, self._secret),
            SshAgents(services.ssh).routes() if services.ssh else {},
        )

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [
            ("X-Docker-Expose-Session-Uuid", self.id),
            ("X-Docker-Expose-Session-Name", self._name),
            ("X-Docker-Expose-Session-Sharedkey", self._shared_key),
            *(("X-Docker-Expose-Session-Grpc-Method", path) for path in self._routes),
        ]

    async def run(
        self, dialer: Dialer, channel: CallChannel, *, docker: bool, ready: Callable[[], None]
    ) -> None:
        """Serve until the connection ends. ``ready`` is called once the builder can call."""
        protocol = ServerProtocol(self._routes)
        if docker:
            await dialer.attach(lambda: protocol, "/session", self.headers, accepted=True)
            ready()
            try:
                await asyncio.Event().wait()
            finally:
                protocol.connection.close()
                protocol.requests.close()
                await protocol.wait_closed()
            return
        metadata = [(name.lower(), value) for name, value in self.headers]
        async with open_stream(channel, Control.SESSION, metadata=metadata) as stream:
            await stream.send_request()

            async def receive() -> bytes | None:
                message = await stream.recv_message()
                return None if message is None else message.data

            async def send(data: bytes) -> None:
                await stream.send_message(Control.SESSION.request(data=data))

            try:
                await run_inside(protocol, receive, send, ready)
            finally:
                await protocol.wait_closed()
                await stream.cancel()

    async def _health(
        self, request: health_pb2.HealthCheckRequest
    ) -> health_pb2.HealthCheckResponse:
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)

    async def _credentials(
        self, request: session_pb2.CredentialsRequest
    ) -> session_pb2.CredentialsResponse:
        found = await self._services.credentials.find(request.Host)
        if found is None:
            return session_pb2.CredentialsResponse()
        return session_pb2.CredentialsResponse(Username=found.username, Secret=found.secret)

    async def _secret(self, request: session_pb2.GetSecretRequest) -> session_pb2.GetSecretResponse:
        source = self._secrets.get(request.ID)
        if source is None:
            raise NotFoundError(
                f'the build asks for the secret "{request.ID}", which was not given',
                hint=f"Pass --secret id={request.ID},src=FILE.",
                phrase=f"secret {request.ID}: not found",
            )
        data = await asyncio.to_thread(source.read)
        return session_pb2.GetSecretResponse(data=data)
