"""The solver: builds come in as edges and leave as results.

::

    async with Solver(...) as solver:
        async with solver.job(progress=..., context=...) as job:
            results = await job.build(edges)

Vertices of equal digest are one among all builds that run. What it shares, a build that fails or
is cancelled leaves to the others.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Generic

from core.cache.database import Database
from core.cache.keys import KeyStore
from core.cache.results import ResultStore
from core.cache.steps import StepMemory
from core.errors import Error
from core.llb.metadata import Metadata
from core.llb.vertex import Edge, Vertex, walk
from core.progress.messages import SolveStatus
from core.solver.edges import EdgeNode, VertexNode
from core.solver.jobs import Failure, Job, Wish
from core.solver.limits import Limits
from core.solver.protocol import Op, R, Results
from core.solver.reasons import Book, Reasons
from core.solver.scheduler import Scheduler
from core.solver.tracker import Tracker


class Solver(Generic[R]):
    """One for all builds of a process; used on one event loop, as an async context manager.

    ``resolve`` turns a vertex into its operation and raises an ``Error`` for one it has none for.
    """

    def __init__(
        self,
        *,
        database: Database,
        codec: Results[R],
        resolve: Callable[[Vertex], Op[R]],
        limits: Limits,
    ) -> None:
        self.limits = limits
        self._book = Book(StepMemory(database), self._in_background)
        self._codec = codec
        self._nodes: dict[str, VertexNode[R]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._tracker: Tracker[R] = Tracker(self._book)
        self._scheduler = Scheduler(
            keys=KeyStore(database),
            results=ResultStore(database),
            codec=codec,
            limits=limits,
            tracker=self._tracker,
            spawn=self._spawn,
            resolve=lambda node: resolve(node.vertex),
        )

    @property
    def idle(self) -> bool:
        """Whether no build is known any more."""
        return not self._nodes and self._scheduler.idle

    async def __aenter__(self) -> Solver[R]:
        self._group = await asyncio.TaskGroup().__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        group, self._group = self._group, None
        assert group is not None
        await group.__aexit__(kind, error, traceback)

    @asynccontextmanager
    async def job(
        self,
        *,
        progress: Callable[[SolveStatus], None],
        context: object = None,
        scope: str = "",
    ) -> AsyncIterator[Job[R]]:
        """A build. ``context`` is handed to operations; ``scope`` names the project, to find what
        its steps were last built from; ``progress`` is called on the event loop."""
        job = Job(self, context=context, progress=progress, reasons=Reasons(self._book, scope))
        try:
            yield job
        finally:
            job.flush()
            self._close(job)

    async def build(
        self, job: Job[R], edges: Sequence[Edge], *, ignore_cache: bool
    ) -> tuple[R, ...]:
        """See ``Job.build``."""
        nodes = self._load(job, edges, ignore_cache=ignore_cache)
        wanted = tuple(nodes[id(edge.vertex)].edge(edge.output) for edge in edges)
        wish = Wish(wanted, asyncio.get_running_loop().create_future())
        job.wishes.append(wish)
        for edge in wanted:
            current = edge.current()
            current.jobs[job] = current.jobs.get(job, 0) + 1
            self._scheduler.push(current)
        try:
            self._scheduler.run()
            job.check()
            await wish.future
        except BaseException as error:
            self._give_up(job, wish)
            if job.failure is None and not isinstance(error, asyncio.CancelledError):
                job.failure = self._failure(nodes.values(), error)
            await self._ended(job)
            raise
        results = tuple(self._result(edge) for edge in wanted)
        self._give_up(job, wish)
        mine = list(dict.fromkeys(nodes.values()))
        self._tracker.note_all(edge for node in mine for edge in node.edges.values())
        self._tracker.skipped(job, mine)
        job.flush()
        job.reasons.save()
        return results

    def _load(
        self, job: Job[R], edges: Sequence[Edge], *, ignore_cache: bool
    ) -> dict[int, VertexNode[R]]:
        """Nodes for all vertices below ``edges``, by the identity of the vertex."""
        vertices = list(walk(edges))
        metadata: dict[str, Metadata] = {}
        for vertex in vertices:
            known = metadata.get(vertex.digest)
            metadata[vertex.digest] = known.joined(vertex.metadata) if known else vertex.metadata
        nodes: dict[int, VertexNode[R]] = {}
        for vertex in vertices:
            about = metadata[vertex.digest]
            inputs = [(nodes[id(edge.vertex)], edge.output) for edge in vertex.inputs]
            node = self._node(vertex, inputs, ignore_cache=ignore_cache or about.ignore_cache)
            nodes[id(vertex)] = node
            node.jobs[job] = None
            job.adopt(node)
            earlier = job.metadata.get(node)
            job.metadata[node] = earlier.joined(about) if earlier else about
        for node in dict.fromkeys(nodes.values()):
            self._tracker.introduce(job, node)
        job.flush()
        return nodes

    def _node(
        self, vertex: Vertex, inputs: list[tuple[VertexNode[R], int]], *, ignore_cache: bool
    ) -> VertexNode[R]:
        key = str(vertex.digest)
        if ignore_cache or any(node.apart for node, _ in inputs):
            # Another node than the one that uses the cache, down to what depends on it.
            text = " ".join([str(ignore_cache), *(node.key for node, _ in inputs)])
            key += "~" + hashlib.sha256(text.encode()).hexdigest()
        found = self._nodes.get(key)
        if found is not None and found.inputs == tuple(inputs) and not _failed(found):
            return found
        # One that failed stays with the builds that it failed for.
        node = VertexNode(key, vertex, inputs, ignore_cache=ignore_cache)
        self._nodes[key] = node
        return node

    def _result(self, edge: EdgeNode[R]) -> R:
        result = edge.current().result
        assert result is not None
        return result

    def _give_up(self, job: Job[R], wish: Wish[R]) -> None:
        job.wishes.remove(wish)
        if not wish.future.cancel() and not wish.future.cancelled():
            # Seen, even if nobody waited for it any more.
            wish.future.exception()
        for edge in wish.edges:
            current = edge.current()
            if current.jobs.get(job, 0) > 1:
                current.jobs[job] -= 1
            else:
                current.jobs.pop(job, None)
            self._scheduler.push(current)
        self._scheduler.run()

    def _failure(self, nodes: Iterable[VertexNode[R]], error: BaseException) -> Failure[R] | None:
        for node in nodes:
            for tried in (node, *(e.current().node for e in node.edges.values())):
                if tried.error is error:
                    inputs = [source.edge(output).current() for source, output in tried.inputs]
                    return Failure(
                        vertex=node.vertex,
                        error=error,
                        inputs=tuple(edge.result for edge in inputs if edge.result is not None),
                    )
        return None

    async def _ended(self, job: Job[R]) -> None:
        """Wait for the end of what ran for ``job`` alone."""
        if not job.wishes:
            self._tracker.cancelled(job)
        while tasks := [
            task
            for node in job.kept
            if set(node.keepers) == {job}
            for task in node.tasks()
            if task.cancelling()
        ]:
            await asyncio.wait(tasks)

    def _close(self, job: Job[R]) -> None:
        for wish in list(job.wishes):
            self._give_up(job, wish)
        for node in job.kept:
            node.jobs.pop(job, None)
            node.keepers.pop(job, None)
            if node.keepers:
                continue
            for edge in node.edges.values():
                self._scheduler.discard(edge)
            self._scheduler.release(node)
            if self._nodes.get(node.key) is node:
                del self._nodes[node.key]
            self._tracker.forget(node)
        job.kept.clear()
        self._scheduler.run()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        assert self._group is not None
        return self._group.create_task(work)

    def _in_background(self, work: Callable[[], None]) -> None:
        async def run() -> None:
            try:
                await asyncio.to_thread(work)
            except Error:
                # A reason less next time.
                return

        self._spawn(run())


def _failed(node: VertexNode[R]) -> bool:
    return node.error is not None or any(edge.error is not None for edge in node.edges.values())
