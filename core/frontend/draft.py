"""Vertices before all of their inputs are settled.

The paths that a build reads from its context are known only once every stage was looked at, but
the context stands at the beginning of the graph. So a conversion builds drafts, whose operations
are made when they are frozen, from the bottom up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from core.llb.metadata import Metadata
from core.llb.ops import Op, SourceOp
from core.llb.vertex import Edge, Vertex
from core.oci.platform import Platform

MadeOp: TypeAlias = tuple[Op, tuple[Edge, ...]]


@dataclass(slots=True, kw_only=True, eq=False)
class Draft:
    """``make`` turns the frozen ``sources`` (None: empty file system) into operation and inputs."""

    make: Callable[[Sequence[Edge | None]], MadeOp]
    sources: tuple[Output | None, ...] = ()
    platform: Platform | None = None
    metadata: Metadata = field(default_factory=Metadata)


@dataclass(frozen=True, slots=True)
class Output:
    """Output ``index`` of a draft, or of a vertex that was finished before."""

    draft: Draft
    index: int = 0


def source_draft(
    op: Callable[[], SourceOp], metadata: Metadata, platform: Platform | None = None
) -> Output:
    """A source whose operation is made when the graph is frozen."""
    return Output(Draft(make=lambda _: (op(), ()), platform=platform, metadata=metadata))


class Freezer:
    """Turns drafts into vertices, each once; ``platforms`` are the targets that need them."""

    def __init__(self, platforms: tuple[Platform, ...] = ()) -> None:
        self._platforms = platforms
        self._done: dict[int, Vertex] = {}
        self._kept: list[Draft] = []

    def edge(self, output: Output | None) -> Edge | None:
        """The edge that ``output`` becomes; None for an empty file system."""
        if output is None:
            return None
        waiting = [output.draft]
        while waiting:
            draft = waiting[-1]
            if id(draft) in self._done:
                waiting.pop()
                continue
            missing = [
                s.draft for s in draft.sources if s is not None and id(s.draft) not in self._done
            ]
            if missing:
                waiting.extend(missing)
                continue
            waiting.pop()
            op, inputs = draft.make([self._known(source) for source in draft.sources])
            self._done[id(draft)] = Vertex(
                op=op,
                inputs=inputs,
                platform=draft.platform,
                metadata=replace(draft.metadata, platforms=self._platforms),
            )
            self._kept.append(draft)
        return self._known(output)

    def _known(self, output: Output | None) -> Edge | None:
        if output is None:
            return None
        return Edge(self._done[id(output.draft)], output.index)


class Inputs:
    """The inputs of one vertex: equal edges share a number."""

    def __init__(self) -> None:
        self.edges: list[Edge] = []

    def number(self, edge: Edge | None) -> int:
        """The number of ``edge`` among the inputs, -1 for an empty file system."""
        if edge is None:
            return -1
        for number, known in enumerate(self.edges):
            if known.output == edge.output and known.vertex == edge.vertex:
                return number
        self.edges.append(edge)
        return len(self.edges) - 1
