"""Layers as compressed blobs, made once each, on all cores."""

from __future__ import annotations

import asyncio
import hashlib
import os
import queue
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

from core.cache.layers import BlobRecord
from core.content.compression import CompressionConfig, compressor
from core.content.decompression import decompressed
from core.content.store import ContentStore
from core.exporter.source import BlobRecords, ExportLayer, LayerTars, RemoteBlob
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.snapshot.ids import LayerId, Layers

PULLED: Final = "pulled"
"""The variant under which the blob is recorded that a layer was unpacked from."""

_QUEUED: Final = 16

Source = Callable[[Callable[[bytes | bytearray], object]], None]
"""Writes a tar, piece by piece, to what it is given."""

Fetch = Callable[[RemoteBlob], Awaitable[None]]
"""Has a blob of a registry in the blob store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerBlob:
    """A layer's blob and the digest of its uncompressed tar.

    ``remote`` tells where the blob is when it may not be in the store.
    """

    descriptor: Descriptor
    diff_id: Digest
    remote: RemoteBlob | None = None


class LayerBlobs:
    """Makes blobs of layers and remembers them. Close it when done; one event loop."""

    def __init__(
        self,
        tars: LayerTars,
        store: ContentStore,
        records: BlobRecords,
        *,
        workers: int | None = None,
    ) -> None:
        self._tars = tars
        self._store = store
        self._records = records
        self._workers = workers or os.cpu_count() or 1
        # Layers wait for blocks: they need threads of their own.
        self._layer_pool = ThreadPoolExecutor(self._workers, thread_name_prefix="layer")
        self._block_pool = ThreadPoolExecutor(self._workers, thread_name_prefix="compress")
        self._making: dict[tuple[str, str], asyncio.Lock] = {}

    def close(self) -> None:
        self._layer_pool.shutdown(cancel_futures=True)
        self._block_pool.shutdown(cancel_futures=True)

    async def blob(
        self,
        layer: ExportLayer,
        below: Layers,
        config: CompressionConfig,
        *,
        epoch: int | None = None,
        fetch: Fetch,
    ) -> LayerBlob:
        """The layer's blob; ``below`` are the layers under it, ``epoch`` cuts times in the tar.

        A layer that came with a blob keeps it; ``config.force`` has it compressed anew, and
        ``fetch`` gets it for that when it is not here. StorageError when the disk is full; nothing
        half-written stays then.
        """
        given = self._given(layer) if epoch is None else None
        if given is not None:
            if not config.force or _kind(given) is config.kind:
                return given
            if given.remote is not None:
                await fetch(given.remote)
            return await self._once(
                str(given.descriptor.digest),
                config.variant,
                layer.id,
                partial(self._convert, given.descriptor.digest),
                config,
            )
        if layer.id is None:
            raise ValueError("a layer that is not unpacked can be exported only as it is")
        if self._tars.stands_alone(layer.id):
            below = ()
        return await self._once(
            layer.id,
            _variant(config, below, epoch),
            layer.id,
            partial(self._tars.write_tar, layer.id, below, epoch=epoch),
            config,
        )

    async def _once(
        self,
        name: str,
        variant: str,
        layer: LayerId | None,
        source: Source,
        config: CompressionConfig,
    ) -> LayerBlob:
        """Pack what ``source`` writes, unless ``layer`` is known to have the variant."""
        async with self._making.setdefault((name, variant), asyncio.Lock()):
            if layer is not None and (known := self._recorded(layer, variant)) is not None:
                return known
            stop = threading.Event()
            work = asyncio.get_running_loop().run_in_executor(
                self._layer_pool, self._pack, source, config, stop
            )
            try:
                made = await asyncio.shield(work)
            except asyncio.CancelledError:
                stop.set()
                await asyncio.wait([work])
                if not work.cancelled():
                    work.exception()
                raise
            if layer is not None:
                self._records.set_blob(layer, _record(made, variant))
            return made

    def _given(self, layer: ExportLayer) -> LayerBlob | None:
        """The blob that the layer came with."""
        if layer.remote is not None:
            return LayerBlob(
                descriptor=layer.remote.descriptor,
                diff_id=layer.remote.diff_id,
                remote=layer.remote,
            )
        return None if layer.id is None else self._recorded(layer.id, PULLED)

    def _recorded(self, layer: LayerId, variant: str) -> LayerBlob | None:
        record = self._records.blob(layer, variant)
        if record is None:
            return None
        digest = Digest(record.digest)
        if not self._store.has(digest, record.size):
            return None
        self._store.touch(digest)
        return LayerBlob(
            descriptor=Descriptor(media_type=record.media_type, digest=digest, size=record.size),
            diff_id=Digest(record.diff_id),
        )

    def _convert(self, digest: Digest, out: Callable[[bytes], object]) -> None:
        with self._store.open(digest) as file:
            for piece in decompressed(file):
                out(piece)

    def _pack(self, source: Source, config: CompressionConfig, stop: threading.Event) -> LayerBlob:
        with self._store.writer(None) as writer, _Hasher() as plain:
            packer = compressor(config, writer.write, pool=self._block_pool, workers=self._workers)

            def take(piece: bytes | bytearray) -> None:
                if stop.is_set():
                    raise _StoppedError
                data = bytes(piece)
                plain.update(data)
                packer.write(data)

            source(take)
            packer.close()
            size = writer.offset
            digest = writer.commit()
            diff_id = plain.digest()
        media_type = media_types.layer_type(config.kind, oci=True)
        descriptor = Descriptor(media_type=media_type, digest=digest, size=size)
        return LayerBlob(descriptor=descriptor, diff_id=diff_id)


def _record(blob: LayerBlob, variant: str) -> BlobRecord:
    return BlobRecord(
        variant=variant,
        media_type=blob.descriptor.media_type,
        digest=blob.descriptor.digest,
        size=blob.descriptor.size,
        diff_id=blob.diff_id,
    )


def _kind(blob: LayerBlob) -> media_types.Compression | None:
    return media_types.compression_of(blob.descriptor.media_type)


class _StoppedError(Exception):
    """Nobody waits for the blob any more."""


def _variant(config: CompressionConfig, below: Layers, epoch: int | None) -> str:
    """A name for everything that the blob's bytes depend on besides the layer."""
    parts = [config.variant]
    if below:
        # What is left out as unchanged, and what is a whiteout, depends on what is below.
        parts.append(hashlib.sha256("\n".join(below).encode()).hexdigest()[:16])
    if epoch is not None:
        parts.append(f"epoch={epoch}")
    return " ".join(parts)


class _Hasher:
    """SHA-256 in a thread beside the one that makes the data."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._queue: queue.Queue[bytes | None] = queue.Queue(_QUEUED)
        self._thread = threading.Thread(target=self._run, name="diff-id")

    def _run(self) -> None:
        while (data := self._queue.get()) is not None:
            self._hash.update(data)

    def update(self, data: bytes) -> None:
        self._queue.put(data)

    def digest(self) -> Digest:
        self._finish()
        return Digest.sha256(self._hash.hexdigest())

    def _finish(self) -> None:
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def __enter__(self) -> _Hasher:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._finish()
