"""The Engine service: the daemon itself, builds and their output."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.daemon.builds import Builds
from core.daemon.history import History
from core.daemon.history_import import import_build
from core.daemon.journal import read_journal
from core.daemon.machine import Machine
from core.errors import BuilderError
from core.wire.failure import to_message
from core.wire.pb import control_pb2, engine_pb2
from core.wire.rpc import Incoming, Routes, answer, join, route
from core.wire.services import Engine as Methods


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """What does not change while the daemon lives."""

    version: str
    root: Path
    log_file: Path
    rootless: bool
    runtime: str
    notes: tuple[str, ...]


class EngineService:
    """``stop`` asks the daemon to leave."""

    def __init__(
        self,
        *,
        facts: EngineFacts,
        machine: Machine,
        builds: Builds,
        history: History,
        idle: Callable[[], float],
        stop: Callable[[], None],
    ) -> None:
        self._facts = facts
        self._machine = machine
        self._builds = builds
        self._history = history
        self._idle = idle
        self._stop = stop

    def routes(self) -> Routes:
        return join(
            answer(Methods.HELLO, self._hello),
            answer(Methods.SHUTDOWN, self._shutdown),
            answer(Methods.CANCEL, self._cancel),
            answer(Methods.GET_BUILD, self._get_build),
            route(Methods.IMPORT_BUILD, self._import_build),
            route(Methods.STEP_LOG, self._step_log),
        )

    async def _hello(self, request: engine_pb2.HelloRequest) -> engine_pb2.HelloResponse:
        facts = self._facts
        return engine_pb2.HelloResponse(
            version=facts.version,
            pid=os.getpid(),
            root=str(facts.root),
            rootless=facts.rootless,
            runtime=facts.runtime,
            native=[str(p) for p in self._machine.native()],
            emulated=[
                engine_pb2.EmulatedPlatform(platform=str(p), interpreter=interpreter)
                for p, interpreter in self._machine.emulated().items()
            ],
            notes=facts.notes,
            builds=len(self._builds),
            log_file=str(facts.log_file),
            idle_seconds=self._idle(),
        )

    async def _shutdown(self, request: engine_pb2.ShutdownRequest) -> engine_pb2.ShutdownResponse:
        if len(self._builds) and not request.force:
            raise BuilderError(
                f"{len(self._builds)} builds still run",
                hint="Wait for them, or stop it with --force.",
            )
        # The answer has to leave first.
        asyncio.get_running_loop().call_later(0.05, self._stop)
        return engine_pb2.ShutdownResponse()

    async def _cancel(self, request: engine_pb2.CancelRequest) -> engine_pb2.CancelResponse:
        return engine_pb2.CancelResponse(was_running=self._builds.cancel(request.ref))

    async def _get_build(self, request: engine_pb2.GetBuildRequest) -> engine_pb2.GetBuildResponse:
        run = self._builds.running(request.ref)
        record = run.counts() if run is not None else self._history.get(request.ref)
        response = engine_pb2.GetBuildResponse(
            record=record.to_message(),
            dockerfile=self._history.document(request.ref, "Dockerfile"),
            dockerfile_name=record.dockerfile_name,
            plan=self._history.document(request.ref, "plan.json"),
        )
        if (error := record.error) is not None:
            response.failure.CopyFrom(to_message(error))
        return response

    async def _import_build(
        self, call: Incoming[engine_pb2.ImportBuildRequest, engine_pb2.ImportBuildResponse]
    ) -> None:
        ref = await import_build(self._history, aiter(call))
        await call.send(engine_pb2.ImportBuildResponse(ref=ref))

    async def _step_log(
        self, call: Incoming[engine_pb2.StepLogRequest, engine_pb2.StepLogChunk]
    ) -> None:
        request = await call.request()
        run = self._builds.running(request.ref)
        self._history.get(request.ref)
        await call.start()
        offset = 0
        done = False

        async def take(message: bytes) -> None:
            nonlocal offset, done
            status = control_pb2.StatusResponse.FromString(message)
            chunks = []
            for entry in status.logs:
                if entry.vertex != request.vertex:
                    continue
                start, offset = offset, offset + len(entry.msg)
                if offset <= request.offset:
                    continue
                skip = max(0, request.offset - start)
                chunks.append(
                    engine_pb2.StepLogChunk(
                        offset=start + skip,
                        stream=entry.stream,
                        timestamp=entry.timestamp.ToNanoseconds(),
                        data=entry.msg[skip:],
                    )
                )
            done = any(v.digest == request.vertex and v.completed.seconds for v in status.vertexes)
            if chunks:
                await call.send_many(chunks)

        if run is not None and request.follow:
            async for message in run.journal.follow():
                await take(message)
                if done:
                    return
            return
        if run is not None:
            run.journal.flush()
        messages = read_journal(self._history.directory(request.ref) / "events.pb")
        while (piece := await asyncio.to_thread(next, messages, None)) is not None:
            await take(piece)
