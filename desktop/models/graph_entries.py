"""Entries: one step for one platform (or for several that share the vertex), from plan and build.

The plan gives entries before anything runs; a build's vertices are bound to them by digest, or by
stage, line and platform where the plan did not know the digest yet. Vertices that no plan knows
(exports, pulls of metadata, a foreign builder's) become entries of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from core.errors import LineRange
from core.progress.messages import Mode
from core.progress.state import VertexState

if TYPE_CHECKING:
    from core.frontend.plan import Plan


class Kind(Enum):
    """What a step does, as far as views tell steps apart."""

    SOURCE = "source"
    CONTEXT = "context"
    EXEC = "exec"
    FILE = "file"
    EXPORT = "export"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """``id`` is stable over a plan and the build of it; ``vertex`` is "" until it is known.

    ``step`` is the same for all platforms of one instruction. ``inputs`` are entry ids.
    """

    id: str
    step: str
    title: str
    stage: str = ""
    platforms: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    ranges: tuple[LineRange, ...] = ()
    vertex: str = ""
    needed: bool = True
    possible: bool = True
    """False where a program would have to run and nothing here can run it."""
    mode: Mode = Mode.NONE
    interpreter: str = ""
    kind: Kind = Kind.FILE


def plan_entries(plan: Plan) -> tuple[Entry, ...]:
    """The entries of a plan in Dockerfile order, one per vertex: shared cells are one entry."""
    owner: dict[tuple[str, str], str] = {}
    found: list[tuple[Entry, Mapping[str, tuple[str, ...]]]] = []
    for step in plan.steps:
        kind = _KINDS.get(step.kind) or kind_of(step.name)
        placed: set[str] = set()
        for platform, cell in step.cells.items():
            if platform in placed:
                continue
            platforms = tuple(p for p in step.cells if p == platform or p in cell.shared_with)
            placed.update(platforms)
            entry = Entry(
                id=f"{step.id}@{platform}",
                step=step.id,
                title=step.name.removeprefix("[internal] "),
                stage=step.stage,
                platforms=platforms if kind is not Kind.CONTEXT else (),
                ranges=(step.range,) if step.range else (),
                vertex=cell.vertex,
                needed=cell.needed,
                mode=cell.mode,
                possible=cell.possible,
                interpreter=cell.interpreter,
                kind=kind,
            )
            owner.update({(step.id, p): entry.id for p in platforms})
            inputs = {
                p: step.inputs if (own := step.cells[p].inputs) is None else own for p in platforms
            }
            found.append((entry, inputs))
    return tuple(replace(e, inputs=_inputs_of(inputs, owner)) for e, inputs in found)


def _inputs_of(
    inputs: Mapping[str, tuple[str, ...]], owner: Mapping[tuple[str, str], str]
) -> tuple[str, ...]:
    ids = (owner.get((step, platform)) for platform, steps in inputs.items() for step in steps)
    return tuple(dict.fromkeys(i for i in ids if i is not None))


def kind_of(title: str, internal: bool = False) -> Kind:
    """The kind of a step whose builder does not tell, from its title."""
    word = title.partition(" ")[0]
    if word == "FROM":
        return Kind.SOURCE
    if word == "RUN":
        return Kind.EXEC
    if title.startswith(("exporting ", "pushing ", "sending tarball")):
        return Kind.EXPORT
    if "load build context" in title or title.startswith(("local://", "[context ")):
        return Kind.CONTEXT
    return Kind.INTERNAL if internal else Kind.FILE


_KINDS = {
    "from": Kind.SOURCE,
    "run": Kind.EXEC,
    "copy": Kind.FILE,
    "add": Kind.FILE,
    "workdir": Kind.FILE,
    "context": Kind.CONTEXT,
    "export": Kind.EXPORT,
    "cache": Kind.INTERNAL,
    "inline": Kind.INTERNAL,
    "internal": Kind.INTERNAL,
}
"""The names of instructions, and of what else the frontend makes vertices for."""


class Binder:
    """Keeps the entries of one build: those of the plan, then the vertices as they come.

    The order of ``entries`` only grows during a build, which keeps pictures stable.
    """

    def __init__(self, planned: Iterable[Entry] = (), platforms: tuple[str, ...] = ()) -> None:
        self.entries: dict[str, Entry] = {e.id: e for e in planned}
        self.of_vertex: dict[str, str] = {e.vertex: e.id for e in self.entries.values() if e.vertex}
        self._platforms = platforms
        self._free: dict[tuple[int, str], list[str]] = {}
        self._first: dict[tuple[str, str, str], str] = {}
        self._placeless: dict[tuple[Kind, str], list[str]] = {}
        self._staged: dict[tuple[str, Kind, str], list[str]] = {}
        for entry in self.entries.values():
            if not entry.ranges:
                self._placeless.setdefault((entry.kind, entry.title), []).append(entry.id)
            for r in entry.ranges[:1]:
                for platform in entry.platforms:
                    self._free.setdefault((r.start, platform), []).append(entry.id)
                    place = (entry.stage, entry.kind, platform)
                    self._staged.setdefault(place, []).append(entry.id)

    def add(self, seen: VertexState) -> tuple[str, bool]:
        """The id of the entry that a vertex belongs to; whether entries or edges changed."""
        digest = seen.digest
        known = self.of_vertex.get(digest)
        if known is not None and known != digest:
            self._settle(known, seen)
            return known, False
        entry = self._described(seen)
        if known is None:
            planned = self._planned(entry)
            if planned is not None:
                self.of_vertex[digest] = planned
                self._settle(planned, seen)
                return planned, False
            self.of_vertex[digest] = digest
            self.entries[digest] = entry
            return digest, True
        old = self.entries[digest]
        self.entries[digest] = entry
        shape = (entry.inputs, entry.stage, entry.step, entry.platforms, entry.title)
        return digest, shape != (old.inputs, old.stage, old.step, old.platforms, old.title)

    def resolved(self, digest: str) -> str | None:
        """The entry of a vertex digest, or of an entry id itself."""
        if digest in self.entries:
            return digest
        return self.of_vertex.get(digest)

    def _settle(self, planned: str, seen: VertexState) -> None:
        """A planned entry learns what the build knows."""
        old = self.entries[planned]
        mode = seen.mode if seen.mode is not Mode.NONE else old.mode
        interpreter = seen.vertex.interpreter or old.interpreter
        if (old.vertex, old.mode, old.interpreter) != (seen.digest, mode, interpreter):
            self.entries[planned] = replace(
                old, vertex=seen.digest, mode=mode, interpreter=interpreter, needed=True
            )

    def _planned(self, entry: Entry) -> str | None:
        """The entry of the plan that stands at the same line for the same platform, or that
        stands nowhere and is called the same."""
        if not entry.ranges and entry.stage:
            return self._in_stage(entry)
        if not entry.ranges:
            waiting = self._placeless.get((entry.kind, entry.title), [])
            return waiting.pop(0) if waiting else None
        for r in entry.ranges[:1]:
            for platform in entry.platforms or self._platforms[:1]:
                waiting = self._free.get((r.start, platform), [])
                for candidate in waiting:
                    planned = self.entries[candidate]
                    if planned.kind is entry.kind and not planned.vertex:
                        waiting.remove(candidate)
                        return candidate
        return None

    def _in_stage(self, entry: Entry) -> str | None:
        """The planned entry of a vertex whose builder tells no lines: by stage and words."""
        stage = "stage-0" if entry.stage == "stage 0" else entry.stage
        for platform in entry.platforms or self._platforms[:1]:
            waiting = self._staged.get((stage, entry.kind, platform), [])
            for candidate in waiting:
                planned = self.entries[candidate]
                # A base image is named in full here and as it is written there.
                alike = entry.kind is Kind.SOURCE or _words(planned.title) == _words(entry.title)
                if alike and not planned.vertex:
                    waiting.remove(candidate)
                    return candidate
        return None

    def _described(self, seen: VertexState) -> Entry:
        vertex, name = seen.vertex, seen.step
        platforms = seen.platforms or self._inherited(vertex.inputs if name.number else ())
        stage = vertex.stage or name.stage or ("stage 0" if name.number else "")
        title = name.text or vertex.name or vertex.instruction or vertex.digest[:19]
        kind = _KINDS.get(vertex.kind) or kind_of(title, name.internal)
        if kind is Kind.CONTEXT:
            platforms = ()  # it is nobody's in particular
        step = vertex.digest
        if name.number:
            # A second vertex of the same instruction and platform (a copy and its merge) is a
            # step of its own.
            key = f"{stage}/{name.number}"
            at = platforms[0] if platforms else ""
            if self._first.setdefault((key, at, kind.value), vertex.digest) == vertex.digest:
                step = f"{key}/{kind.value}"
        return Entry(
            id=vertex.digest,
            step=step,
            title=title.removeprefix("[internal] "),
            stage=stage,
            platforms=platforms,
            inputs=tuple(vertex.inputs),
            ranges=vertex.ranges,
            vertex=vertex.digest,
            mode=seen.mode,
            interpreter=vertex.interpreter,
            kind=kind,
        )

    def _inherited(self, inputs: Iterable[str]) -> tuple[str, ...]:
        """Older builders do not name the platform of a RUN: it is that of its inputs."""
        for digest in inputs:
            entry = self.entries.get(self.of_vertex.get(digest, ""))
            if entry is not None and entry.platforms and entry.stage:
                return entry.platforms
        return ()


def _words(title: str) -> list[str]:
    return title.split()
