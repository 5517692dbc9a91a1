"""Two builds side by side: what ran in one and not in the other, why, and what took longer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from desktop.models.graph import BuildGraph
from desktop.models.graph_entries import Entry, Kind
from desktop.models.graph_status import Status


class Difference(Enum):
    """How a step of build A relates to build B, the most telling first."""

    ONLY_A = "only in A"
    ONLY_B = "only in B"
    RAN_IN_A = "ran in A"
    """It ran in A and was cached, or not reached, in B."""
    RAN_IN_B = "ran in B"
    OUTCOME = "outcome"
    """It ran in both, with another outcome."""
    SLOWER = "slower in B"
    FASTER = "faster in B"
    SAME = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """``vertex`` is the digest in that build."""

    status: Status
    seconds: float | None = None
    reason: str = ""
    vertex: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One step on one platform in both builds; None where it is not there."""

    stage: str
    title: str
    platform: str
    difference: Difference
    a: Side | None = None
    b: Side | None = None

    @property
    def delta(self) -> float:
        """Seconds that B spent more."""
        return _spent(self.b) - _spent(self.a)


_RAN = frozenset({Status.DONE, Status.FAILED, Status.RUNNING, Status.CANCELLED})
_NOTABLE = 0.25
"""A time differs when it does by a quarter and by at least half a second."""


def compared(a: BuildGraph, b: BuildGraph) -> tuple[Compared, ...]:
    """Every step of both builds in A's order, those of B alone after what they follow in B."""
    left, right = _sides(a), _sides(b)
    keys = list(left)
    at = 0
    for key in right:
        if key in left:
            at = keys.index(key) + 1
        else:
            keys.insert(at, key)
            at += 1
    found = []
    for key in keys:
        mine, other = left.get(key), right.get(key)
        found.append(
            Compared(
                stage=key[0],
                title=key[1],
                platform=key[2],
                difference=_difference(mine, other),
                a=mine,
                b=other,
            )
        )
    return tuple(found)


def _sides(graph: BuildGraph) -> Mapping[tuple[str, str, str, int], Side]:
    found: dict[tuple[str, str, str, int], Side] = {}
    for entry in graph.entries.values():
        if entry.kind is Kind.INTERNAL or not entry.needed:
            continue
        side = _side(graph, entry)
        for platform in entry.platforms or ("",):
            repeat = 0
            while (key := (entry.stage, entry.title, platform, repeat)) in found:
                repeat += 1
            found[key] = side
    return found


def _side(graph: BuildGraph, entry: Entry) -> Side:
    seen = graph.vertex(entry.id)
    ran = seen is not None and bool(seen.intervals)
    return Side(
        status=graph.entry_status(entry.id),
        seconds=seen.duration(0) / 1e9 if seen is not None and ran else None,
        reason=seen.vertex.reason if seen is not None else "",
        vertex=entry.vertex,
    )


def _spent(side: Side | None) -> float:
    return side.seconds or 0.0 if side is not None and side.status in _RAN else 0.0


def _difference(a: Side | None, b: Side | None) -> Difference:
    if a is None:
        return Difference.ONLY_B
    if b is None:
        return Difference.ONLY_A
    ran_a, ran_b = a.status in _RAN, b.status in _RAN
    if ran_a != ran_b:
        return Difference.RAN_IN_A if ran_a else Difference.RAN_IN_B
    if not ran_a:
        return Difference.SAME
    if a.status is not b.status:
        return Difference.OUTCOME
    mine, other = _spent(a), _spent(b)
    if abs(other - mine) >= max(0.5, _NOTABLE * mine):
        return Difference.SLOWER if other > mine else Difference.FASTER
    return Difference.SAME
