"""A build as the solver sees it: what it wants, what it knows of, what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic

from core.llb.metadata import Metadata
from core.llb.vertex import Vertex
from core.progress import messages
from core.solver.edges import EdgeNode, VertexNode
from core.solver.protocol import R
from core.solver.reasons import Reasons

if TYPE_CHECKING:
    from core.solver.solver import Solver


@dataclass(frozen=True, kw_only=True)
class Failure(Generic[R]):
    """The step that made a build fail, with what it was given: enough to look into its state."""

    vertex: Vertex
    error: BaseException
    inputs: tuple[R, ...] = ()


@dataclass(eq=False)
class Wish(Generic[R]):
    """Edges that one call of ``Job.build`` waits for."""

    edges: tuple[EdgeNode[R], ...]
    future: asyncio.Future[None]


@dataclass(slots=True)
class _Unsaid:
    vertices: dict[str, messages.Vertex] = field(default_factory=dict)
    statuses: list[messages.VertexStatus] = field(default_factory=list)
    logs: list[messages.VertexLog] = field(default_factory=list)
    warnings: list[messages.VertexWarning] = field(default_factory=list)


class Job(Generic[R]):
    """One build. Made by ``Solver.job``; results live until it is closed.

    ``failure`` tells which step failed when ``build`` raised because of one.
    """

    def __init__(
        self,
        solver: Solver[R],
        *,
        context: object,
        progress: Callable[[messages.SolveStatus], None],
        reasons: Reasons[R],
    ) -> None:
        self.context = context
        self.reasons = reasons
        self.failure: Failure[R] | None = None
        self.metadata: dict[VertexNode[R], Metadata] = {}
        self.kept: dict[VertexNode[R], None] = {}
        self.said: dict[VertexNode[R], messages.Vertex] = {}
        self.wishes: list[Wish[R]] = []
        self._solver = solver
        self._progress = progress
        self._unsaid = _Unsaid()

    async def build(self, edges: Sequence[Any], *, ignore_cache: bool = False) -> tuple[R, ...]:
        """The results of ``edges`` (``core.llb.vertex.Edge``), in order.

        ``ignore_cache`` runs every step anew; without it those whose metadata says so. Raises what
        the first failing step raised, after everything that runs for this build alone has ended.
        May be called several times and at the same time.
        """
        return await self._solver.build(self, edges, ignore_cache=ignore_cache)

    def adopt(self, node: VertexNode[R]) -> None:
        """Keep ``node`` and all that it needs alive as long as this build lasts."""
        waiting = [node]
        while waiting:
            current = waiting.pop()
            if current not in self.kept:
                self.kept[current] = None
                current.keepers[self] = None
                waiting.extend(source for source, _ in current.inputs)
                waiting.extend(
                    edge.owner.node for edge in current.edges.values() if edge.owner is not None
                )

    def check(self) -> None:
        """Answer the wishes that can be answered."""
        for wish in self.wishes:
            if wish.future.done():
                continue
            edges = [edge.current() for edge in wish.edges]
            for edge in edges:
                if edge.error is not None:
                    wish.future.set_exception(edge.error)
                    break
            else:
                if all(edge.done for edge in edges):
                    wish.future.set_result(None)

    def say(self, node: VertexNode[R], message: messages.Vertex, **changes: Any) -> None:
        """Put ``message`` about ``node`` among what is told next."""
        message = replace(message, **changes) if changes else message
        if self.said.get(node) != message:
            self.said[node] = message
            # Taken out first: the order is that of the latest change.
            self._unsaid.vertices.pop(message.digest, None)
            self._unsaid.vertices[message.digest] = message

    def tell(
        self,
        *,
        statuses: Sequence[messages.VertexStatus] = (),
        logs: Sequence[messages.VertexLog] = (),
        warnings: Sequence[messages.VertexWarning] = (),
    ) -> None:
        """Tell at once, after what is yet unsaid."""
        self._unsaid.statuses.extend(statuses)
        self._unsaid.logs.extend(logs)
        self._unsaid.warnings.extend(warnings)
        self.flush()

    def flush(self) -> None:
        """Tell what is yet unsaid."""
        unsaid, self._unsaid = self._unsaid, _Unsaid()
        status = messages.SolveStatus(
            vertexes=tuple(unsaid.vertices.values()),
            statuses=tuple(unsaid.statuses),
            logs=tuple(unsaid.logs),
            warnings=tuple(unsaid.warnings),
        )
        if status:
            self._progress(status)
