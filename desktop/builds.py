"""Builds as the window sees them: a session each, and the queue they wait in.

A session folds SolveStatus into ``core.progress.BuildState`` at most 30 times a second, however
fast events come; views listen to ``changed`` and read ``state``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from core.client.request import BuildRequest as ClientRequest
from core.errors import BuildError, CancelledBuildError, Error
from core.progress.coalesce import coalesce
from core.progress.messages import SolveStatus
from core.progress.state import BuildState
from desktop.building.request import BuildRequest
from desktop.models.log_store import LineStore
from desktop.tasks import Tasks

if TYPE_CHECKING:
    from core.frontend.plan import Plan

BEAT_MILLISECONDS = 33


class BuildStatus(Enum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (BuildStatus.DONE, BuildStatus.FAILED, BuildStatus.CANCELLED)


class BuildOutcome(Protocol):
    @property
    def digest(self) -> str: ...


class RunningBuild(Protocol):
    """What a session needs of ``core.client``'s Build."""

    @property
    def ref(self) -> str: ...

    def statuses(self) -> AsyncIterator[SolveStatus]: ...

    async def result(self) -> BuildOutcome: ...

    def cancel(self) -> None: ...


class BuildSession(QObject):
    """One build from the queue to its end. Times are nanoseconds since the epoch.

    A session that has a ``ref`` before it begins belongs to a build that runs already.
    """

    changed = Signal(object)  # the SolveStatus that was folded in
    status_changed = Signal()

    def __init__(
        self,
        request: BuildRequest,
        *,
        plan: Plan | None,
        native: tuple[str, ...] = (),
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.request = request
        self.plan = plan
        self.state = BuildState(platforms=request.platforms, native=native)
        self.status = BuildStatus.QUEUED
        self.error: Error | None = None
        self.digest = ""
        self.started: int | None = None
        self.completed: int | None = None
        self.ref = ""
        self.attached = False
        self.lines = LineStore()
        self._unread: list[SolveStatus] = []
        self._beat = QTimer(self)
        self._beat.setInterval(BEAT_MILLISECONDS)
        self._beat.timeout.connect(self._fold)

    def take(self, status: SolveStatus) -> None:
        """Queue an event; the first one is folded at once, the next wait for the beat."""
        self._unread.append(status)
        if not self._beat.isActive():
            self._fold()
            self._beat.start()

    def _fold(self) -> None:
        if not self._unread:
            self._beat.stop()
            return
        status = coalesce(self._unread)
        self._unread.clear()
        self.state.apply(status)
        self.lines.take(status)
        self.changed.emit(status)

    def begin(self, ref: str) -> None:
        self.ref = ref
        self.started = self.started or time.time_ns()
        self._set(BuildStatus.RUNNING)

    def end(self, status: BuildStatus, error: Error | None = None, digest: str = "") -> None:
        """Fold what is left, then say how it ended."""
        self._fold()
        self._beat.stop()
        self.error = error
        self.digest = digest
        self.completed = time.time_ns()
        self.lines.finish_all(self.completed)
        self._set(status)

    def _set(self, status: BuildStatus) -> None:
        self.status = status
        self.status_changed.emit()

    def close(self) -> None:
        """Forget the log; the builder's history still has it."""
        self._beat.stop()
        self.lines.close()

    def counts(self) -> tuple[int, int]:
        """(finished, known) steps, the builder's own work left out."""
        steps = [v for v in self.state.vertices.values() if not v.internal]
        return sum(v.state.finished for v in steps), len(steps)


Start = Callable[[ClientRequest, BuildRequest], AbstractAsyncContextManager[RunningBuild]]
Attach = Callable[[str], AbstractAsyncContextManager[RunningBuild]]
Translate = Callable[[BuildRequest], ClientRequest]


class BuildQueue(QObject):
    """Runs sessions of one context one after the other, those of several beside each other.

    ``at_once`` says how many may run; builds that ran already when they were added do not count.
    """

    started = Signal(object)
    ended = Signal(object)
    changed = Signal()

    def __init__(
        self,
        tasks: Tasks,
        start: Start,
        translate: Translate,
        attach: Attach | None = None,
        parent: QObject | None = None,
        *,
        at_once: Callable[[], int] = lambda: 2,
    ) -> None:
        super().__init__(parent)
        self._at_once = at_once
        self._tasks = tasks
        self._start = start
        self._translate = translate
        self._attach = attach
        self._waiting: list[BuildSession] = []
        self._running: dict[BuildSession, asyncio.Task[None]] = {}
        self._builds: dict[BuildSession, RunningBuild] = {}

    @property
    def current(self) -> BuildSession | None:
        """The one that runs for longest."""
        return next(iter(self._running), None)

    @property
    def running(self) -> tuple[BuildSession, ...]:
        """In the order in which they began."""
        return tuple(self._running)

    @property
    def waiting(self) -> tuple[BuildSession, ...]:
        return tuple(self._waiting)

    def add(self, session: BuildSession) -> None:
        session.setParent(self)
        session.attached = bool(session.ref)
        self._waiting.append(session)
        self.changed.emit()
        self._next()

    def cancel(self, session: BuildSession | None = None) -> bool:
        """Cancel ``session`` or the current one; False when there is nothing to cancel."""
        session = session or self.current
        if session is None:
            return False
        if session in self._waiting:
            self._waiting.remove(session)
            session.end(BuildStatus.CANCELLED, CancelledBuildError("The build was cancelled."))
            self.ended.emit(session)
            self.changed.emit()
            return True
        task = self._running.get(session)
        if task is None:
            return False
        build = self._builds.get(session)
        if build is not None:
            build.cancel()
        else:
            task.cancel()
        return True

    def close(self) -> None:
        """Forget the logs of every build; called once nothing runs any more."""
        for session in self.findChildren(BuildSession):
            session.close()

    def starts_at_once(self, session: BuildSession) -> bool:
        """Whether ``session`` need not wait for one that runs."""
        if session.ref:
            return True
        started = [other for other in self._running if not other.attached]
        busy = {other.request.context for other in self._running}
        return session.request.context not in busy and len(started) < max(1, self._at_once())

    def _next(self) -> None:
        for session in tuple(self._waiting):
            if self.starts_at_once(session):
                self._waiting.remove(session)
                name = f"build {session.request.title}"
                self._running[session] = self._tasks.start(self._run(session), name=name)

    async def _run(self, session: BuildSession) -> None:
        try:
            await self._drive(session)
        except CancelledBuildError as cancelled:
            session.end(BuildStatus.CANCELLED, cancelled)
        except Error as failure:
            session.end(BuildStatus.FAILED, failure)
        except asyncio.CancelledError:
            session.end(BuildStatus.CANCELLED, CancelledBuildError("The build was cancelled."))
            raise
        except Exception as bug:
            session.end(
                BuildStatus.FAILED,
                BuildError(
                    f"Viaduct itself failed: {bug!r}",
                    hint="Help > Diagnostics holds the details of this fault.",
                ),
            )
            raise
        finally:
            self._running.pop(session, None)
            self._builds.pop(session, None)
            self.ended.emit(session)
            self.changed.emit()
            self._next()

    async def _drive(self, session: BuildSession) -> None:
        if session.attached and self._attach is not None:
            opening = self._attach(session.ref)
        else:
            opening = self._start(self._translate(session.request), session.request)
        async with opening as build:
            self._builds[session] = build
            session.begin(build.ref)
            self.started.emit(session)
            self.changed.emit()
            async for status in build.statuses():
                session.take(status)
            outcome = await build.result()
            session.end(BuildStatus.DONE, digest=outcome.digest)
