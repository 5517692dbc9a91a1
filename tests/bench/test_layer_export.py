"""A big layer exports at no less than half of what igzip and SHA-256 give on all cores."""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from isal import isal_zlib

from core.cache.database import Database
from core.cache.layers import LayerRecords
from core.content.compression import CompressionConfig
from core.content.store import ContentStore
from core.exporter.layers import LayerBlobs
from core.exporter.source import ExportLayer, RemoteBlob
from core.snapshot.ids import LayerId, Layers
from core.snapshot.layer_tar import LayerTarWriter

pytestmark = pytest.mark.bench

_MB = 1_000_000
_BLOCK = 1 << 20
_BLOCKS = 512


def _block(number: int) -> bytes:
    """Like a program: a third of it noise, the rest repetitive."""
    noise = hashlib.shake_256(number.to_bytes(4, "big")).digest(_BLOCK // 3)
    words = b"".join(b"%08x call %d\n" % (n * number, n % 97) for n in range(40_000))
    return (noise + words * 2)[:_BLOCK].ljust(_BLOCK, b"\0")


def _ideal(blocks: list[bytes]) -> float:
    """Bytes a second of compressing and hashing both sides, on all cores, with nothing else."""

    def work(block: bytes) -> None:
        packer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)
        packed = packer.compress(block) + packer.flush()
        hashlib.sha256(block).digest()
        hashlib.sha256(packed).digest()

    started = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(work, blocks))
    return len(blocks) * _BLOCK / (time.perf_counter() - started)


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def stands_alone(self, layer: LayerId) -> bool:
        return True

    def write_tar(self, layer: LayerId, below: Layers, out: object, **_: object) -> None:
        writer = LayerTarWriter(os.fsencode(self._root), None, out, rootless=False)  # type: ignore[arg-type]
        writer.write()


async def _nothing(remote: RemoteBlob) -> None:
    raise AssertionError(remote)


async def test_a_big_layer_is_exported_near_the_speed_of_the_machine(
    tmp_path: Path,
) -> None:
    root = tmp_path / "layer"
    root.mkdir()
    kinds = [_block(number) for number in range(16)]
    blocks = [kinds[number % 16] for number in range(_BLOCKS)]
    for number in range(0, _BLOCKS, 8):
        (root / f"f{number}").write_bytes(b"".join(blocks[number : number + 8]))
    ideal = max(_ideal(blocks) for _ in range(2))
    database = Database(tmp_path / "cache.db")
    best = 0.0
    for attempt in range(2):
        store = ContentStore(tmp_path / f"content{attempt}")
        blobs = LayerBlobs(_Folder(root), store, LayerRecords(database))
        try:
            started = time.perf_counter()
            layer = ExportLayer(id=LayerId(f"layer{attempt}"))
            await blobs.blob(layer, (), CompressionConfig(), fetch=_nothing)
            best = max(best, _BLOCKS * _BLOCK / (time.perf_counter() - started))
        finally:
            blobs.close()
    database.close()
    print(f"\nlayer export {best / _MB:.0f} MB/s, ideal {ideal / _MB:.0f} MB/s")
    assert best >= ideal / 2
