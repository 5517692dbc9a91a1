"""A lane per platform: how far it is, what runs, how long it will take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.progress.messages import Mode
from core.progress.state import BuildState, StepState
from desktop.graph.ranks import links
from desktop.models.graph import BuildGraph
from desktop.models.graph_entries import Entry, Kind
from desktop.models.graph_status import Status
from desktop.models.history_times import StepTimes


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneFacts:
    """One platform. Times are seconds; ``expected`` is the whole lane's, None while unknown;
    ``slowdown`` compares emulated steps with the same ones run natively in this build."""

    platform: str
    status: Status
    done: int
    total: int
    cached: int
    failed: int
    current: str = ""
    """The title of the step to name; ``vertex`` is its digest."""
    vertex: str = ""
    running: int = 0
    bytes_current: int = 0
    bytes_total: int = 0
    elapsed: float = 0.0
    expected: float | None = None
    mode: Mode = Mode.NONE
    interpreter: str = ""
    slowdown: float | None = None
    emulated: int = 0
    """Steps that are or will be emulated."""
    impossible: int = 0
    """Steps whose programs nothing here can run."""


def lanes(
    graph: BuildGraph, state: BuildState | None, times: StepTimes, now: int
) -> tuple[LaneFacts, ...]:
    """One for every platform of ``graph``, in order. ``now`` is nanoseconds since the epoch."""
    counted = {lane.platform: lane for lane in state.lanes()} if state is not None else {}
    natives = _native_seconds(graph)
    found = []
    for platform in graph.platforms:
        steps = [
            e
            for e in graph.entries.values()
            if platform in e.platforms and e.needed and e.kind not in {Kind.INTERNAL, Kind.CONTEXT}
        ]
        states = [graph.entry_status(e.id) for e in steps]
        running = [e for e, s in zip(steps, states, strict=True) if s is Status.RUNNING]
        emulated = [e for e in steps if e.mode is Mode.EMULATED]
        lane = counted.get(platform)
        elapsed = _elapsed(graph, steps, now)
        current = running[0] if running else None
        found.append(
            LaneFacts(
                platform=platform,
                status=_status(states),
                done=sum(s in {Status.DONE, Status.CACHED} for s in states),
                total=len(steps),
                cached=states.count(Status.CACHED),
                failed=states.count(Status.FAILED),
                current=current.title if current is not None else "",
                vertex=current.vertex if current is not None else "",
                running=len(running),
                bytes_current=lane.bytes_current if lane is not None else 0,
                bytes_total=lane.bytes_total if lane is not None else 0,
                elapsed=elapsed,
                expected=_expected(graph, steps, states, times, platform, elapsed, now),
                mode=_mode(steps),
                interpreter=next((e.interpreter for e in emulated if e.interpreter), ""),
                slowdown=_slowdown(graph, emulated, natives),
                emulated=len(emulated),
                impossible=sum(not e.possible for e in steps),
            )
        )
    return tuple(found)


def _status(states: list[Status]) -> Status:
    """The lane's: unlike a node's, a lane with something left to do still waits or runs."""
    for status in (Status.FAILED, Status.RUNNING, Status.CANCELLED, Status.WAITING):
        if status in states:
            return status
    if not states or Status.PLANNED in states:
        return Status.PLANNED
    if all(s is Status.CACHED for s in states):
        return Status.CACHED
    return Status.SKIPPED if Status.SKIPPED in states else Status.DONE


def _mode(steps: list[Entry]) -> Mode:
    modes = {e.mode for e in steps}
    order = (Mode.EMULATED, Mode.CROSS, Mode.NATIVE)
    return next((m for m in order if m in modes), Mode.NONE)


def _elapsed(graph: BuildGraph, steps: list[Entry], now: int) -> float:
    """From the first start to the last end; to ``now`` while something runs."""
    first: int | None = None
    last = 0
    for entry in steps:
        seen = graph.vertex(entry.id)
        if seen is None or not seen.intervals:
            continue
        start, end = seen.intervals[0][0], seen.intervals[-1][1]
        first = start if first is None else min(first, start)
        last = max(last, now if end is None else end)
    return max(0, last - first) / 1e9 if first is not None else 0.0


def _expected(
    graph: BuildGraph,
    steps: list[Entry],
    states: list[Status],
    times: StepTimes,
    platform: str,
    elapsed: float,
    now: int,
) -> float | None:
    """Elapsed time and the longest chain of what is left; None when too little is known."""
    left = [e for e, s in zip(steps, states, strict=True) if not s.finished]
    if not left:
        return None
    seconds: list[float] = []
    known = 0
    for entry in left:
        usual = times.seconds(entry, platform)
        known += usual is not None or entry.kind is not Kind.EXEC
        seen = graph.vertex(entry.id)
        spent = seen.duration(now) / 1e9 if seen is not None and seen.intervals else 0.0
        seconds.append(max(0.0, (usual or 0.0) - spent))
    if known < len(left) or not any(seconds):
        return None
    index = {e.id: i for i, e in enumerate(left)}
    pairs = [(index[a], index[e.id]) for e in left for a in e.inputs if a in index]
    joined = links(len(left), pairs)
    total = [0.0] * len(left)
    for i in joined.order:
        total[i] = seconds[i] + max((total[j] for j in joined.into[i]), default=0.0)
    return elapsed + max(total)


def _native_seconds(graph: BuildGraph) -> Mapping[str, float]:
    """Seconds of each step where it ran natively."""
    found: dict[str, float] = {}
    for entry in graph.entries.values():
        if entry.mode is Mode.NATIVE:
            seen = graph.vertex(entry.id)
            if seen is not None and seen.state is StepState.DONE:
                found[entry.step] = seen.duration(0) / 1e9
    return found


def _slowdown(
    graph: BuildGraph, emulated: list[Entry], natives: Mapping[str, float]
) -> float | None:
    mine = native = 0.0
    for entry in emulated:
        seen = graph.vertex(entry.id)
        other = natives.get(entry.step)
        if seen is not None and seen.state is StepState.DONE and other:
            mine += seen.duration(0) / 1e9
            native += other
    # Below a tenth of a second starting a container is all there is to compare.
    return mine / native if native > 0.1 else None
