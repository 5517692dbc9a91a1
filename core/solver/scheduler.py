"""The edge machine: what each edge does next, decided from what is known and what is wanted.

``push`` puts an edge up for a look; ``run`` looks until nothing changes. A look never waits: what
takes time is started as a task, and its end puts edges up again. The decisions for one edge:

1. Ask the operation for its cache map, and the inputs for their fast keys, at the same time.
2. Follow links from the keys of all inputs: keys that all of them lead to are this edge's keys. A
   result under one of them, when the result is wanted, ends it here; no input is computed.
3. Without one, ask further of those inputs that match nothing yet: their slow keys, or their
   result to identify it by content. Only then of the inputs that did match.
4. When no match is possible any more, have all inputs computed and run the operation.

What is wanted flows the other way: an edge wants of its inputs only what its own users want of it,
and when nobody wants anything its tasks are cancelled.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic

from core.cache.keys import KeyStore
from core.cache.results import ResultStore
from core.solver.edges import Dependency, EdgeNode, Level, VertexNode
from core.solver.limits import Limits
from core.solver.merging import EdgeIndex
from core.solver.probing import Prober, hopeless, is_known
from core.solver.protocol import Op, R, Results
from core.solver.saving import save
from core.solver.work import Work

if TYPE_CHECKING:
    from core.solver.tracker import Tracker


class Scheduler(Generic[R]):
    """Moves edges until what is wanted is there.

    ``resolve`` and ``spawn`` as in ``core.solver.work``.
    """

    def __init__(
        self,
        *,
        keys: KeyStore,
        results: ResultStore,
        codec: Results[R],
        limits: Limits,
        tracker: Tracker[R],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        resolve: Callable[[VertexNode[R]], Op[R]],
    ) -> None:
        self._keys = keys
        self._results = results
        self._codec = codec
        self._tracker = tracker
        self._prober: Prober[R] = Prober(keys, results)
        self._work = Work(
            codec=codec,
            limits=limits,
            tracker=tracker,
            spawn=spawn,
            resolve=resolve,
            push=self.push,
            run=self.run,
        )
        self._index: EdgeIndex[R] = EdgeIndex()
        self._queue: deque[EdgeNode[R]] = deque()
        self._queued: set[EdgeNode[R]] = set()
        self._running = False

    @property
    def idle(self) -> bool:
        """Whether nothing is known of any edge."""
        return not self._queue and not self._index

    def push(self, edge: EdgeNode[R]) -> None:
        """Put ``edge`` up for a look."""
        edge = edge.current()
        if edge not in self._queued:
            self._queued.add(edge)
            self._queue.append(edge)

    def run(self) -> None:
        """Look at every edge that is put up, and at those that this puts up in turn."""
        if self._running:
            return
        self._running = True
        try:
            while self._queue:
                edge = self._queue.popleft()
                self._queued.discard(edge)
                if edge.owner is not None:
                    continue
                try:
                    self._look(edge)
                except Exception as error:
                    self._fail(edge, error)
        finally:
            self._running = False
        self._tracker.flush()

    def release(self, node: VertexNode[R]) -> None:
        """Let go of what executing ``node`` gave."""
        self._work.release(node)

    def discard(self, edge: EdgeNode[R]) -> None:
        """Forget an edge that no build has any more."""
        self._index.remove(edge)
        for dependency in edge.dependencies:
            self._want(dependency, Level.NONE)
            dependency.target.dependents.pop(dependency, None)
        if edge.done and edge.result is not None:
            self._codec.release(edge.result)
            edge.result = None

    def _look(self, edge: EdgeNode[R]) -> None:
        if edge.finished:
            self._settle(edge)
            return
        demand = edge.demand()
        node = edge.node
        if demand is Level.NONE:
            edge.last_demand = demand
            self._rest(edge)
            return
        if node.error is not None:
            self._fail(edge, node.error)
            return
        self._connect_inputs(edge)
        if node.cache_map is None:
            self._work.ask_for_cache_map(node)
            if node.cache_map is None:
                for dependency in edge.dependencies:
                    self._want(dependency, max(dependency.want, Level.FAST))
                return
        for dependency in edge.dependencies:
            if dependency.target.error is not None:
                edge.error = dependency.target.error
                self._settle(edge)
                return
        if self._prober.probe(edge):
            self._wake_users(edge)
        twin = self._index.find_twin(edge)
        if twin is not None:
            self._merge(edge, twin)
            return
        if demand is Level.COMPLETE and self._finish_from_cache(edge):
            self._settle(edge)
            return
        self._advance(edge, demand)

    def _connect_inputs(self, edge: EdgeNode[R]) -> None:
        if len(edge.dependencies) == len(edge.node.inputs):
            return
        for index, (node, output) in enumerate(edge.node.inputs):
            target = node.edge(output).current()
            dependency = Dependency(edge, index, target)
            target.dependents[dependency] = None
            edge.dependencies.append(dependency)

    def _want(self, dependency: Dependency[R], level: Level) -> None:
        if dependency.want is not level:
            dependency.want = level
            if not dependency.target.finished:
                self.push(dependency.target)

    # What to do.

    def _finish_from_cache(self, edge: EdgeNode[R]) -> bool:
        while edge.records:
            record = max(edge.records, key=lambda found: found.created)
            edge.records.remove(record)
            result = self._codec.decode(record.stored)
            if result is not None:
                edge.result = result
                edge.done = edge.cached = True
                edge.level = Level.COMPLETE
                edge.saved_key = next(iter(edge.keys))
                self._tracker.cached(edge)
                return True
            self._results.remove(record.id)
        return False

    def _advance(self, edge: EdgeNode[R], demand: Level) -> None:
        """Want of each input what is needed next, and start what can be started."""
        node, cache_map = edge.node, edge.node.cache_map
        assert cache_map is not None
        if demand is Level.COMPLETE and node.results is not None:
            self._finish_executed(edge)
            return
        if edge.level >= demand and demand is not Level.COMPLETE:
            for dependency in edge.dependencies:
                self._want(dependency, min(dependency.want, Level.FAST))
            return
        no_match = hopeless(edge)
        all_in = demand is Level.COMPLETE and (no_match or edge.level >= Level.SLOW)
        unmatched = [d for d in edge.dependencies if not d.matches and not is_known(edge, d)]
        for dependency in edge.dependencies:
            by_content = cache_map.inputs[dependency.index].content is not None
            if all_in:
                want = Level.COMPLETE
            elif demand is Level.FAST or edge.level < Level.FAST:
                want = Level.FAST
            elif unmatched and dependency not in unmatched:
                want = dependency.want
            else:
                want = Level.COMPLETE if by_content else Level.SLOW
            self._want(
                dependency, want if demand < edge.last_demand else max(want, dependency.want)
            )
            if by_content and dependency.target.done and dependency.content is None:
                self._work.identify(edge, dependency)
        edge.last_demand = demand
        if (
            all_in
            and all(d.target.done for d in edge.dependencies)
            and all(
                d.content is not None or cache_map.inputs[d.index].content is None
                for d in edge.dependencies
            )
        ):
            self._work.execute(edge)

    def _finish_executed(self, edge: EdgeNode[R]) -> None:
        node = edge.node
        assert node.results is not None
        if edge.output >= len(node.results):
            raise AssertionError(f"{node.vertex.name}: no output {edge.output}")
        edge.result = node.results[edge.output]
        # Held once by the vertex; each edge holds what it hands out.
        self._codec.hold(edge.result)
        edge.saved_key = save(self._keys, self._results, self._codec, edge)
        # What lies on something that was run again by force is another thing under the same key.
        if edge.saved_key is not None and not node.apart:
            edge.keys[edge.saved_key] = None
        edge.done = True
        edge.level = Level.COMPLETE
        self._tracker.executed(edge)
        self._settle(edge)

    # What follows.

    def _settle(self, edge: EdgeNode[R]) -> None:
        for dependency in edge.dependencies:
            self._want(dependency, Level.NONE)
            if dependency.content_task is not None:
                dependency.content_task.cancel()
        self._wake_users(edge)
        self._tracker.finished(edge)

    def _fail(self, edge: EdgeNode[R], error: BaseException) -> None:
        edge.error = error
        self._tracker.failed(edge, error)
        self._settle(edge)

    def _rest(self, edge: EdgeNode[R]) -> None:
        """Nobody wants anything of ``edge`` now: stop what runs for it alone."""
        for dependency in edge.dependencies:
            self._want(dependency, Level.NONE)
            if dependency.content_task is not None:
                dependency.content_task.cancel()
        node = edge.node
        if all(other.demand() is Level.NONE or other.finished for other in node.edges.values()):
            for task in (node.cache_map_task, node.execution):
                if task is not None:
                    task.cancel()

    def _merge(self, edge: EdgeNode[R], twin: EdgeNode[R]) -> None:
        edge.owner = twin
        self._index.remove(edge)
        for dependency in edge.dependencies:
            self._want(dependency, Level.NONE)
            dependency.target.dependents.pop(dependency, None)
        for dependency in edge.dependents:
            dependency.target = twin
            # Keys are numbers of one store: what was probed of the one need not be probed again.
            twin.dependents[dependency] = None
            self.push(dependency.user)
        edge.dependents.clear()
        for job, count in edge.jobs.items():
            twin.jobs[job] = twin.jobs.get(job, 0) + count
        edge.jobs.clear()
        for task in edge.node.tasks():
            task.cancel()
        self._tracker.merged(edge, twin)
        self.push(twin)

    def _wake_users(self, edge: EdgeNode[R]) -> None:
        for dependency in edge.dependents:
            self.push(dependency.user)
