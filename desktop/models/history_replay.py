"""A build of the past that looks like one of now, at any moment of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from core.errors import BuildError, Error
from core.progress.coalesce import coalesce
from core.progress.messages import SolveStatus
from core.progress.state import BuildState
from desktop.builds import BuildStatus
from desktop.models.history import BuildSummary
from desktop.models.log_store import LineStore

_BEAT_MS = 33
SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


def moment(status: SolveStatus) -> int:
    """When a status was sent, as far as what it says tells: the latest time in it, or 0."""
    times = [t for v in status.vertexes for t in (v.started, v.completed) if t is not None]
    times += [s.timestamp for s in status.statuses if s.timestamp is not None]
    times += [entry.timestamp for entry in status.logs if entry.timestamp is not None]
    return max(times, default=0)


class RecordedBuild(QObject):
    """Has the attributes and signals of a BuildSession; ``seek`` moves it in time.

    Opened at its end. Going forward folds what lies between; going back folds from the start,
    which replaces ``state`` and ``lines``: views notice by their identity.
    """

    changed = Signal(object)
    status_changed = Signal()
    moved = Signal()
    """``position`` or ``playing`` changed."""

    def __init__(
        self,
        summary: BuildSummary,
        events: Iterable[SolveStatus],
        *,
        error: Error | None = None,
        source_text: str = "",
        plan: object | None = None,
        native: tuple[str, ...] = (),
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.summary = summary
        self.request = summary.request()
        self.ref = summary.ref
        self.plan = plan
        self.source_text = source_text
        self.digest = summary.digest
        self._native = native
        self._final_error = error
        self.events: tuple[SolveStatus, ...] = tuple(events)
        self._times: list[int] = []
        latest = 0
        for event in self.events:
            # Times never go back, so that a prefix of the events is a moment of the build.
            latest = max(latest, moment(event))
            self._times.append(latest)
        first = next((t for t in self._times if t), summary.created)
        self.started: int | None = min(first, summary.created) if summary.created else first
        self.finished = max(latest, summary.completed or 0, first)
        if error is None and summary.problem and summary.status is BuildStatus.FAILED:
            self._final_error = BuildError(summary.problem)
        self.lines = LineStore()
        self.state = self._blank()
        self._done = 0
        self._position = self.started or 0
        self.status = BuildStatus.RUNNING
        self.error: Error | None = None
        self.completed: int | None = None
        self.speed = 1.0
        self._timer = QTimer(self, interval=_BEAT_MS)
        self._timer.timeout.connect(self._beat)
        self._clock = QElapsedTimer()
        self.seek(self.finished)

    def _blank(self) -> BuildState:
        return BuildState(platforms=self.request.platforms, native=self._native)

    def now(self) -> int:
        """The moment that is shown, in nanoseconds since the epoch."""
        return self._position

    @property
    def position(self) -> float:
        """Seconds since the start."""
        return (self._position - (self.started or 0)) / 1e9

    @property
    def length(self) -> float:
        """Seconds from start to end."""
        return (self.finished - (self.started or 0)) / 1e9

    @property
    def playing(self) -> bool:
        return self._timer.isActive()

    def seek_seconds(self, seconds: float) -> None:
        self.seek((self.started or 0) + int(seconds * 1e9))

    def seek(self, time: int) -> None:
        """Show the build as it was at ``time``."""
        time = min(max(time, self.started or 0), self.finished)
        wanted = bisect_right(self._times, time)
        if wanted < self._done:
            self.state = self._blank()
            old, self.lines = self.lines, LineStore()
            self._done = 0
            self._take(wanted)
            old.close()
        elif wanted > self._done:
            self._take(wanted)
        self._position = time
        self._set_status(time >= self.finished)
        self.moved.emit()

    def _take(self, wanted: int) -> None:
        status = coalesce(self.events[self._done : wanted])
        self._done = wanted
        self.state.apply(status)
        self.lines.take(status)
        self.changed.emit(status)

    def _set_status(self, at_end: bool) -> None:
        status = self.summary.status if at_end else BuildStatus.RUNNING
        if at_end:
            self.lines.finish_all(self.finished)
        if status is self.status and (self.completed is not None) == at_end:
            return
        self.status = status
        self.error = self._final_error if at_end else None
        self.completed = self.finished if at_end else None
        self.status_changed.emit()

    def play(self, speed: float | None = None) -> None:
        """Go on in time; from the start when at the end."""
        if speed is not None:
            self.speed = speed
        if self._position >= self.finished:
            self.seek(self.started or 0)
        self._clock.start()
        self._timer.start()
        self.moved.emit()

    def pause(self) -> None:
        self._timer.stop()
        self.moved.emit()

    def _beat(self) -> None:
        spent = self._clock.restart()
        self.seek(self._position + int(spent * 1e6 * self.speed))
        if self._position >= self.finished:
            self.pause()

    def counts(self) -> tuple[int, int]:
        """(finished, known) steps, the builder's own work left out."""
        steps = [v for v in self.state.vertices.values() if not v.internal]
        return sum(v.state.finished for v in steps), len(steps)

    def close(self) -> None:
        """Idempotent; give back the file of the log."""
        self._timer.stop()
        self.lines.close()
