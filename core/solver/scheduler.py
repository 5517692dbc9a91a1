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
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic

from core.cache.keys import CONTENT, KeyId, KeyStore, Link
from core.cache.results import ResultStore
from core.errors import CancelledBuildError, Error
from core.solver.edges import Dependency, EdgeNode, Level, VertexNode
from core.solver.limits import Limits
from core.solver.merging import EdgeIndex
from core.solver.protocol import CacheMap, Op, R, Results
from core.solver.saving import connect, save

if TYPE_CHECKING:
    from core.solver.tracker import Tracker


class Scheduler(Generic[R]):
    """Moves edges until what is wanted is there.

    ``resolve`` gives the operation of a vertex. ``spawn`` starts a task that ends before the
    solver does.
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
        self._limits = limits
        self._tracker = tracker
        self._spawn = spawn
        self._resolve = resolve
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
        results, node.results = node.results, None
        for result in results or ():
            self._codec.release(result)

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
            self._ask_for_cache_map(node)
            if node.cache_map is None:
                for dependency in edge.dependencies:
                    self._want(dependency, max(dependency.want, Level.FAST))
                return
        for dependency in edge.dependencies:
            if dependency.target.error is not None:
                edge.error = dependency.target.error
                self._settle(edge)
                return
        if self._probe(edge):
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

    # What is known.

    def _ask_for_cache_map(self, node: VertexNode[R]) -> None:
        if node.cache_map_task is not None:
            return
        if node.op is None:
            node.op = self._resolve(node)
        answer = node.op.cache_map(self._tracker.step(node))
        if not inspect.isawaitable(answer):
            assert isinstance(answer, CacheMap)
            self._set_cache_map(node, answer)
            return
        self._tracker.started(node)

        def ended() -> None:
            node.cache_map_task = None
            if inspect.iscoroutine(answer):
                answer.close()

        node.cache_map_task = self._start(node, self._await_cache_map(node, answer), ended)

    async def _await_cache_map(self, node: VertexNode[R], answer: Awaitable[CacheMap[R]]) -> None:
        self._set_cache_map(node, await answer)

    def _set_cache_map(self, node: VertexNode[R], answer: CacheMap[R]) -> None:
        if len(answer.inputs) != len(node.inputs):
            raise AssertionError(f"{node.vertex.name}: a cache map of the wrong shape")
        node.cache_map = answer

    def _probe(self, edge: EdgeNode[R]) -> bool:
        """Take in what the inputs have to say; whether that made anything new known."""
        cache_map = edge.node.cache_map
        assert cache_map is not None
        before = (len(edge.keys), edge.level)
        if not edge.dependencies:
            if edge.level < Level.SLOW:
                edge.level = Level.SLOW
                if cache_map.lasting and not edge.node.ignore_cache:
                    root = self._keys.root(cache_map.digest, edge.output)
                    if root is not None:
                        self._add_key(edge, root)
            return (len(edge.keys), edge.level) != before
        if not edge.node.ignore_cache and cache_map.lasting:
            for dependency in edge.dependencies:
                self._follow(edge, dependency)
            shared = set.intersection(*(d.matches for d in edge.dependencies))
            for key in sorted(shared):
                if key not in edge.keys:
                    self._add_key(edge, key)
        reached = self._level(edge)
        edge.level = max(edge.level, reached)
        if edge.keys:
            self._connect_aliases(edge)
        return (len(edge.keys), edge.level) != before

    def _follow(self, edge: EdgeNode[R], dependency: Dependency[R]) -> None:
        cache_map = edge.node.cache_map
        assert cache_map is not None
        index = dependency.index
        selector = cache_map.inputs[index].selector
        link = Link(index, cache_map.digest, edge.output, selector)
        for key in dependency.target.keys:
            if key not in dependency.probed:
                dependency.probed.add(key)
                dependency.matches.update(self._keys.follow(key, link))
        if dependency.content is not None and not dependency.content_probed:
            dependency.content_probed = True
            root = self._keys.root(dependency.content.digest, CONTENT)
            if root is not None:
                link = Link(index, cache_map.digest, edge.output)
                dependency.matches.update(self._keys.follow(root, link))

    def _add_key(self, edge: EdgeNode[R], key: KeyId) -> None:
        edge.keys[key] = None
        edge.records.extend(self._results.find(key))

    def _connect_aliases(self, edge: EdgeNode[R]) -> None:
        """Let a match found by content be found by definition next time."""
        for dependency in edge.dependencies:
            if dependency.content is None:
                continue
            for source in dependency.target.keys:
                for key in edge.keys:
                    alias = (dependency.index, source, key)
                    if alias not in edge.connected:
                        edge.connected.add(alias)
                        connect(self._keys, edge, dependency, source, key)

    def _level(self, edge: EdgeNode[R]) -> Level:
        if self._hopeless(edge) or edge.records:
            return Level.SLOW
        cache_map = edge.node.cache_map
        assert cache_map is not None
        slow = all(
            dependency.content is not None
            if cache_map.inputs[dependency.index].content is not None
            else dependency.target.level >= Level.SLOW or dependency.target.done
            for dependency in edge.dependencies
        )
        if slow:
            return Level.SLOW
        fast = all(d.target.level >= Level.FAST or d.target.done for d in edge.dependencies)
        return Level.FAST if fast else Level.NONE

    def _hopeless(self, edge: EdgeNode[R]) -> bool:
        """Whether nothing that could still become known can match a cached result."""
        cache_map = edge.node.cache_map
        assert cache_map is not None
        if edge.node.ignore_cache or not cache_map.lasting:
            return True
        for dependency in edge.dependencies:
            if dependency.matches:
                continue
            if cache_map.inputs[dependency.index].content is not None:
                if dependency.content is not None:
                    return True
            elif dependency.target.level >= Level.SLOW or dependency.target.done:
                return True
        return False

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
        hopeless = self._hopeless(edge)
        all_in = demand is Level.COMPLETE and (hopeless or edge.level >= Level.SLOW)
        unmatched = [d for d in edge.dependencies if not d.matches and not self._known(edge, d)]
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
                self._identify(edge, dependency)
        edge.last_demand = demand
        if (
            all_in
            and all(d.target.done for d in edge.dependencies)
            and all(
                d.content is not None or cache_map.inputs[d.index].content is None
                for d in edge.dependencies
            )
        ):
            self._execute(edge)

    def _known(self, edge: EdgeNode[R], dependency: Dependency[R]) -> bool:
        cache_map = edge.node.cache_map
        assert cache_map is not None
        if cache_map.inputs[dependency.index].content is not None:
            return dependency.content is not None
        return dependency.target.level >= Level.SLOW or dependency.target.done

    def _identify(self, edge: EdgeNode[R], dependency: Dependency[R]) -> None:
        """Have the content of an input identified."""
        if dependency.content_task is not None:
            return
        self._tracker.started(edge.node)

        def ended() -> None:
            dependency.content_task = None

        dependency.content_task = self._start(
            edge.node, self._await_content(edge, dependency), ended
        )

    async def _await_content(self, edge: EdgeNode[R], dependency: Dependency[R]) -> None:
        cache_map, result = edge.node.cache_map, dependency.target.result
        assert cache_map is not None
        compute = cache_map.inputs[dependency.index].content
        assert compute is not None
        assert result is not None
        dependency.content = await compute(result, self._tracker.step(edge.node))

    def _execute(self, edge: EdgeNode[R]) -> None:
        node = edge.node
        if node.execution is not None:
            return

        def ended() -> None:
            node.execution = None
            if not node.keepers:
                self.release(node)

        node.execution = self._start(node, self._run_operation(edge), ended)

    async def _run_operation(self, edge: EdgeNode[R]) -> None:
        node = edge.node
        assert node.op is not None
        inputs: list[R] = []
        for dependency in edge.dependencies:
            assert dependency.target.result is not None
            inputs.append(dependency.target.result)
        reason = self._tracker.reason(edge)
        async with self._limits.slot(node.op.slot):
            self._tracker.executing(node, reason)
            results = tuple(await node.op.execute(inputs, self._tracker.step(node)))
        for result in results:
            self._codec.hold(result)
        node.results = results
        node.executed = True

    def _start(
        self, node: VertexNode[R], work: Coroutine[Any, Any, None], ended: Callable[[], None]
    ) -> asyncio.Task[None]:
        """Run ``work`` for ``node``; its failure is the node's, its end has the node looked at."""

        async def run() -> None:
            try:
                await work
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                node.error = CancelledBuildError(f"{node.vertex.name} was cancelled from within.")
            except Exception as error:
                if isinstance(error, Error) and not error.ranges:
                    error.ranges = node.vertex.metadata.ranges
                node.error = error

        def over(_: asyncio.Task[None]) -> None:
            # Not within the task: one that is cancelled before it begins never runs.
            work.close()
            ended()
            self._tracker.idle(node)
            for edge in node.edges.values():
                self.push(edge)
            self.run()

        task = self._spawn(run())
        task.add_done_callback(over)
        return task

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
