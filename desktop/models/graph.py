"""The graph of a build as one value to draw: plan and live state folded into nodes and facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.progress.messages import Mode
from core.progress.state import BuildState, StepState, VertexState
from desktop.graph.layout import LayoutGraph, LayoutNode
from desktop.models.graph_critical import critical_path
from desktop.models.graph_entries import Binder, Entry, plan_entries
from desktop.models.graph_stack import Node, Shape, Stacking, shaped
from desktop.models.graph_status import Status, combined, status_of

if TYPE_CHECKING:
    from core.frontend.plan import Plan

FOLD_ABOVE = 60
"""Cached chains of a running build are folded when there are more nodes than this."""


_EYE = {Status.FAILED: 0, Status.RUNNING: 1, Status.CANCELLED: 2, Status.DONE: 3}
_WELL = frozenset({StepState.DONE, StepState.CACHED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pip:
    """One platform of a node."""

    platform: str
    status: Status
    mode: Mode = Mode.NONE
    possible: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a node shows now. ``seconds`` is the longest of its entries; ``fraction`` 0..1 counts
    bytes; ``slowdown`` is against the same step run natively in this build."""

    status: Status
    pips: tuple[Pip, ...] = ()
    seconds: float | None = None
    fraction: float | None = None
    mode: Mode = Mode.NONE
    interpreter: str = ""
    slowdown: float | None = None
    reason: str = ""
    error: str = ""
    impossible: tuple[str, ...] = ()
    """Platforms whose programs nothing here can run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the user wants to see the graph. ``fold`` None decides by size and by the build's end."""

    stacking: Stacking = Stacking.AUTO
    internal: bool = False
    fold: bool | None = None
    unfolded: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What a refresh changed: the shape, or only what these nodes show."""

    shape: bool
    nodes: frozenset[str] = frozenset()


class BuildGraph:
    """Mutable owner of one build's picture; everything it hands out is a value."""

    def __init__(self) -> None:
        self.options = Options()
        self.shape = Shape()
        self._plan: Plan | None = None
        self._state: BuildState | None = None
        self._platforms: tuple[str, ...] = ()
        self._binder = Binder()
        self._lanes: tuple[str, ...] = ()
        self._ended = False
        self._implied: set[str] = set()

    # Sources

    def set_plan(self, plan: Plan | None) -> None:
        """Show ``plan``; a build that is shown is bound to it anew."""
        self._plan = plan
        self._rebuild()

    def set_state(
        self, state: BuildState | None, platforms: tuple[str, ...] = (), *, ended: bool = False
    ) -> None:
        """Show ``state`` over the plan; None shows the plan alone."""
        self._state = state
        self._platforms = platforms
        self._ended = ended
        self._rebuild()

    def set_ended(self, ended: bool) -> bool:
        """The build is over: what waits will not run. Whether the shape changed."""
        if ended == self._ended:
            return False
        self._ended = ended
        return self._reshape()

    def set_options(self, options: Options) -> bool:
        """Whether the shape changed."""
        self.options = options
        return self._reshape()

    def refresh(self, digests: Iterable[str]) -> Refreshed:
        """Take in vertices that changed."""
        if self._state is None:
            return Refreshed(shape=False)
        changed: set[str] = set()
        dirty = False
        folding = self._folding()
        for digest in digests:
            seen = self._state.vertices.get(digest)
            if seen is None:
                continue
            entry, structure = self._binder.add(seen)
            dirty = dirty or structure
            if seen.state in _WELL:
                changed |= self._imply(entry)
            # Only these outcomes set a platform apart or fold a chain.
            if seen.state in {StepState.FAILED, StepState.CANCELLED} or (
                seen.state is StepState.CACHED and folding
            ):
                dirty = True
            changed.add(entry)
        shape = dirty and self._reshape()
        nodes = frozenset(self.shape.owner[entry] for entry in changed if entry in self.shape.owner)
        return Refreshed(shape=shape, nodes=nodes)

    def _rebuild(self) -> None:
        planned = plan_entries(self._plan) if self._plan is not None else ()
        platforms = self._platforms or tuple(dict.fromkeys(p for e in planned for p in e.platforms))
        self._binder = Binder(planned, platforms)
        self._lanes = platforms
        self._implied = set()
        if self._state is not None:
            entries = [self._binder.add(seen)[0] for seen in self._state.vertices.values()]
            for entry in entries:
                live = self.vertex(entry)
                if live is not None and live.state in _WELL:
                    self._imply(entry)
        self._reshape()

    def _imply(self, entry: str) -> set[str]:
        """What ``entry`` stands on and nobody had to look at: a hit in the cache needs no inputs.
        The entries that this is news for."""
        found: set[str] = set()
        waiting = [entry]
        while waiting:
            for below in self._binder.entries[waiting.pop()].inputs:
                id_ = self._binder.resolved(below)
                if id_ is None or id_ in self._implied:
                    continue
                live = self.vertex(id_)
                if live is None or live.state is StepState.WAITING:
                    self._implied.add(id_)
                    found.add(id_)
                    waiting.append(id_)
        return found

    def _folding(self) -> bool:
        if self.options.fold is not None:
            return self.options.fold
        return self._ended or len(self.shape.nodes) > FOLD_ABOVE

    def _reshape(self) -> bool:
        before = self.shape
        entries = list(self._binder.entries.values())
        lanes = self._lanes
        o = self.options
        self.shape = shaped(
            entries,
            self.entry_status,
            platforms=lanes,
            stacking=o.stacking,
            internal=o.internal,
            fold=self._folding(),
            unfolded=o.unfolded,
            apart=o.apart,
        )
        return self.shape != before

    # What is shown

    @property
    def state(self) -> BuildState | None:
        return self._state

    @property
    def platforms(self) -> tuple[str, ...]:
        """Every platform in lane order."""
        return self._lanes

    @property
    def entries(self) -> Mapping[str, Entry]:
        return self._binder.entries

    def vertex(self, entry: str) -> VertexState | None:
        """The live state of an entry, None while there is none."""
        if self._state is None:
            return None
        return self._state.vertices.get(self._binder.entries[entry].vertex)

    def entry_status(self, entry: str) -> Status:
        found = self._binder.entries[entry]
        if not found.needed:
            return Status.SKIPPED
        seen = self.vertex(entry)
        if entry in self._implied and (seen is None or seen.state is StepState.WAITING):
            return Status.CACHED
        if seen is None:
            if self._state is None:
                return Status.PLANNED
            return Status.SKIPPED if self._ended else Status.WAITING
        status = status_of(seen.state)
        if self._ended and status is Status.WAITING:
            return Status.SKIPPED
        if self._ended and status is Status.RUNNING:
            return Status.CANCELLED
        return status

    def status(self, node: str) -> Status:
        return combined({self.entry_status(e) for e in self.shape.nodes[node].entries})

    def facts(self, node: str, now: int) -> Facts:
        """``now`` is nanoseconds since the epoch: the end of what still runs."""
        found = self.shape.nodes[node]
        if found.folded:
            return Facts(status=Status.CACHED, pips=self._pips(found))
        seconds: float | None = None
        current = total = 0
        reason = error = interpreter = ""
        modes: set[Mode] = set()
        impossible: list[str] = []
        slowdown: float | None = None
        for id_ in found.entries:
            entry = self._binder.entries[id_]
            if not entry.possible and entry.needed:
                impossible += entry.platforms
            if entry.mode is not Mode.NONE:
                modes.add(entry.mode)
            if entry.mode is Mode.EMULATED:
                interpreter = interpreter or entry.interpreter
                slowdown = slowdown or self._slowdown(entry)
            seen = self.vertex(id_)
            if seen is None:
                continue
            if seen.intervals:
                seconds = max(seconds or 0.0, seen.duration(now) / 1e9)
            for s in seen.statuses.values():
                if s.total:
                    current += s.current
                    total += s.total
            reason = reason or seen.vertex.reason
            error = error or seen.vertex.error
        status = self.status(node)
        strongest = (Mode.EMULATED, Mode.CROSS, Mode.NATIVE)
        return Facts(
            status=status,
            pips=self._pips(found),
            seconds=seconds,
            fraction=current / total if total and status is Status.RUNNING else None,
            mode=next((m for m in strongest if m in modes), Mode.NONE),
            interpreter=interpreter,
            slowdown=slowdown,
            reason=reason,
            error=error,
            impossible=tuple(dict.fromkeys(impossible)),
        )

    def _pips(self, node: Node) -> tuple[Pip, ...]:
        found: dict[str, Pip] = {}
        for id_ in node.entries:
            entry = self._binder.entries[id_]
            for platform in entry.platforms:
                status = self.entry_status(id_)
                if platform in found:
                    status = combined({status, found[platform].status})
                found[platform] = Pip(
                    platform=platform, status=status, mode=entry.mode, possible=entry.possible
                )
        return tuple(found[p] for p in node.platforms if p in found)

    def _slowdown(self, entry: Entry) -> float | None:
        """How many times longer than the same step on a native platform, where both are done."""
        mine = self._finished_seconds(entry.id)
        if not mine:
            return None
        for other in self._binder.entries.values():
            if other.step == entry.step and other.mode is Mode.NATIVE:
                native = self._finished_seconds(other.id)
                if native:
                    return mine / native
        return None

    def _finished_seconds(self, entry: str) -> float | None:
        seen = self.vertex(entry)
        if seen is None or seen.state is not StepState.DONE:
            return None
        return seen.duration(0) / 1e9

    # Questions

    def node_of(self, vertex: str) -> str | None:
        """The node that shows a vertex digest, an entry id or a plan's step id."""
        if vertex in self.shape.nodes:
            return vertex
        entry = self._binder.resolved(vertex)
        if entry is None:
            entry = next((e.id for e in self._binder.entries.values() if e.step == vertex), None)
        return self.shape.owner.get(entry) if entry is not None else None

    def vertex_of(self, node: str) -> str:
        """What the shared selection calls ``node``: the digest of its most telling vertex, or
        its plan step's id."""
        ids = self.shape.nodes[node].entries
        order = [Status.FAILED, Status.RUNNING]
        ranked = sorted(
            ids,
            key=lambda e: order.index(s) if (s := self.entry_status(e)) in order else len(order),
        )
        entry = self._binder.entries[ranked[0]]
        return entry.vertex if self.vertex(entry.id) is not None else entry.step

    def vertices_of(self, node: str) -> frozenset[str]:
        """The digests of everything that ``node`` stands for."""
        entries = (self._binder.entries[e] for e in self.shape.nodes[node].entries)
        return frozenset(e.vertex for e in entries if e.vertex)

    def nodes_at(self, line: int) -> tuple[str, ...]:
        """The nodes of the instruction at a Dockerfile line, what failed or runs first."""
        found = {
            self.shape.owner[e.id]: None
            for e in self._binder.entries.values()
            if e.id in self.shape.owner and any(r.start <= line <= r.end for r in e.ranges)
        }
        return tuple(sorted(found, key=lambda n: _EYE.get(self.status(n), len(_EYE))))

    def affected(self, nodes: Iterable[str]) -> frozenset[str]:
        """``nodes`` and everything built from them: what a change there would run again."""
        after: dict[str, list[str]] = {}
        for a, b in self.shape.edges:
            after.setdefault(a, []).append(b)
        found: set[str] = set()
        queue = list(nodes)
        while queue:
            node = queue.pop()
            if node not in found:
                found.add(node)
                queue += after.get(node, ())
        return frozenset(found)

    def matching(self, text: str) -> frozenset[str]:
        """Nodes whose title, stage, platform or state contains every word of ``text``."""
        words = text.lower().split()
        if not words:
            return frozenset(self.shape.nodes)
        found = set()
        for node in self.shape.nodes.values():
            titles = [self._binder.entries[e].title for e in node.entries]
            parts = (*titles, node.stage, *node.platforms, self.status(node.id).value)
            target = " ".join(parts).lower()
            if all(word in target for word in words):
                found.add(node.id)
        return frozenset(found)

    def critical(self, now: int) -> tuple[str, ...]:
        """The nodes of the critical path, sources first."""
        seconds = {n: self.facts(n, now).seconds or 0.0 for n in self.shape.nodes}
        return critical_path(self.shape.nodes, self.shape.edges, seconds)

    def toggled(self, node: str) -> Options:
        """The options that open or close ``node``: a folded chain, or stacked platforms."""
        found, o = self.shape.nodes[node], self.options
        if found.folded:
            return replace(o, unfolded=o.unfolded | {found.folded[0]})
        step = self._binder.entries[found.entries[0]].step
        if step in o.apart:
            return replace(o, apart=o.apart - {step})
        if len(found.entries) > 1:
            return replace(o, apart=o.apart | {step})
        return o

    def layout_graph(self) -> LayoutGraph:
        return LayoutGraph(
            nodes=tuple(
                LayoutNode(id=n.id, group=n.stage, lane=n.lane) for n in self.shape.nodes.values()
            ),
            edges=self.shape.edges,
        )
