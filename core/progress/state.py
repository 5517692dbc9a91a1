"""The fold: SolveStatus after SolveStatus into what a build looks like now.

``BuildState.apply`` costs as much as the message it is given is long, however large the build.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from core.progress.intervals import Interval, duration, merge
from core.progress.lanes import Lane, LaneBook
from core.progress.messages import (
    Mode,
    SolveStatus,
    Vertex,
    VertexLog,
    VertexStatus,
    VertexWarning,
)
from core.progress.names import StepName, parse_name


class StepState(Enum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CACHED = "cached"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        return self not in {StepState.WAITING, StepState.RUNNING}


@dataclass(slots=True, kw_only=True)
class VertexState:
    """One step as it is now. Owned by the BuildState that hands it out: read, do not write."""

    vertex: Vertex
    """The last report, with what earlier reports said and this one left out."""
    number: int
    """Order of first appearance, from 1."""
    step: StepName
    platforms: tuple[str, ...] = ()
    mode: Mode = Mode.NONE
    state: StepState = StepState.WAITING
    intervals: tuple[Interval, ...] = ()
    statuses: dict[str, VertexStatus] = field(default_factory=dict)
    warnings: list[VertexWarning] = field(default_factory=list)
    log_lines: int = 0
    log_bytes: int = 0
    tail: bytes = b""
    """The last output, up to 8 KiB."""

    @property
    def digest(self) -> str:
        return self.vertex.digest

    @property
    def name(self) -> str:
        return self.vertex.name

    def duration(self, now: int) -> int:
        """Nanoseconds spent so far, repeats and overlaps counted once."""
        return duration(self.intervals, now)

    @property
    def internal(self) -> bool:
        """Whether this is work of the builder's own rather than a step of the Dockerfile."""
        return self.vertex.kind == "internal" or self.step.internal


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one ``apply`` touched, in the order of the message."""

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    """Digests whose vertex or counters changed, the added ones not among them."""
    logs: tuple[VertexLog, ...] = ()
    warnings: tuple[VertexWarning, ...] = ()
    lanes: frozenset[str] = frozenset()
    """Platforms whose lane changed."""


TAIL_BYTES = 8192


class BuildState:
    """What is known of one build.

    ``platforms`` are the requested ones: each has a lane from the start, and where only one was
    requested the steps of a builder that does not name platforms count for it. ``native`` are the
    platforms that the builder runs without an emulator; they tell the mode of a step whose vertex
    does not say it.
    """

    def __init__(self, *, platforms: Iterable[str] = (), native: Iterable[str] = ()) -> None:
        self._requested = tuple(platforms)
        self._native = frozenset(native)
        self._vertices: dict[str, VertexState] = {}
        self._book = LaneBook(self._requested)
        self._unplaced: dict[str, None] = {}
        self._some_placed = False
        self.warnings: list[VertexWarning] = []
        self.finished_count = 0
        self.cached_count = 0

    @property
    def vertices(self) -> Mapping[str, VertexState]:
        """Digest to step, in order of first appearance."""
        return self._vertices

    def lanes(self) -> tuple[Lane, ...]:
        """One per platform: the requested ones in order, then others as they appeared."""
        return self._book.lanes()

    @property
    def failed(self) -> VertexState | None:
        """The first step that failed by itself."""
        return next((v for v in self._vertices.values() if v.state is StepState.FAILED), None)

    def apply(self, status: SolveStatus) -> Changes:
        """Fold one message in."""
        added: dict[str, None] = {}
        updated: dict[str, None] = {}
        lanes: set[str] = set()
        for vertex in status.vertexes:
            seen = self._vertices.get(vertex.digest)
            if seen is None:
                seen = VertexState(vertex=vertex, number=len(self._vertices) + 1, step=_NO_STEP)
                self._vertices[vertex.digest] = seen
                added[vertex.digest] = None
            else:
                updated[vertex.digest] = None
            lanes.update(self._report(seen, vertex))
        if status.vertexes and self._some_placed:
            for digest in tuple(self._unplaced):
                lanes.update(self._place(self._vertices[digest]))
        for entry in status.statuses:
            if (seen := self._vertices.get(entry.vertex)) is not None:
                previous = seen.statuses.get(entry.id)
                seen.statuses[entry.id] = entry
                updated[entry.vertex] = None
                lanes.update(self._book.counted(seen.platforms, previous, entry))
        for log in status.logs:
            if (seen := self._vertices.get(log.vertex)) is not None:
                _take_log(seen, log)
                updated[log.vertex] = None
        for warning in status.warnings:
            self.warnings.append(warning)
            if (seen := self._vertices.get(warning.vertex)) is not None:
                seen.warnings.append(warning)
                updated[warning.vertex] = None
        return Changes(
            added=tuple(added),
            updated=tuple(digest for digest in updated if digest not in added),
            logs=status.logs,
            warnings=status.warnings,
            lanes=frozenset(lanes),
        )

    def _report(self, seen: VertexState, vertex: Vertex) -> set[str]:
        before = (seen.platforms, seen.state, seen.internal)
        merged = _with_what_was_known(seen.vertex, vertex)
        if seen.step is _NO_STEP or merged.name != seen.vertex.name:
            seen.step = parse_name(merged.name)
        seen.vertex = merged
        if vertex.started is not None:
            open_again = [(s, e) for s, e in seen.intervals if s != vertex.started]
            seen.intervals = merge([*open_again, (vertex.started, vertex.completed)])
        old_state = seen.state
        seen.state = _state(merged)
        seen.platforms = self._platforms(seen)
        self._some_placed = self._some_placed or bool(seen.platforms)
        seen.mode = merged.mode if merged.mode is not Mode.NONE else seen.step.mode(self._native)
        self.finished_count += seen.state.finished - old_state.finished
        self.cached_count += (seen.state is StepState.CACHED) - (old_state is StepState.CACHED)
        return self._book.moved(
            seen.digest,
            before=None if before[2] else (before[0], before[1].value),
            after=None if seen.internal else (seen.platforms, seen.state.value),
            mode=seen.mode,
            interpreter=merged.interpreter,
            started=vertex.started,
            completed=vertex.completed,
        )

    def _place(self, seen: VertexState) -> set[str]:
        """Give a step that names no platform those of the steps that it builds on.

        Docker before 23 names the platform of COPY, but not of RUN.
        """
        found = [self._vertices[d].platforms for d in seen.vertex.inputs if d in self._vertices]
        platforms = tuple(dict.fromkeys(p for platforms in found for p in platforms))
        if not platforms:
            return set()
        del self._unplaced[seen.digest]
        before, seen.platforms = seen.platforms, platforms
        return self._book.moved(
            seen.digest,
            before=(before, seen.state.value),
            after=(platforms, seen.state.value),
            mode=seen.mode,
            interpreter=seen.vertex.interpreter,
            started=seen.vertex.started,
            completed=seen.vertex.completed,
        )

    def _platforms(self, seen: VertexState) -> tuple[str, ...]:
        if seen.vertex.platforms:
            return seen.vertex.platforms
        if seen.internal:
            return ()
        if seen.step.platform:
            return (seen.step.platform,)
        if len(self._requested) == 1:
            return self._requested
        if seen.platforms:
            return seen.platforms
        if seen.step.number:
            self._unplaced[seen.digest] = None
        return ()


_NO_STEP = StepName(text="")


def _state(vertex: Vertex) -> StepState:
    if vertex.error:
        cancelled = "context canceled" in vertex.error or vertex.error == "cancelled"
        return StepState.CANCELLED if cancelled else StepState.FAILED
    if vertex.cached:
        return StepState.CACHED
    if vertex.completed is not None:
        return StepState.DONE
    return StepState.RUNNING if vertex.started is not None else StepState.WAITING


def _with_what_was_known(old: Vertex, new: Vertex) -> Vertex:
    """The new report; what only the old one said is kept. Platforms add up: steps are shared."""
    platforms = old.platforms + tuple(p for p in new.platforms if p not in old.platforms)
    return replace(
        new,
        name=new.name or old.name,
        inputs=new.inputs or old.inputs,
        progress_group=new.progress_group or old.progress_group,
        platforms=platforms,
        stage=new.stage or old.stage,
        mode=new.mode if new.mode is not Mode.NONE else old.mode,
        interpreter=new.interpreter or old.interpreter,
        reason=new.reason or old.reason,
        ranges=new.ranges or old.ranges,
        kind=new.kind or old.kind,
        instruction=new.instruction or old.instruction,
        started=new.started if new.started is not None else old.started,
        completed=new.completed if new.started is not None else old.completed,
    )


def _take_log(seen: VertexState, log: VertexLog) -> None:
    seen.log_lines += log.data.count(b"\n")
    seen.log_bytes += len(log.data)
    if len(log.data) >= TAIL_BYTES:
        seen.tail = log.data[-TAIL_BYTES:]
    else:
        seen.tail = (seen.tail + log.data)[-TAIL_BYTES:]
