"""Layers to blobs: once, in the right variant, and nothing left of those that failed."""

from __future__ import annotations

import asyncio
import gzip
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from core.cache.layers import BlobRecord
from core.content.compression import CompressionConfig
from core.content.decompression import decompressed
from core.errors import StorageError
from core.exporter.layers import PULLED, LayerBlob
from core.exporter.source import ExportLayer, RemoteBlob
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.media_types import Compression
from core.oci.reference import parse_reference
from core.snapshot.ids import LayerId

Bench = Any
_CONFIG = CompressionConfig()


async def _blob(
    bench: Bench,
    layer: ExportLayer,
    config: CompressionConfig = _CONFIG,
    below: tuple[str, ...] = (),
) -> LayerBlob:
    async def fetch(remote: RemoteBlob) -> None:
        await bench.client.fetch(remote.reference, remote.descriptor, bench.store)

    layers = tuple(LayerId(name) for name in below)
    blob: LayerBlob = await bench.blobs.blob(layer, layers, config, fetch=fetch)
    return blob


async def test_a_layer_is_made_once_for_all_who_want_it(bench: Bench) -> None:
    layer = ExportLayer(id=bench.tars.make("a", {"f": os.urandom(100)}))
    blobs = await asyncio.gather(*(_blob(bench, layer) for _ in range(4)))
    assert len(set(blobs)) == 1
    assert len(bench.tars.written) == 1


async def test_a_blob_that_was_pruned_is_made_again(bench: Bench) -> None:
    layer = ExportLayer(id=bench.tars.make("a", {"f": b"x"}))
    first = await _blob(bench, layer)
    bench.store.delete(first.descriptor.digest)
    assert await _blob(bench, layer) == first
    assert bench.store.has(first.descriptor.digest)


async def test_the_same_layer_on_other_layers_is_another_blob(bench: Bench) -> None:
    layer = ExportLayer(id=bench.tars.make("a", {"f": b"x"}))
    await _blob(bench, layer, below=("one",))
    await _blob(bench, layer, below=("two",))
    await _blob(bench, layer, below=("two",))
    assert len(bench.tars.written) == 2


async def test_a_layer_made_on_nothing_is_the_same_wherever_it_lies(bench: Bench) -> None:
    layer = ExportLayer(id=bench.tars.make("a", {"f": b"x"}))
    bench.tars.alone.add("a")
    one = await _blob(bench, layer, below=("one",))
    assert await _blob(bench, layer) == one
    assert bench.tars.written == [("a", ())]


def _pulled(bench: Bench, plain: bytes) -> ExportLayer:
    packed = gzip.compress(plain)
    digest = bench.store.put(packed)
    name = bench.tars.make("a", {"f": b"x"})
    bench.records.set_blob(
        name,
        BlobRecord(
            variant=PULLED,
            media_type=media_types.DOCKER_LAYER_GZIP,
            digest=digest,
            size=len(packed),
            diff_id=Digest.of(plain),
        ),
    )
    return ExportLayer(id=name)


async def test_a_pulled_layer_keeps_its_blob(bench: Bench) -> None:
    layer = _pulled(bench, b"as pulled")
    zstd = CompressionConfig(kind=Compression.ZSTD)
    kept = await _blob(bench, layer, zstd)
    assert kept.descriptor.media_type == media_types.DOCKER_LAYER_GZIP
    same = CompressionConfig(force=True)
    assert await _blob(bench, layer, same) == kept


async def test_forcing_a_compression_keeps_the_tar_of_a_pulled_layer(bench: Bench) -> None:
    layer = _pulled(bench, b"as pulled")
    forced = CompressionConfig(kind=Compression.ZSTD, force=True)
    made = await _blob(bench, layer, forced)
    assert made.diff_id == Digest.of(b"as pulled")
    with bench.store.open(made.descriptor.digest) as file:
        assert b"".join(decompressed(file)) == b"as pulled"
    assert made.descriptor.media_type == media_types.OCI_LAYER_ZSTD
    assert bench.tars.written == []
    assert await _blob(bench, layer, forced) == made


async def test_forcing_a_compression_fetches_a_layer_that_was_never_pulled(bench: Bench) -> None:
    packed = gzip.compress(b"far away")
    descriptor = Descriptor.of(media_types.OCI_LAYER_GZIP, packed)
    bench.client.blobs[descriptor.digest] = packed
    remote = RemoteBlob(
        reference=parse_reference("base"), descriptor=descriptor, diff_id=Digest.of(b"far away")
    )
    forced = CompressionConfig(kind=Compression.UNCOMPRESSED, force=True)
    made = await _blob(bench, ExportLayer(remote=remote), forced)
    assert made.descriptor.digest == made.diff_id == remote.diff_id
    assert made.remote is None


class _Broken:
    def __init__(self, error: BaseException) -> None:
        self._error = error

    def stands_alone(self, layer: LayerId) -> bool:
        return False

    def write_tar(
        self, layer: LayerId, below: object, out: Callable[[bytes], object], **_: object
    ) -> None:
        out(bytes(3 << 20))
        raise self._error


async def test_a_failed_layer_leaves_nothing(bench: Bench) -> None:
    bench.blobs._tars = _Broken(StorageError("the disk is full"))
    with pytest.raises(StorageError, match="full"):
        await _blob(bench, ExportLayer(id=LayerId("a")))
    assert list((bench.store.root / "ingest").iterdir()) == []
    assert list(bench.store.walk()) == []


class _Endless:
    def __init__(self) -> None:
        self.started = threading.Event()

    def stands_alone(self, layer: LayerId) -> bool:
        return False

    def write_tar(
        self, layer: LayerId, below: object, out: Callable[[bytes], object], **_: object
    ) -> None:
        while True:
            out(bytes(1 << 16))
            self.started.set()


async def test_a_cancelled_layer_stops_and_leaves_nothing(bench: Bench) -> None:
    endless = _Endless()
    bench.blobs._tars = endless
    task = asyncio.create_task(_blob(bench, ExportLayer(id=LayerId("a"))))
    async with asyncio.timeout(5):
        await asyncio.to_thread(endless.started.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert list((bench.store.root / "ingest").iterdir()) == []
