"""The state of edges and vertices: data and the few questions that only need the data.

A ``VertexNode`` is one operation, shared by all builds that want it and by all of its outputs. An
``EdgeNode`` is one of its outputs. A ``Dependency`` is what an edge knows of, and wants from, the
edge behind one of its inputs. ``core.solver.scheduler`` moves them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Generic

from core.cache.keys import KeyId
from core.cache.results import ResultRecord
from core.llb.vertex import Vertex
from core.solver.protocol import CacheMap, Content, Op, R

if TYPE_CHECKING:
    from core.solver.jobs import Job


class Level(IntEnum):
    """How much is known of an edge, or wanted from it.

    FAST: every key that follows from definitions alone. SLOW: those too that follow from the
    content of inputs. COMPLETE: the result.
    """

    NONE = 0
    FAST = 1
    SLOW = 2
    COMPLETE = 3


class VertexNode(Generic[R]):
    """One operation among all running builds.

    ``jobs`` are the builds that have it in their graph, ``keepers`` those and the builds that need
    it because something of theirs was merged into it.
    """

    def __init__(
        self,
        key: str,
        vertex: Vertex,
        inputs: Sequence[tuple[VertexNode[R], int]],
        *,
        ignore_cache: bool,
    ) -> None:
        self.key = key
        self.vertex = vertex
        self.inputs = tuple(inputs)
        self.ignore_cache = ignore_cache
        self.edges: dict[int, EdgeNode[R]] = {}
        self.jobs: dict[Job[R], None] = {}
        self.keepers: dict[Job[R], None] = {}
        self.aliases: list[VertexNode[R]] = []
        self.op: Op[R] | None = None
        self.cache_map: CacheMap[R] | None = None
        self.cache_map_task: asyncio.Task[None] | None = None
        self.execution: asyncio.Task[None] | None = None
        self.results: tuple[R, ...] | None = None
        self.executed = False
        self.error: BaseException | None = None
        self.started: int | None = None
        self.idle_since: int | None = None
        self.completed: int | None = None
        self.cached = False
        self.reason = ""

    @property
    def apart(self) -> bool:
        """Whether this, or something that it needs, does not use the cache."""
        return "~" in self.key

    def edge(self, output: int) -> EdgeNode[R]:
        """The edge for ``output``, which may have been merged into another one."""
        found = self.edges.get(output)
        if found is None:
            found = self.edges[output] = EdgeNode(self, output)
        return found

    def audience(self) -> Iterator[tuple[Job[R], VertexNode[R]]]:
        """Every build that hears of this vertex, with the vertex as which it knows it."""
        waiting: list[VertexNode[R]] = [self]
        seen: set[VertexNode[R]] = set()
        while waiting:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            waiting.extend(node.aliases)
            for job in node.jobs:
                yield job, node

    def tasks(self) -> Iterator[asyncio.Task[None]]:
        """What runs for this vertex now."""
        for task in (self.cache_map_task, self.execution):
            if task is not None:
                yield task
        for edge in self.edges.values():
            for dependency in edge.dependencies:
                if dependency.content_task is not None:
                    yield dependency.content_task


class EdgeNode(Generic[R]):
    """One output of an operation among all running builds.

    ``keys`` are the cache keys that it is known to have and that may lead to cached results of
    what uses it; ``saved_key`` is the one under which its own result stands.
    """

    def __init__(self, node: VertexNode[R], output: int) -> None:
        self.node = node
        self.output = output
        self.dependencies: list[Dependency[R]] = []
        self.dependents: dict[Dependency[R], None] = {}
        self.jobs: dict[Job[R], int] = {}
        self.keys: dict[KeyId, None] = {}
        self.records: list[ResultRecord] = []
        self.level = Level.NONE
        self.saved_key: KeyId | None = None
        self.done = False
        self.result: R | None = None
        self.cached = False
        self.error: BaseException | None = None
        self.owner: EdgeNode[R] | None = None
        self.index_keys: set[tuple[Any, ...]] = set()
        self.connected: set[tuple[int, KeyId, KeyId]] = set()
        self.last_demand = Level.NONE

    @property
    def finished(self) -> bool:
        return self.done or self.error is not None

    def demand(self) -> Level:
        """The most that any build or dependent edge wants."""
        if self.jobs:
            return Level.COMPLETE
        return max((d.want for d in self.dependents), default=Level.NONE)

    def current(self) -> EdgeNode[R]:
        """This edge, or the one that it was merged into."""
        edge = self
        while edge.owner is not None:
            edge = edge.owner
        return edge


class Dependency(Generic[R]):
    """Input ``index`` of ``user``, which ``target`` gives."""

    def __init__(self, user: EdgeNode[R], index: int, target: EdgeNode[R]) -> None:
        self.user = user
        self.index = index
        self.target = target
        self.want = Level.NONE
        self.matches: set[KeyId] = set()
        self.probed: set[KeyId] = set()
        self.content: Content | None = None
        self.content_probed = False
        self.content_task: asyncio.Task[None] | None = None


def depends_on(edge: EdgeNode[R], other: EdgeNode[R]) -> bool:
    """Whether ``edge`` needs ``other``, directly or through others."""
    waiting: list[EdgeNode[R]] = [edge]
    seen: set[EdgeNode[R]] = set()
    while waiting:
        current = waiting.pop().current()
        if current is other:
            return True
        if current in seen or current.done:
            continue
        seen.add(current)
        waiting.extend(node.edge(output) for node, output in current.node.inputs)
    return False
