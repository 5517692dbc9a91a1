"""Makes the layers of results real: fetched, unpacked, in the snapshot store.

Every layer of an image is unpacked once, under its chain ID, however many images and builds have
it; its blob is remembered as the layer's, so that an export sends the original bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import BinaryIO, Protocol, cast

from core.cache.holds import Holds
from core.cache.layers import BlobRecord, LayerRecords, RecordKind
from core.content.decompression import DecompressedFile
from core.content.store import ContentStore
from core.errors import StorageError
from core.errors.groups import single
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.reference import Reference
from core.ops.contexts import build_of
from core.ops.local_tree import LocalTree
from core.ops.refs import Ref, RemoteLayer
from core.ops.threads import in_thread
from core.registry.transfers import Transfer
from core.snapshot.ids import LayerId, Layers
from core.snapshot.store import SnapshotStore
from core.solver.protocol import Step

PULLED = "pulled"
"""The variant of the blob that a layer was unpacked from (``LayerRecords.set_blob``)."""


class TreeCopier(Protocol):
    """Copies a directory of this machine into a layer; blocks."""

    def copy(self, tree: LocalTree) -> LayerId: ...


class Puller:
    """Used on one event loop."""

    def __init__(
        self,
        *,
        snapshots: SnapshotStore,
        content: ContentStore,
        records: LayerRecords,
        holds: Holds,
        copier: TreeCopier,
    ) -> None:
        self._snapshots = snapshots
        self._content = content
        self._records = records
        self._holds = holds
        self._copier = copier
        self._locks: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def unpacked(self, ref: Ref, step: Step) -> AsyncIterator[Layers]:
        """The layers of ``ref``, in the snapshot store as long as the context lasts.

        What is missing is fetched and unpacked, and shown as progress of ``step``. The layers of a
        result made on top of them hold them on.
        """
        async with AsyncExitStack() as stack:
            if ref.local is not None:
                layer = await self._copied(ref.local, step, stack)
                yield (layer,)
                return
            remote = list(ref.remote_layers)
            if not remote:
                yield ref.kept_layers
                return
            wanted = {part.chain_id: part for layer in remote for part in layer.lineage()}
            found = await self._pull(wanted, step, stack)
            yield tuple(
                found[layer.chain_id] if isinstance(layer, RemoteLayer) else layer
                for layer in ref.layers
            )

    async def _pull(
        self, wanted: dict[Digest, RemoteLayer], step: Step, stack: AsyncExitStack
    ) -> dict[Digest, LayerId]:
        """Unpack ``wanted`` (by chain ID, parents first), fetching the next while one unpacks."""
        found: dict[Digest, LayerId] = {}
        missing: dict[Digest, RemoteLayer] = {}
        for chain, layer in wanted.items():
            known = self._known(chain, stack)
            if known is not None:
                found[chain] = known
            else:
                missing[chain] = layer
        try:
            async with asyncio.TaskGroup() as group:
                fetching = {
                    chain: group.create_task(self._fetch(layer, step))
                    for chain, layer in missing.items()
                }
                for chain, layer in missing.items():
                    await fetching[chain]
                    below = tuple(found[part.chain_id] for part in layer.lineage()[:-1])
                    found[chain] = await self._unpack(chain, layer, below, step, stack)
        except BaseExceptionGroup as errors:
            raise single(errors) from errors
        return found

    def _known(self, chain: Digest, stack: AsyncExitStack) -> LayerId | None:
        name = self._records.chain(chain)
        if name is None or not stack.enter_context(self._holds.holding((name,))):
            return None
        layer = LayerId(name)
        return layer if self._snapshots.has(layer) else None

    async def _fetch(self, layer: RemoteLayer, step: Step) -> None:
        descriptor = layer.descriptor
        if self._content.has(descriptor.digest, descriptor.size):
            return
        client = build_of(step).client
        began = time.time_ns()

        def on_transfer(transfer: Transfer) -> None:
            step.status(
                str(descriptor.digest),
                current=transfer.current,
                total=descriptor.size,
                started=began,
                completed=time.time_ns() if transfer.finished else None,
            )

        await client.fetch(layer.reference, descriptor, self._content, on_transfer)

    async def _unpack(
        self, chain: Digest, layer: RemoteLayer, below: Layers, step: Step, stack: AsyncExitStack
    ) -> LayerId:
        async with self._locks.setdefault(chain, asyncio.Lock()):
            known = self._known(chain, stack)
            if known is not None:
                return known
            began = time.time_ns()
            name = f"extracting {layer.descriptor.digest}"
            step.status(name, total=layer.descriptor.size, started=began)
            made, size = await in_thread(
                lambda: self._apply(layer, below), lambda made: self._snapshots.remove(made[0])
            )
            stack.enter_context(self._holds.holding((made,)))
            self._records.add(
                made,
                size=size,
                description=f"pulled from {layer.reference.familiar()}",
                step=step.vertex.name,
            )
            self._records.set_blob(made, blob_record(layer.descriptor, layer.diff_id))
            self._records.set_chain(chain, made)
            size = layer.descriptor.size
            step.status(name, current=size, total=size, started=began, completed=time.time_ns())
            return made

    def _apply(self, layer: RemoteLayer, below: Layers) -> tuple[LayerId, int]:
        with self._content.open(layer.descriptor.digest) as blob:
            tar = _Hashed(cast(BinaryIO, DecompressedFile(blob)))
            made = self._snapshots.apply_tar(cast(BinaryIO, tar), below)
            found = tar.finish()
        if found != layer.diff_id:
            self._snapshots.remove(made)
            raise StorageError(
                f"A layer of {layer.reference.familiar()} unpacks to {found}, not to the "
                f"{layer.diff_id} that its image names.",
                hint="The image is damaged: push it again, or use another one.",
                phrase="wrong diff id calculated on extraction",
            )
        return made, self._snapshots.usage(made)

    async def _copied(self, tree: LocalTree, step: Step, stack: AsyncExitStack) -> LayerId:
        chain = f"local {tree.digest}"
        async with self._locks.setdefault(chain, asyncio.Lock()):
            name = self._records.chain(chain)
            if (
                name is not None
                and stack.enter_context(self._holds.holding((name,)))
                and self._snapshots.has(LayerId(name))
            ):
                return LayerId(name)
            layer = await in_thread(lambda: self._copier.copy(tree), self._snapshots.remove)
            stack.enter_context(self._holds.holding((layer,)))
            self._records.add(
                layer,
                size=await in_thread(lambda: self._snapshots.usage(layer)),
                kind=RecordKind.LOCAL_SOURCE,
                description=f"copy of {tree.root}",
                step=step.vertex.name,
            )
            self._records.set_chain(chain, layer)
            return layer


def blob_record(descriptor: Descriptor, diff_id: Digest) -> BlobRecord:
    """The blob that a layer was unpacked from."""
    return BlobRecord(
        variant=PULLED,
        media_type=descriptor.media_type,
        digest=descriptor.digest,
        size=descriptor.size,
        diff_id=diff_id,
    )


def image_layers(
    reference: Reference, descriptors: Sequence[Descriptor], diff_ids: Sequence[Digest]
) -> tuple[RemoteLayer, ...]:
    """The layers of an image's manifest and config, bottom to top."""
    if len(descriptors) != len(diff_ids):
        raise StorageError(
            f"{reference.familiar()} is damaged: its manifest has {len(descriptors)} layers, its "
            f"config {len(diff_ids)}.",
        )
    layers: list[RemoteLayer] = []
    for descriptor, diff_id in zip(descriptors, diff_ids, strict=True):
        layers.append(
            RemoteLayer(
                reference=reference,
                descriptor=descriptor,
                diff_id=diff_id,
                parent=layers[-1] if layers else None,
            )
        )
    return tuple(layers)


class _Hashed(io.RawIOBase):
    """A file whose bytes are hashed as they are read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hasher = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._hasher.update(data)
        return data

    def finish(self) -> Digest:
        """The digest of everything, read or not."""
        while self.read(1 << 18):
            continue
        return Digest.sha256(self._hasher.hexdigest())
