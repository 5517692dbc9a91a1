"""The builds of this daemon: started, queued, followed, cancelled, kept."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from core.daemon.build_run import BuildRun
from core.daemon.history import Change, History
from core.daemon.journal import read_journal
from core.daemon.records import BuildPhase, BuildRecord
from core.daemon.sessions import Sessions
from core.errors import BuilderError, CancelledBuildError, Error, NotFoundError
from core.wire.failure import to_grpc
from core.wire.pb import control_pb2

log = logging.getLogger(__name__)

_WAIT_FOR_BUILD_SECONDS = 10.0

Work = Callable[[BuildRun], Awaitable[dict[str, str]]]
"""Does a build and gives the exporters' answer."""


class Builds:
    """``at_once`` builds run at the same time, further ones wait in the order they came."""

    def __init__(self, history: History, sessions: Sessions, work: Work, *, at_once: int) -> None:
        self._history = history
        self._sessions = sessions
        self._work = work
        self._turns = asyncio.Semaphore(at_once)
        self._running: dict[str, BuildRun] = {}
        self._begun = asyncio.Event()

    def __len__(self) -> int:
        return len(self._running)

    def running(self, ref: str) -> BuildRun | None:
        return self._running.get(ref)

    async def solve(self, request: control_pb2.SolveRequest) -> control_pb2.SolveResponse:
        """Do a build for a caller; cancelling this ends it unless it is detached.

        Raises GRPCError with the build's error, its source lines among the details.
        """
        run = self._enter(request)
        run.task = asyncio.get_running_loop().create_task(self._run(run), name=f"build {run.ref}")
        try:
            response = await asyncio.shield(run.task)
        except asyncio.CancelledError:
            if run.task.cancelled():
                raise to_grpc(
                    CancelledBuildError("the build was cancelled", phrase="context canceled")
                ) from None
            if not request.detach:
                run.cancel()
                # Its end must be tidy before the caller's place is given up.
                with suppress(asyncio.CancelledError, Exception):
                    await asyncio.shield(run.task)
            raise
        except Error as error:
            raise to_grpc(error, run.source) from error
        return control_pb2.SolveResponse(ExporterResponse=response)

    def _enter(self, request: control_pb2.SolveRequest) -> BuildRun:
        exporters = [(e.Type, dict(e.Attrs)) for e in request.Exporters]
        if not exporters and request.ExporterDeprecated:
            exporters = [(request.ExporterDeprecated, dict(request.ExporterAttrsDeprecated))]
        record = BuildRecord(
            ref=request.Ref or secrets.token_hex(12),
            created=time.time_ns(),
            title=request.title,
            frontend=request.Frontend,
            attrs=dict(request.FrontendAttrs),
            exporters=tuple(exporters),
            local_dirs=dict(request.localDirs),
        )
        run = BuildRun(request, record, self._history.start(record))
        self._running[run.ref] = run
        begun, self._begun = self._begun, asyncio.Event()
        begun.set()
        return run

    async def _run(self, run: BuildRun) -> dict[str, str]:
        phase = BuildPhase.FAILED
        error: Error | None = None
        try:
            async with self._turns:
                run.record = replace(run.record, phase=BuildPhase.RUNNING)
                self._history.update(run.record)
                response = await self._guarded(run)
            phase = BuildPhase.DONE
            run.record = replace(run.record, response=response)
            return response
        except asyncio.CancelledError:
            phase = BuildPhase.CANCELLED
            error = CancelledBuildError("the build was cancelled", phrase="context canceled")
            raise
        except Error as failed:
            error = failed
            raise
        except Exception as failed:
            log.exception("build %s ended by a defect", run.ref)
            defect = BuilderError(
                f"a defect of the builder ended the build: {type(failed).__name__}: {failed}",
                hint="The builder's log has the details.",
            )
            error = defect
            raise defect from failed
        finally:
            run.journal.close()
            del self._running[run.ref]
            record = run.counts().ended(phase, at=time.time_ns(), error=error)
            self._history.update(record, Change.COMPLETE)

    async def _guarded(self, run: BuildRun) -> dict[str, str]:
        """The work, ended when the client goes away and the build is not detached."""
        if not run.request.Session or run.request.detach:
            return await self._work(run)
        session = await self._sessions.get(run.request.Session)
        work = asyncio.ensure_future(self._work(run))
        gone = asyncio.ensure_future(session.closed.wait())
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise CancelledBuildError("the client that asked for the build went away")
            return work.result()
        finally:
            gone.cancel()
            work.cancel()
            await asyncio.gather(gone, work, return_exceptions=True)

    async def follow(self, ref: str) -> AsyncIterator[bytes]:
        """Serialised StatusResponse messages of a build, from its first event on.

        A build that is not there yet is waited for, since clients ask before they call Solve.
        """
        run = self._running.get(ref)
        if run is None and not self._known(ref):
            run = await self._wait_for(ref)
        if run is not None:
            async for message in run.journal.follow():
                yield message
            return
        for message in read_journal(self._history.directory(ref) / "events.pb"):
            yield message

    def _known(self, ref: str) -> bool:
        try:
            self._history.get(ref)
        except NotFoundError:
            return False
        return True

    async def _wait_for(self, ref: str) -> BuildRun | None:
        try:
            async with asyncio.timeout(_WAIT_FOR_BUILD_SECONDS):
                while (run := self._running.get(ref)) is None and not self._known(ref):
                    await self._begun.wait()
                return run
        except TimeoutError as error:
            raise NotFoundError(f"there is no build {ref}") from error

    def cancel(self, ref: str) -> bool:
        """End a build; whether it was running. Raises NotFoundError for an unknown one."""
        run = self._running.get(ref)
        if run is None:
            self._history.get(ref)
            return False
        return run.cancel()

    async def aclose(self) -> None:
        """Cancel every build and wait for its end."""
        tasks = [run.task for run in self._running.values() if run.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
