"""A world of operations on numbers, with every call counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import pytest

from core.cache.database import Database
from core.cache.results import StoredResult
from core.llb.metadata import Metadata
from core.llb.ops import PassthroughOp
from core.llb.vertex import Edge, Vertex
from core.solver.limits import Limits
from core.solver.protocol import CacheMap, Content, InputKey, Slot
from core.solver.solver import Solver


@dataclass
class Spec:
    """An operation: adds ``value`` to the sum of its inputs."""

    name: str
    value: int = 0
    key: str = ""
    content: tuple[int, ...] = ()
    """Inputs that are identified by their value."""
    selectors: tuple[str, ...] = ()
    slot: Slot = Slot.NATIVE
    lasting: bool = True
    explain: tuple[tuple[str, str], ...] = ()
    kept: bool = True
    outputs: int = 1
    slow_map: bool = False
    fails: Exception | None = None
    map_fails: Exception | None = None
    gate: asyncio.Event | None = None
    files: dict[int, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Number:
    value: int
    kept: bool = True


class World:
    """Operations, their calls, and results that can be lost."""

    def __init__(self) -> None:
        self.specs: dict[str, Spec] = {}
        self.maps: Counter[str] = Counter()
        self.runs: Counter[str] = Counter()
        self.contents: Counter[str] = Counter()
        self.cancelled: Counter[str] = Counter()
        self.began: dict[str, asyncio.Event] = {}
        self.running: set[str] = set()
        self.most = 0
        self.most_emulated = 0
        self.lost: set[int] = set()
        self.held: Counter[Number] = Counter()

    def vertex(self, name: str, *inputs, metadata: Metadata | None = None, **spec) -> Vertex:
        """A vertex called ``name``; inputs are vertices or edges."""
        self.specs[name] = Spec(name, **spec)
        edges = tuple(item if isinstance(item, Edge) else Edge(item) for item in inputs)
        return Vertex(
            op=PassthroughOp(id=name, outputs=()),
            inputs=edges,
            metadata=metadata or Metadata(name=name),
        )

    def resolve(self, vertex: Vertex) -> FakeOp:
        assert isinstance(vertex.op, PassthroughOp)
        return FakeOp(self, self.specs[vertex.op.id], len(vertex.inputs))

    def begun(self, name: str) -> asyncio.Event:
        return self.began.setdefault(name, asyncio.Event())

    # core.solver.protocol.Results

    def encode(self, result: Number) -> StoredResult | None:
        return StoredResult(value=str(result.value)) if result.kept else None

    def decode(self, stored: StoredResult) -> Number | None:
        if int(stored.value) in self.lost:
            return None
        self.hold(found := Number(int(stored.value)))
        return found

    def hold(self, result: Number) -> None:
        self.held[result] += 1

    def release(self, result: Number) -> None:
        self.held[result] -= 1
        assert self.held[result] >= 0


class FakeOp:
    def __init__(self, world: World, spec: Spec, inputs: int) -> None:
        self.world, self.spec, self.inputs = world, spec, inputs
        self.slot = spec.slot

    def cache_map(self, step):
        self.world.maps[self.spec.name] += 1
        if self.spec.slow_map:
            return self.later()
        return self.map()

    async def later(self) -> CacheMap:
        await asyncio.sleep(0)
        return self.map()

    def map(self) -> CacheMap:
        spec = self.spec
        if spec.map_fails is not None:
            raise spec.map_fails

        def key(index: int) -> InputKey:
            selector = spec.selectors[index] if spec.selectors else ""
            content = self.identify(index) if index in spec.content else None
            return InputKey(selector=selector, content=content)

        return CacheMap(
            digest=spec.key or f"{spec.name}+{spec.value}",
            inputs=tuple(key(index) for index in range(self.inputs)),
            explain=spec.explain,
            lasting=spec.lasting,
        )

    def identify(self, index: int):
        async def content(result: Number, step) -> Content:
            self.world.contents[self.spec.name] += 1
            await asyncio.sleep(0)
            files = self.spec.files.get(index)
            return Content(
                digest=f"content {result.value}",
                files=None if files is None else lambda: list(files.items()),
            )

        return content

    async def execute(self, inputs, step):
        world, spec = self.world, self.spec
        world.runs[spec.name] += 1
        world.running.add(spec.name)
        world.most = max(world.most, len(world.running))
        emulated = sum(world.specs[name].slot is Slot.EMULATED for name in world.running)
        world.most_emulated = max(world.most_emulated, emulated)
        world.begun(spec.name).set()
        step.log(1, f"{spec.name} runs\n".encode())
        try:
            await asyncio.sleep(0)
            if spec.gate is not None:
                await spec.gate.wait()
            if spec.fails is not None:
                raise spec.fails
            total = spec.value + sum(item.value for item in inputs)
            return [Number(total + number, spec.kept) for number in range(spec.outputs)]
        except asyncio.CancelledError:
            world.cancelled[spec.name] += 1
            raise
        finally:
            world.running.discard(spec.name)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def database():
    with Database(None) as opened:
        yield opened


@pytest.fixture
async def solver(world, database):
    async with Solver(
        database=database, codec=world, resolve=world.resolve, limits=Limits(8, 2)
    ) as running:
        yield running
        assert running.idle
    assert +world.held == Counter(), "results are still held"


@pytest.fixture
def solve(solver):
    """Build vertices in a job of their own; gives the values and keeps the messages."""

    async def run(*targets, scope="", ignore_cache=False, messages=None):
        said = [] if messages is None else messages
        edges = [item if isinstance(item, Edge) else Edge(item) for item in targets]
        async with solver.job(progress=said.append, scope=scope) as job:
            results = await job.build(edges, ignore_cache=ignore_cache)
            return [item.value for item in results]

    return run
