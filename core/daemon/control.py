"""The Control service: BuildKit's API in front of this engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Protocol

from core.daemon.builds import Builds
from core.daemon.capabilities import BUILDKIT_VERSION, DOCKERFILE_VERSION
from core.daemon.history import Change, History
from core.daemon.records import BuildRecord
from core.daemon.sessions import Sessions
from core.oci.platform import Platform
from core.wire.methods import Method, RawMessage
from core.wire.pb import control_pb2, health_pb2, ops_pb2, worker_pb2
from core.wire.rpc import Incoming, Routes, answer, join, route
from core.wire.services import HEALTH_CHECK
from core.wire.services import Control as Methods

PACKAGE = "viaduct"

_STATUS_RAW = Method(
    Methods.STATUS.path, control_pb2.StatusRequest, RawMessage, Methods.STATUS.cardinality
)


class CacheService(Protocol):
    """What Control needs of the cache."""

    async def usage(self, filters: Sequence[str]) -> list[control_pb2.UsageRecord]: ...

    def prune(
        self, request: control_pb2.PruneRequest
    ) -> AsyncIterator[control_pb2.UsageRecord]: ...


class Control:
    """``platforms`` gives native platforms first, then emulated ones, as of now."""

    def __init__(
        self,
        *,
        builds: Builds,
        history: History,
        sessions: Sessions,
        cache: CacheService,
        worker_id: str,
        labels: dict[str, str],
        platforms: Callable[[], Iterable[Platform]],
        version: str,
    ) -> None:
        self._builds = builds
        self._history = history
        self._sessions = sessions
        self._cache = cache
        self._worker_id = worker_id
        self._labels = labels
        self._platforms = platforms
        self._version = version

    def routes(self) -> Routes:
        return join(
            answer(HEALTH_CHECK, self._health),
            answer(Methods.INFO, self._info),
            answer(Methods.LIST_WORKERS, self._workers),
            answer(Methods.SOLVE, self._builds.solve),
            answer(Methods.DISK_USAGE, self._disk_usage),
            answer(Methods.UPDATE_BUILD_HISTORY, self._update_history),
            route(Methods.PRUNE, self._prune),
            route(Methods.SESSION, self._sessions.serve),
            route(Methods.LISTEN_BUILD_HISTORY, self._listen_history),
            route(_STATUS_RAW, self._status),
        )

    def worker_record(self) -> worker_pb2.WorkerRecord:
        """The one worker."""
        return worker_pb2.WorkerRecord(
            ID=self._worker_id,
            Labels=self._labels,
            platforms=[
                ops_pb2.Platform(OS=p.os, Architecture=p.architecture, Variant=p.variant)
                for p in self._platforms()
            ],
            BuildkitVersion=self._buildkit_version(),
        )

    def _buildkit_version(self) -> worker_pb2.BuildkitVersion:
        return worker_pb2.BuildkitVersion(
            package=PACKAGE,
            version=BUILDKIT_VERSION,
            revision=self._version,
            dockerfileVersion=DOCKERFILE_VERSION,
        )

    async def _health(
        self, request: health_pb2.HealthCheckRequest
    ) -> health_pb2.HealthCheckResponse:
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)

    async def _info(self, request: control_pb2.InfoRequest) -> control_pb2.InfoResponse:
        return control_pb2.InfoResponse(buildkitVersion=self._buildkit_version())

    async def _workers(
        self, request: control_pb2.ListWorkersRequest
    ) -> control_pb2.ListWorkersResponse:
        return control_pb2.ListWorkersResponse(record=[self.worker_record()])

    async def _status(self, call: Incoming[control_pb2.StatusRequest, RawMessage]) -> None:
        request = await call.request()
        await call.start()
        async for message in self._builds.follow(request.Ref):
            await call.send_many([RawMessage(message)])

    async def _disk_usage(
        self, request: control_pb2.DiskUsageRequest
    ) -> control_pb2.DiskUsageResponse:
        return control_pb2.DiskUsageResponse(record=await self._cache.usage(request.filter))

    async def _prune(
        self, call: Incoming[control_pb2.PruneRequest, control_pb2.UsageRecord]
    ) -> None:
        request = await call.request()
        await call.start()
        async for record in self._cache.prune(request):
            await call.send(record)

    async def _listen_history(
        self, call: Incoming[control_pb2.BuildHistoryRequest, control_pb2.BuildHistoryEvent]
    ) -> None:
        request = await call.request()
        await call.start()
        # Listening starts before the present state is sent, so that no change falls between.
        with self._history.listening() as changes:
            records = [r for r in self._history.records() if _wanted(r, request)]
            records.reverse()
            if request.Limit:
                records = records[: request.Limit]
            await call.send_many(
                _event(Change.COMPLETE if record.phase.over else Change.STARTED, record)
                for record in records
            )
            while not request.EarlyExit:
                change, record = await changes.get()
                if _wanted(record, request) or change is not Change.STARTED:
                    await call.send(_event(change, record))

    async def _update_history(
        self, request: control_pb2.UpdateBuildHistoryRequest
    ) -> control_pb2.UpdateBuildHistoryResponse:
        if request.Delete:
            self._history.delete(request.Ref)
        elif not request.Finalize:
            self._history.pin(request.Ref, request.Pinned)
        return control_pb2.UpdateBuildHistoryResponse()


def _wanted(record: BuildRecord, request: control_pb2.BuildHistoryRequest) -> bool:
    if request.Ref and request.Ref != record.ref:
        return False
    return not (request.ActiveOnly and record.phase.over)


def _event(change: Change, record: BuildRecord) -> control_pb2.BuildHistoryEvent:
    return control_pb2.BuildHistoryEvent(
        type=control_pb2.BuildHistoryEventType.Name(change.value), record=record.to_message()
    )
