"""The builder in use: connected on first need, again after it went away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.client.endpoints import Endpoint, EndpointKind
from core.client.session import SessionServices
from core.client.stored_builders import find_builder
from core.errors import BuilderError, BuildError, CancelledBuildError, Error
from core.progress.messages import Mode, SolveStatus
from desktop.building.credentials import WindowCredentials
from desktop.building.platform_card import PlatformState
from desktop.builds import BuildStatus
from desktop.models.history import summary

if TYPE_CHECKING:
    from core.client.builder import Build, Builder
    from core.client.request import BuildRequest as ClientRequest
    from desktop.building.request import BuildRequest


class EngineState(Enum):
    IDLE = "idle"
    CONNECTING = "connecting"
    READY = "ready"
    FAILED = "failed"


class AttachedBuild:
    """A build that somebody else started: its events from the beginning, and its end."""

    def __init__(self, builder: Builder, ref: str) -> None:
        self._builder = builder
        self._cancelling: asyncio.Task[bool] | None = None
        self.ref = ref

    def statuses(self) -> AsyncIterator[SolveStatus]:
        return self._builder.attach(self.ref)

    async def result(self) -> AttachedOutcome:
        """Raises BuildError or CancelledBuildError as the builder's record says."""
        if self._cancelling is not None:
            await self._cancelling
        async for event in self._builder.history(ref=self.ref):
            found = summary(event.record)
            if found.status is BuildStatus.CANCELLED:
                raise CancelledBuildError("The build was cancelled.")
            if found.status is BuildStatus.FAILED:
                raise BuildError(found.problem or "The build failed.")
            return AttachedOutcome(digest=found.digest)
        return AttachedOutcome(digest="")

    def cancel(self) -> None:
        if self._cancelling is None:
            loop = asyncio.get_event_loop()
            self._cancelling = loop.create_task(self._builder.cancel(self.ref))


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedOutcome:
    digest: str


class Engine(QObject):
    """One connection for the whole window."""

    state_changed = Signal()
    platforms_changed = Signal()

    def __init__(self, endpoint: str = "", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.endpoint: Endpoint = find_builder(endpoint)
        self.state = EngineState.IDLE
        self.problem: Error | None = None
        self.platforms: dict[str, PlatformState] = {}
        self.credentials = WindowCredentials()
        self._builder: Builder | None = None
        self._lock = asyncio.Lock()

    @property
    def name(self) -> str:
        return self.endpoint.name or str(self.endpoint)

    @property
    def is_embedded(self) -> bool:
        return self.endpoint.kind is EndpointKind.EMBEDDED

    @property
    def native(self) -> tuple[str, ...]:
        return tuple(p for p, s in self.platforms.items() if s.mode is Mode.NATIVE)

    def platform_state(self, platform: str) -> PlatformState:
        """What is known of a platform; once the builder answered, an unknown one is missing."""
        known = self.platforms.get(platform)
        if known is not None:
            return known
        return PlatformState(missing=bool(self.platforms))

    async def builder(self) -> Builder:
        """The connected builder. Raises BuilderError and what a start of the daemon raises.

        The embedded daemon leaves when it is idle: it is started again here.
        """
        from core.client.embedded import ensure_running

        async with self._lock:
            if self._builder is None:
                return await self._connect()
            if self.is_embedded:
                try:
                    await ensure_running()
                except Error as problem:
                    self._set(EngineState.FAILED, problem)
                    raise
            return self._builder

    async def _connect(self) -> Builder:
        from core.client.builder import connect

        self._set(EngineState.CONNECTING)
        builder: Builder | None = None
        try:
            builder = await connect(self.endpoint)
            await self._read_platforms(builder)
        except (Error, OSError) as cause:
            if builder is not None:
                await builder.aclose()
            problem = cause if isinstance(cause, Error) else self._unreachable(cause)
            self._set(EngineState.FAILED, problem)
            raise problem from cause
        self._builder = builder
        self._set(EngineState.READY)
        return builder

    def _unreachable(self, cause: OSError) -> BuilderError:
        return BuilderError(
            f"The builder {self.name} does not answer: {cause}.",
            hint="The Builders page offers others.",
        )

    async def _read_platforms(self, builder: Builder) -> None:
        found: dict[str, PlatformState] = {}
        if builder.embedded:
            hello = await builder.hello()
            found |= {p: PlatformState(mode=Mode.NATIVE) for p in hello.native}
            for item in hello.emulated:
                name = item.interpreter.rsplit("/", 1)[-1].removesuffix("-static")
                found.setdefault(item.platform, PlatformState(mode=Mode.EMULATED, detail=name))
        else:
            # Other builders list what they can run, the native platform first.
            for worker in await builder.workers():
                for n, platform in enumerate(worker.platforms):
                    # An amd64 processor runs 386 and the variants of amd64 itself.
                    family = {platform.architecture, worker.platforms[0].architecture}
                    native = n == 0 or family <= {"amd64", "386"}
                    mode = Mode.NATIVE if native else Mode.EMULATED
                    found.setdefault(str(platform), PlatformState(mode=mode))
        self.platforms = found
        self.platforms_changed.emit()

    async def refresh_platforms(self) -> None:
        await self._read_platforms(await self.builder())

    async def use(self, endpoint: str) -> None:
        """Change the builder; the new one is connected at once."""
        async with self._lock:
            await self._drop()
            self.endpoint = find_builder(endpoint)
            self.platforms = {}
            self.platforms_changed.emit()
        await self.builder()

    @asynccontextmanager
    async def start(self, wanted: ClientRequest, request: BuildRequest) -> AsyncIterator[Build]:
        """A build; leaving the context while it runs cancels it."""
        from desktop.building.services import session_services

        builder = await self.builder()
        build = builder.start(wanted, session_services(request, self.credentials))
        try:
            yield build
        finally:
            await build.aclose()

    def services(self) -> SessionServices:
        """What is lent to a call that is no build."""
        return SessionServices(credentials=self.credentials)

    @asynccontextmanager
    async def attach(self, ref: str) -> AsyncIterator[AttachedBuild]:
        """A build that runs already; leaving the context leaves it running."""
        yield AttachedBuild(await self.builder(), ref)

    def _set(self, state: EngineState, problem: Error | None = None) -> None:
        self.state = state
        self.problem = problem
        self.state_changed.emit()

    async def _drop(self) -> None:
        builder, self._builder = self._builder, None
        if builder is not None:
            await builder.aclose()

    async def close(self) -> None:
        async with self._lock:
            await self._drop()
