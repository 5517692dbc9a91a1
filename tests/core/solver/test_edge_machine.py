"""Random graphs, builds, ends, failures, cancellations and prunes, in any order."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from core.cache.database import Database
from core.cache.results import StoredResult
from core.errors import BuildError
from core.llb.metadata import Metadata
from core.llb.ops import PassthroughOp
from core.llb.vertex import Edge, Vertex, walk
from core.solver.limits import Limits
from core.solver.protocol import CacheMap, Content, InputKey, Slot
from core.solver.solver import Solver


class Machine(RuleBasedStateMachine):
    """Operations add numbers; equal keys mean equal operations whatever the vertex is called."""

    vertices = Bundle("vertices")

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.database = Database(None)
        self.specs: dict[str, tuple[int, frozenset[int], bool]] = {}
        self.gates: dict[str, list[asyncio.Future[None]]] = {}
        self.held: Counter[int] = Counter()
        self.builds: list[tuple[Vertex, asyncio.Task[int]]] = []
        self.solver = Solver(
            database=self.database, codec=self, resolve=self.resolve, limits=Limits(3, 1)
        )
        self.run(self.solver.__aenter__())

    def run(self, work):
        return self.loop.run_until_complete(work)

    def settle(self) -> None:
        async def turns() -> None:
            for _ in range(30):
                await asyncio.sleep(0)

        self.run(turns())

    # The operations and their results.

    def resolve(self, vertex: Vertex) -> Adder:
        assert isinstance(vertex.op, PassthroughOp)
        return Adder(self, vertex)

    def encode(self, result: int) -> StoredResult:
        return StoredResult(value=str(result))

    def decode(self, stored: StoredResult) -> int:
        self.hold(int(stored.value))
        return int(stored.value)

    def hold(self, result: int) -> None:
        self.held[result] += 1

    def release(self, result: int) -> None:
        self.held[result] -= 1
        assert self.held[result] >= 0

    def expected(self, vertex: Vertex) -> int:
        found: dict[int, int] = {}
        for each in walk([Edge(vertex)]):
            value = self.specs[each.op.id][0]  # type: ignore[union-attr]
            found[id(each)] = value + sum(found[id(edge.vertex)] for edge in each.inputs)
        return found[id(vertex)]

    # What happens.

    @rule(
        target=vertices,
        value=st.integers(0, 2),
        inputs=st.lists(vertices, max_size=3),
        content=st.frozensets(st.integers(0, 2), max_size=2),
        lasting=st.sampled_from([True, True, True, False]),
    )
    def make(self, value, inputs, content, lasting) -> Vertex:
        name = f"v{len(self.specs)}"
        self.specs[name] = (value, content, lasting)
        return Vertex(
            op=PassthroughOp(id=name, outputs=()),
            inputs=tuple(Edge(item) for item in inputs),
            metadata=Metadata(name=name),
        )

    @rule(vertex=vertices, ignore=st.sampled_from([False, False, False, True]))
    def build(self, vertex, ignore) -> None:
        async def work() -> int:
            async with self.solver.job(progress=lambda status: None, scope="p") as job:
                (result,) = await job.build([Edge(vertex)], ignore_cache=ignore)
                return result

        self.builds.append((vertex, self.loop.create_task(work())))
        self.settle()

    @rule(data=st.data())
    def end_an_operation(self, data) -> None:
        waiting = [gate for gates in self.gates.values() for gate in gates if not gate.done()]
        if waiting:
            data.draw(st.sampled_from(waiting)).set_result(None)
            self.settle()

    @rule(data=st.data())
    def fail_an_operation(self, data) -> None:
        waiting = [gate for gates in self.gates.values() for gate in gates if not gate.done()]
        if waiting:
            data.draw(st.sampled_from(waiting)).set_exception(BuildError("no"))
            self.settle()

    @rule(data=st.data())
    def cancel_a_build(self, data) -> None:
        running = [task for _, task in self.builds if not task.done()]
        if running:
            data.draw(st.sampled_from(running)).cancel()
            self.settle()

    @rule()
    def prune(self) -> None:
        for table in ("results", "key_results", "result_layers"):
            self.database.write(f"DELETE FROM {table}")

    # What must hold.

    @invariant()
    def finished_builds_have_the_right_result(self) -> None:
        left = []
        for vertex, task in getattr(self, "builds", []):
            if not task.done():
                left.append((vertex, task))
            elif not task.cancelled():
                error = task.exception()
                if error is None:
                    assert task.result() == self.expected(vertex)
                else:
                    assert isinstance(error, BuildError), repr(error)
        self.builds = left

    @invariant()
    def nothing_runs_for_nobody(self) -> None:
        if not getattr(self, "builds", []):
            assert not any(getattr(self, "gates", {}).values())
            assert not getattr(self, "held", Counter()) or not +self.held

    @invariant()
    def no_operation_runs_twice_at_once(self) -> None:
        for key, gates in getattr(self, "gates", {}).items():
            assert len(gates) <= 1, key

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        for _ in range(300):
            waiting = [gate for gates in self.gates.values() for gate in gates if not gate.done()]
            if not waiting and all(task.done() for _, task in self.builds):
                break
            for gate in waiting:
                gate.set_result(None)
            self.settle()
        for vertex, task in self.builds:
            assert task.done(), f"{vertex.name} hangs"
        self.finished_builds_have_the_right_result()
        assert self.solver.idle
        self.run(self.solver.__aexit__(None, None, None))
        self.run(self.loop.shutdown_default_executor())
        self.loop.close()
        self.database.close()
        assert not +self.held


class Adder:
    slot = Slot.NATIVE

    def __init__(self, machine: Machine, vertex: Vertex) -> None:
        self.machine = machine
        self.name = vertex.op.id  # type: ignore[union-attr]
        self.value, self.content, self.lasting = machine.specs[self.name]
        self.inputs = len(vertex.inputs)

    def cache_map(self, step):
        answer = CacheMap(
            digest=f"add {self.value} {sorted(self.content)} {self.inputs}",
            inputs=tuple(
                InputKey(content=self.identify if number in self.content else None)
                for number in range(self.inputs)
            ),
            explain=(("value", str(self.value)),),
            lasting=self.lasting,
        )
        if self.value == 1:
            return answer

        async def later() -> CacheMap:
            await asyncio.sleep(0)
            return answer

        return later()

    async def identify(self, result: int, step) -> Content:
        await asyncio.sleep(0)
        return Content(digest=f"number {result}")

    async def execute(self, inputs, step):
        machine = self.machine
        # One that ignores the cache may run beside one that does not.
        key = f"{self.value} {sorted(self.content)} {inputs} {step._node.key}"
        gate = machine.loop.create_future()
        gates = machine.gates.setdefault(key, [])
        gates.append(gate)
        try:
            await gate
        finally:
            gates.remove(gate)
        return [self.value + sum(inputs)]


Machine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.filterwarnings("default")
class TestEdgeMachine(Machine.TestCase):
    """Any order of events ends with right results and nothing left."""
