"""A connected builder, and builds on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType, TracebackType

from core.client.embedded import ensure_running
from core.client.endpoints import Endpoint, EndpointKind
from core.client.file_services import Output
from core.client.mailbox import StatusMailbox
from core.client.request import BuildRequest
from core.client.session import SessionServer, SessionServices
from core.client.transports import Dialer
from core.errors import BuilderError, CancelledBuildError, Error
from core.oci.platform import Platform
from core.progress.codec import status_from_wire
from core.progress.messages import SolveStatus
from core.wire.methods import Method, Reply, Request
from core.wire.pb import control_pb2, engine_pb2
from core.wire.rpc import CallChannel, call, iterate
from core.wire.services import Control, Engine

_STATUS_TAIL_SECONDS = 10.0
_CANCEL_SECONDS = 10.0
_FILE_EXPORTS = frozenset({"oci", "docker", "tar"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """``platforms`` as the builder orders them: natives first."""

    id: str
    labels: Mapping[str, str]
    platforms: tuple[Platform, ...]
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """The exporters' answer (``containerimage.digest``, ``image.name``, ...)."""

    ref: str
    response: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Of the image or index that was exported; empty where none was."""
        return self.response.get("containerimage.digest", "")

    @property
    def descriptor(self) -> Mapping[str, object]:
        """Of the same, as JSON; empty where the builder does not tell."""
        import base64

        text = self.response.get("containerimage.descriptor", "")
        if not text:
            return MappingProxyType({})
        document = json.loads(text if text.startswith("{") else base64.b64decode(text))
        return document if isinstance(document, dict) else MappingProxyType({})


class Build:
    """A build that was started. Read ``statuses`` or not, then ``await result()``."""

    def __init__(self, builder: Builder, request: BuildRequest, services: SessionServices) -> None:
        self._builder = builder
        self._request = request
        self._services = services
        self._mailbox = StatusMailbox()
        self._cancelled = False
        self._asking: asyncio.Task[None] | None = None
        self._task = asyncio.get_running_loop().create_task(
            self._run(), name=f"build {request.ref}"
        )

    @property
    def ref(self) -> str:
        return self._request.ref

    def statuses(self) -> AsyncIterator[SolveStatus]:
        """Events until the build is over; what is unread meanwhile is coalesced."""
        return self._mailbox.read()

    async def result(self) -> BuildResult:
        """The result, once. Raises the core.errors.Error that ended the build."""
        try:
            return await asyncio.shield(self._task)
        except asyncio.CancelledError:
            if self._cancelled and self._task.done():
                raise CancelledBuildError("the build was cancelled") from None
            raise

    def cancel(self) -> None:
        """End the build; ``result`` then raises CancelledBuildError. Twice is no error.

        An embedded builder is asked, so that its last events still arrive; for others the call is
        given up, which cancels the build there.
        """
        if self._cancelled or self._task.done():
            return
        self._cancelled = True
        if self._builder.embedded:
            self._asking = asyncio.get_running_loop().create_task(self._ask_to_end())
        else:
            self._task.cancel()

    async def _ask_to_end(self) -> None:
        try:
            async with asyncio.timeout(_CANCEL_SECONDS):
                await self._builder.cancel(self.ref)
                await asyncio.wait({self._task})
        except (Error, TimeoutError):
            self._task.cancel()

    async def aclose(self) -> None:
        """Cancel if it still runs and wait until everything is tidied up."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._asking is not None:
            await asyncio.gather(self._asking, return_exceptions=True)

    async def leave(self) -> None:
        """Let a detached build go on without this client; ``result`` is of no use afterwards."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> BuildResult:
        try:
            return await self._solve()
        finally:
            self._mailbox.close()

    async def _solve(self) -> BuildResult:
        builder, request = self._builder, self._request
        session = SessionServer(
            self._services,
            directories=request.local_dirs,
            outputs={
                number: Output(directory=export.destination)
                if export.type == "local"
                else Output(file=export.destination)
                for number, export in enumerate(request.exports)
                if export.destination and export.type in _FILE_EXPORTS | {"local"}
            },
        )
        message = request.to_message(session=session.id, shares_files=builder.endpoint.shares_files)
        async with _serving(session, builder):
            watch = asyncio.create_task(self._watch())
            try:
                reply = await call(builder.channel, Control.SOLVE, message)
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(watch), _STATUS_TAIL_SECONDS)
            except Error:
                # The last events tell what failed: let them arrive before the error does.
                with suppress(TimeoutError, Error):
                    await asyncio.wait_for(asyncio.shield(watch), _STATUS_TAIL_SECONDS)
                raise
            finally:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)
        return BuildResult(ref=request.ref, response=dict(reply.ExporterResponse))

    async def _watch(self) -> None:
        async for status in self._builder.attach(self.ref):
            self._mailbox.put(status)


@asynccontextmanager
async def _serving(session: SessionServer, builder: Builder) -> AsyncIterator[None]:
    """The session in the background; its failure before it is ready is raised."""
    ready = asyncio.Event()
    task = asyncio.create_task(
        session.run(
            builder.dialer,
            builder.channel,
            docker=builder.endpoint.speaks_docker,
            ready=ready.set,
        )
    )
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
            raise BuilderError("the builder refused the session", temporary=True)
        yield
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)


class Builder:
    """A builder behind its Control service. Made by ``connect``."""

    def __init__(self, endpoint: Endpoint, dialer: Dialer) -> None:
        self.endpoint = endpoint
        self.dialer = dialer
        self.channel: CallChannel = dialer.channel()
        self._builds: set[Build] = set()

    async def __aenter__(self) -> Builder:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Cancel the builds that still run here, close the connection."""
        for build in tuple(self._builds):
            await build.aclose()
        self.channel.close()
        await self.dialer.aclose()

    @property
    def embedded(self) -> bool:
        return self.endpoint.kind is EndpointKind.EMBEDDED

    async def call(
        self, method: Method[Request, Reply], request: Request, *, timeout: float | None = None
    ) -> Reply:
        """Any unary method, for what has no method of its own here."""
        return await call(self.channel, method, request, timeout=timeout)

    def iterate(self, method: Method[Request, Reply], request: Request) -> AsyncIterator[Reply]:
        """Any method that answers with a stream."""
        return iterate(self.channel, method, request)

    async def info(self) -> str:
        """The builder's version; empty where it is too old to tell."""
        try:
            reply = await call(self.channel, Control.INFO, control_pb2.InfoRequest(), timeout=20)
        except BuilderError as error:
            if error.temporary:
                raise
            return ""
        return reply.buildkitVersion.version

    async def hello(self) -> engine_pb2.HelloResponse:
        """What an embedded builder says about itself."""
        return await call(self.channel, Engine.HELLO, engine_pb2.HelloRequest(), timeout=20)

    async def workers(self) -> tuple[Worker, ...]:
        """The workers; raises BuilderError."""
        reply = await call(
            self.channel, Control.LIST_WORKERS, control_pb2.ListWorkersRequest(), timeout=30
        )
        return tuple(
            Worker(
                id=record.ID,
                labels=dict(record.Labels),
                version=record.BuildkitVersion.version,
                platforms=tuple(
                    Platform(os=p.OS, architecture=p.Architecture, variant=p.Variant)
                    for p in record.platforms
                ),
            )
            for record in reply.record
        )

    def start(self, request: BuildRequest, services: SessionServices | None = None) -> Build:
        """Start a build; must be called inside a running loop."""
        build = Build(self, request, services or SessionServices())
        self._builds.add(build)
        build._task.add_done_callback(lambda _: self._builds.discard(build))
        return build

    @asynccontextmanager
    async def session(self, services: SessionServices | None = None) -> AsyncIterator[str]:
        """A session outside of any build; its id, for calls that need credentials."""
        session = SessionServer(services or SessionServices())
        async with _serving(session, self):
            yield session.id

    async def attach(self, ref: str) -> AsyncIterator[SolveStatus]:
        """The events of a build from its beginning, running or finished."""
        async for message in iterate(
            self.channel, Control.STATUS, control_pb2.StatusRequest(Ref=ref)
        ):
            yield status_from_wire(message)

    async def cancel(self, ref: str) -> bool:
        """End any build of an embedded builder; whether it was running."""
        reply = await call(self.channel, Engine.CANCEL, engine_pb2.CancelRequest(ref=ref))
        return reply.was_running

    async def disk_usage(self, filters: tuple[str, ...] = ()) -> list[control_pb2.UsageRecord]:
        reply = await call(
            self.channel, Control.DISK_USAGE, control_pb2.DiskUsageRequest(filter=filters)
        )
        return list(reply.record)

    def prune(self, request: control_pb2.PruneRequest) -> AsyncIterator[control_pb2.UsageRecord]:
        """What was removed (or would be, with ``preview``), as it goes."""
        return iterate(self.channel, Control.PRUNE, request)

    def history(
        self, *, ref: str = "", follow: bool = False, active_only: bool = False, limit: int = 0
    ) -> AsyncIterator[control_pb2.BuildHistoryEvent]:
        """Builds as they stand, then as they change when ``follow``."""
        return iterate(
            self.channel,
            Control.LISTEN_BUILD_HISTORY,
            control_pb2.BuildHistoryRequest(
                Ref=ref, EarlyExit=not follow, ActiveOnly=active_only, Limit=limit
            ),
        )


async def connect(endpoint: Endpoint | None = None) -> Builder:
    """A builder that can be called; the embedded one is started when it does not run.

    Use it as ``async with await connect(endpoint) as builder``. Raises BuilderError, MachineError.
    """
    endpoint = endpoint or Endpoint.embedded()
    path = endpoint.path
    if endpoint.kind is EndpointKind.EMBEDDED:
        places = await ensure_running()
        path = str(places.socket)
    return Builder(endpoint, Dialer(endpoint, socket_path=path))
