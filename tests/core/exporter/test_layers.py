"""Layers to blobs: once, in the right variant, and nothing left of those that failed."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from core.cache.layers import BlobRecord
from core.content.compression import CompressionConfig
from core.errors import StorageError
from core.exporter.layers import PULLED
from core.exporter.source import ExportLayer
from core.oci import media_types
from core.oci.media_types import Compression
from core.snapshot.ids import LayerId

Bench = Any
_CONFIG = CompressionConfig()


async def test_a_layer_is_made_once_for_all_who_want_it(bench: Bench) -> None:
    layer = ExportLayer(id=bench.tars.make("a", {"f": os.urandom(100)}))
    blobs = await asyncio.gather(*(bench.blobs.blob(layer, (), _CONFIG) for _ in range(4)))
    assert len(set(blobs)) == 1
    assert len(bench.tars.written) == 1


async def test_a_blob_that_was_pruned_is_made_again(bench: Bench) -> None:
    layer = ExportLayer(id=bench.tars.make("a", {"f": b"x"}))
    first = await bench.blobs.blob(layer, (), _CONFIG)
    bench.store.delete(first.descriptor.digest)
    assert await bench.blobs.blob(layer, (), _CONFIG) == first
    assert bench.store.has(first.descriptor.digest)


async def test_the_same_layer_on_other_layers_is_another_blob(bench: Bench) -> None:
    layer = ExportLayer(id=bench.tars.make("a", {"f": b"x"}))
    await bench.blobs.blob(layer, (LayerId("one"),), _CONFIG)
    await bench.blobs.blob(layer, (LayerId("two"),), _CONFIG)
    await bench.blobs.blob(layer, (LayerId("two"),), _CONFIG)
    assert len(bench.tars.written) == 2


async def test_a_layer_made_on_nothing_is_the_same_wherever_it_lies(bench: Bench) -> None:
    layer = ExportLayer(id=bench.tars.make("a", {"f": b"x"}))
    bench.tars.alone.add("a")
    one = await bench.blobs.blob(layer, (LayerId("one"),), _CONFIG)
    assert await bench.blobs.blob(layer, (), _CONFIG) == one
    assert bench.tars.written == [("a", ())]


async def test_a_pulled_layer_keeps_its_blob(bench: Bench) -> None:
    name = bench.tars.make("a", {"f": b"x"})
    digest = bench.store.put(b"as pulled")
    bench.records.set_blob(
        name,
        BlobRecord(
            variant=PULLED,
            media_type=media_types.DOCKER_LAYER_GZIP,
            digest=digest,
            size=9,
            diff_id=digest,
        ),
    )
    layer = ExportLayer(id=name)
    zstd = CompressionConfig(kind=Compression.ZSTD)
    assert (await bench.blobs.blob(layer, (), zstd)).descriptor.digest == digest
    forced = CompressionConfig(kind=Compression.ZSTD, force=True)
    assert (await bench.blobs.blob(layer, (), forced)).descriptor.digest != digest
    same = CompressionConfig(force=True)
    assert (await bench.blobs.blob(layer, (), same)).descriptor.digest == digest


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
        await bench.blobs.blob(ExportLayer(id=LayerId("a")), (), _CONFIG)
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
    task = asyncio.create_task(bench.blobs.blob(ExportLayer(id=LayerId("a")), (), _CONFIG))
    async with asyncio.timeout(5):
        await asyncio.to_thread(endless.started.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert list((bench.store.root / "ingest").iterdir()) == []
