"""A build on a time axis: bars of steps in as few rows per platform as their overlaps allow."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from core.progress.state import VertexState
from desktop.models.graph import BuildGraph
from desktop.models.graph_critical import critical_path
from desktop.models.graph_entries import Entry, Kind
from desktop.models.graph_status import Status


class Work(Enum):
    """What time was spent on."""

    WAIT = "wait"
    RUN = "run"
    COPY = "copy"
    PULL = "pull"
    COMPRESS = "compress"
    PUSH = "push"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """``start`` and ``end`` are nanoseconds since the epoch; ``row`` counts in its lane.

    ``part`` is "" for a step, the name of a counter for a part of one (a layer pulled, pushed).
    """

    entry: str
    start: int
    end: int
    work: Work
    status: Status
    row: int = 0
    part: str = ""
    running: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The bars of one platform; "" holds what belongs to none."""

    platform: str
    bars: tuple[Bar, ...]
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """``parallel`` is a step function: (time, steps at work from then on)."""

    start: int = 0
    end: int = 0
    lanes: tuple[Lane, ...] = ()
    parallel: tuple[tuple[int, int], ...] = ()
    critical: frozenset[str] = frozenset()
    """Entry ids."""


def timeline(graph: BuildGraph, now: int) -> Timeline:
    """``now`` ends what still runs."""
    lanes: dict[str, list[Bar]] = {p: [] for p in graph.platforms}
    lanes[""] = []
    busy: list[tuple[int, int]] = []
    ends: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for entry in graph.entries.values():
        seen = graph.vertex(entry.id)
        if seen is None or not seen.intervals:
            continue
        ends[entry.id] = now if seen.intervals[-1][1] is None else seen.intervals[-1][1]
        seconds[entry.id] = seen.duration(now) / 1e9
    for entry in graph.entries.values():
        seen = graph.vertex(entry.id)
        if seen is None or not seen.intervals:
            continue
        status = graph.entry_status(entry.id)
        bars = list(_bars(entry, seen, status, now))
        wait = _waited(graph, entry, seen, ends)
        if wait is not None:
            bars.insert(0, wait)
        for platform in entry.platforms or ("",):
            lanes.setdefault(platform, []).extend(bars)
        if status is not Status.CACHED:
            busy += [(s, now if e is None else e) for s, e in seen.intervals]
    found = tuple(_lane(p, bars) for p, bars in lanes.items() if bars or p)
    starts = [b.start for lane in found for b in lane.bars]
    edges = [(i, e.id) for e in graph.entries.values() for i in e.inputs]
    return Timeline(
        start=min(starts, default=0),
        end=max([*ends.values()], default=0),
        lanes=found,
        parallel=_parallel(busy),
        critical=frozenset(critical_path(list(graph.entries), edges, seconds)),
    )


def _bars(entry: Entry, seen: VertexState, status: Status, now: int) -> Iterable[Bar]:
    work = _work(entry)
    for start, end in seen.intervals:
        yield Bar(
            entry=entry.id,
            start=start,
            end=now if end is None else end,
            work=work,
            status=status,
            running=end is None,
        )
    if entry.kind in {Kind.SOURCE, Kind.EXPORT} and len(seen.statuses) > 1:
        for counter in seen.statuses.values():
            part = _part(entry.kind, counter.id, counter.name)
            if part is None or counter.started is None:
                continue
            ended = counter.completed
            yield Bar(
                entry=entry.id,
                start=counter.started,
                end=now if ended is None else ended,
                work=part,
                status=status,
                part=counter.name or counter.id,
                running=ended is None,
            )


def _work(entry: Entry) -> Work:
    match entry.kind:
        case Kind.SOURCE:
            return Work.PULL
        case Kind.CONTEXT:
            return Work.COPY
        case Kind.EXEC:
            return Work.RUN
        case Kind.FILE:
            return Work.COPY
        case Kind.INTERNAL:
            return Work.INTERNAL
        case Kind.EXPORT:
            pushing = entry.title.startswith(("pushing", "push "))
            return Work.PUSH if pushing else Work.COMPRESS


def _part(kind: Kind, id_: str, name: str) -> Work | None:
    """The work of a counter inside a pull or an export, from the words that builders use."""
    words = f"{id_} {name}".lower()
    if "push" in words or "upload" in words:
        return Work.PUSH
    if kind is Kind.EXPORT or any(
        w in words for w in ("export", "compress", "layer", "manifest", "config", "attest")
    ):
        return Work.COMPRESS
    if any(w in words for w in ("sha256:", "download", "extract", "pull", "resolve", "transfer")):
        return Work.PULL
    return None


def _waited(graph: BuildGraph, entry: Entry, seen: VertexState, ends: dict[str, int]) -> Bar | None:
    """From the end of its last input to its start: it could have run and nobody had time."""
    start = seen.intervals[0][0]
    ready = max((ends[i] for i in entry.inputs if i in ends), default=None)
    if ready is None or start - ready < 20_000_000 or entry.kind is Kind.INTERNAL:
        return None
    if graph.entry_status(entry.id) is Status.CACHED:
        return None
    return Bar(entry=entry.id, start=ready, end=start, work=Work.WAIT, status=Status.WAITING)


def _lane(platform: str, bars: list[Bar]) -> Lane:
    """Bars in rows: a step keeps its wait and its own intervals in one row."""
    groups: dict[tuple[str, str], list[Bar]] = {}
    for bar in bars:
        groups.setdefault((bar.entry, bar.part), []).append(bar)
    placed: list[Bar] = []
    free: list[tuple[int, int]] = []
    rows = 0
    order = sorted(groups.values(), key=lambda g: (min(b.start for b in g), bool(g[0].part)))
    for group in order:
        start, end = min(b.start for b in group), max(b.end for b in group)
        if free and free[0][0] <= start:
            _, row = heapq.heappop(free)
        else:
            row = rows
            rows += 1
        heapq.heappush(free, (end, row))
        for b in group:
            placed.append(
                Bar(
                    entry=b.entry, start=b.start, end=b.end, work=b.work, status=b.status,
                    row=row, part=b.part, running=b.running,
                )
            )  # fmt: skip
    return Lane(platform=platform, bars=tuple(placed), rows=rows)


def _parallel(busy: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    changes: dict[int, int] = {}
    for start, end in busy:
        changes[start] = changes.get(start, 0) + 1
        changes[end] = changes.get(end, 0) - 1
    level = 0
    found = []
    for moment in sorted(changes):
        level += changes[moment]
        found.append((moment, level))
    return tuple(found)


def ticks(seconds: float, pixels: float) -> list[float]:
    """Round places for labels on an axis of ``seconds`` over ``pixels``, some 90 pixels apart."""
    if seconds <= 0 or pixels <= 0:
        return []
    wanted = seconds * 90 / pixels
    steps = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)
    step = next((s for s in steps if s >= wanted), 7200.0)
    return [step * n for n in range(int(seconds / step) + 1)]
