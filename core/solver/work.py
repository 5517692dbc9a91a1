"""What takes time: asking for cache maps, identifying content, executing; each in a task."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic

from core.errors import CancelledBuildError, Error
from core.solver.edges import Dependency, EdgeNode, VertexNode
from core.solver.limits import Limits
from core.solver.protocol import CacheMap, Op, R, Results

if TYPE_CHECKING:
    from core.solver.tracker import Tracker


class Work(Generic[R]):
    """Starts tasks for nodes. At the end of each, the node's edges are pushed and ``run`` called.

    ``resolve`` gives the operation of a vertex. ``spawn`` starts a task that ends before the
    solver does.
    """

    def __init__(
        self,
        *,
        codec: Results[R],
        limits: Limits,
        tracker: Tracker[R],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        resolve: Callable[[VertexNode[R]], Op[R]],
        push: Callable[[EdgeNode[R]], None],
        run: Callable[[], None],
    ) -> None:
        self._codec = codec
        self._limits = limits
        self._tracker = tracker
        self._spawn = spawn
        self._resolve = resolve
        self._push = push
        self._run = run

    def ask_for_cache_map(self, node: VertexNode[R]) -> None:
        """Have the cache map of ``node``: at once, or when its task has ended."""
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

    def identify(self, edge: EdgeNode[R], dependency: Dependency[R]) -> None:
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

    def execute(self, edge: EdgeNode[R]) -> None:
        """Run the operation of ``edge``, whose inputs are there."""
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
                self._push(edge)
            self._run()

        task = self._spawn(run())
        task.add_done_callback(over)
        return task

    def release(self, node: VertexNode[R]) -> None:
        """Let go of what executing ``node`` gave."""
        results, node.results = node.results, None
        for result in results or ():
            self._codec.release(result)
