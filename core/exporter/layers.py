"""Layers as compressed blobs, made once each, on all cores."""

from __future__ import annotations

import asyncio
import hashlib
import os
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from core.cache.layers import BlobRecord
from core.content.compression import CompressionConfig, compressor
from core.content.store import ContentStore
from core.exporter.source import BlobRecords, ExportLayer, LayerTars, RemoteBlob
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.snapshot.ids import LayerId, Layers

PULLED: Final = "pulled"
"""The variant under which the blob is recorded that a layer was unpacked from."""

_QUEUED: Final = 16


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
    ) -> LayerBlob:
        """The layer's blob; ``below`` are the layers under it, ``epoch`` cuts times in the tar.

        A layer that came with a blob keeps it unless ``config.force`` asks for another
        compression. StorageError when the disk is full; nothing half-written stays then.
        """
        if epoch is None and (known := self._given(layer, config)) is not None:
            return known
        if layer.id is None:
            raise ValueError("a layer that is not unpacked can be exported only as it is")
        if self._tars.stands_alone(layer.id):
            below = ()
        variant = _variant(config, below, epoch)
        lock = self._making.setdefault((layer.id, variant), asyncio.Lock())
        async with lock:
            if (known := self._recorded(layer.id, variant)) is not None:
                return known
            stop = threading.Event()
            work = asyncio.get_running_loop().run_in_executor(
                self._layer_pool, self._make, layer.id, below, config, epoch, variant, stop
            )
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                stop.set()
                await asyncio.wait([work])
                if not work.cancelled():
                    work.exception()
                raise

    def needs_unpacking(self, layer: ExportLayer, config: CompressionConfig) -> bool:
        """Whether ``blob`` would ask for the files of a layer that is only known as a blob."""
        return layer.id is None and self._given(layer, config) is None

    def _given(self, layer: ExportLayer, config: CompressionConfig) -> LayerBlob | None:
        """The blob that the layer came with."""
        found: LayerBlob | None = None
        if layer.remote is not None:
            found = LayerBlob(
                descriptor=layer.remote.descriptor,
                diff_id=layer.remote.diff_id,
                remote=layer.remote,
            )
        elif layer.id is not None:
            found = self._recorded(layer.id, PULLED)
        if found is None:
            return None
        kind = media_types.compression_of(found.descriptor.media_type)
        return None if config.force and kind is not config.kind else found

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

    def _make(
        self,
        layer: LayerId,
        below: Layers,
        config: CompressionConfig,
        epoch: int | None,
        variant: str,
        stop: threading.Event,
    ) -> LayerBlob:
        with self._store.writer(None) as writer, _Hasher() as plain:
            packer = compressor(config, writer.write, pool=self._block_pool, workers=self._workers)

            def take(piece: bytes | bytearray) -> None:
                if stop.is_set():
                    raise _StoppedError
                data = bytes(piece)
                plain.update(data)
                packer.write(data)

            self._tars.write_tar(layer, below, take, epoch=epoch)
            packer.close()
            size = writer.offset
            digest = writer.commit()
            diff_id = plain.digest()
        media_type = media_types.layer_type(config.kind, oci=True)
        self._records.set_blob(
            layer,
            BlobRecord(
                variant=variant,
                media_type=media_type,
                digest=digest,
                size=size,
                diff_id=diff_id,
            ),
        )
        descriptor = Descriptor(media_type=media_type, digest=digest, size=size)
        return LayerBlob(descriptor=descriptor, diff_id=diff_id)


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
