"""Merge and diff: results put on top of each other, and what one adds to another."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import AsyncExitStack

from core.cache.layers import LayerRecords
from core.llb.ops import EMPTY_INPUT, DiffOp, MergeOp, PassthroughOp
from core.ops.puller import Puller
from core.ops.refs import Layer, Ref
from core.ops.threads import in_thread
from core.ops.tree_sync import make_equal
from core.snapshot.ids import LayerId, Layers
from core.snapshot.store import SnapshotStore
from core.solver.protocol import CacheMap, InputKey, Slot, Step


class Merge:
    """The layers of all inputs, the first at the bottom; nothing is copied or fetched."""

    slot = Slot.NONE

    def __init__(self, op: MergeOp, inputs: int, puller: Puller) -> None:
        self._op = op
        self._inputs = inputs
        self._puller = puller

    def cache_map(self, step: Step) -> CacheMap[Ref]:
        """The order of the inputs."""
        return _plain_map(f"merge {self._op.inputs}", self._inputs)

    async def execute(self, inputs: Sequence[Ref], step: Step) -> Sequence[Ref]:
        """Stack them."""
        layers: list[Layer] = []
        async with AsyncExitStack() as stack:
            for number in self._op.inputs:
                if number == EMPTY_INPUT:
                    continue
                ref = inputs[number]
                if ref.local is not None:
                    layers += await stack.enter_async_context(self._puller.unpacked(ref, step))
                else:
                    layers += ref.layers
            return [Ref(layers=tuple(layers))]


class Diff:
    """What the upper input changes over the lower one, as layers."""

    slot = Slot.NATIVE

    def __init__(
        self,
        op: DiffOp,
        inputs: int,
        puller: Puller,
        snapshots: SnapshotStore,
        records: LayerRecords,
    ) -> None:
        self._op = op
        self._inputs = inputs
        self._puller = puller
        self._snapshots = snapshots
        self._records = records

    def cache_map(self, step: Step) -> CacheMap[Ref]:
        """Which input is the lower and which the upper one."""
        return _plain_map(f"diff {self._op.lower} {self._op.upper}", self._inputs)

    async def execute(self, inputs: Sequence[Ref], step: Step) -> Sequence[Ref]:
        """The upper's layers where they lie on the lower's, else one layer made by comparing."""
        lower = inputs[self._op.lower] if self._op.lower != EMPTY_INPUT else Ref()
        upper = inputs[self._op.upper] if self._op.upper != EMPTY_INPUT else Ref()
        if upper.local is None and lower.local is None:
            depth = len(lower.layers)
            if upper.layers[:depth] == lower.layers:
                return [Ref(layers=upper.layers[depth:])]
        async with (
            self._puller.unpacked(lower, step) as below,
            self._puller.unpacked(upper, step) as above,
        ):
            layer, size = await in_thread(
                lambda: self._compare(below, above), lambda made: self._snapshots.remove(made[0])
            )
        self._records.add(layer, size=size, description="diff", step=step.vertex.name)
        return [Ref(layers=(layer,))]

    def _compare(self, below: Layers, above: Layers) -> tuple[LayerId, int]:
        with self._snapshots.create(below) as made, self._snapshots.view(above) as wanted:
            make_equal(made.path, wanted)
            layer = made.commit()
        return layer, self._snapshots.usage(layer)


class Passthrough:
    """Inputs handed on as outputs."""

    slot = Slot.NONE

    def __init__(self, op: PassthroughOp, inputs: int) -> None:
        self._op = op
        self._inputs = inputs

    def cache_map(self, step: Step) -> CacheMap[Ref]:
        """Which input is which output."""
        return _plain_map(f"passthrough {self._op.id} {self._op.outputs}", self._inputs)

    async def execute(self, inputs: Sequence[Ref], step: Step) -> Sequence[Ref]:
        """Hand them on."""
        return [inputs[number] for number in self._op.outputs]


def _plain_map(text: str, inputs: int) -> CacheMap[Ref]:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return CacheMap(digest=digest, inputs=(InputKey(),) * inputs)
