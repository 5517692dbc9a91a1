"""Compressing on several threads, and reading what others compressed."""

from __future__ import annotations

import gzip
import io
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import zstandard

from core.content.compression import CompressionConfig, compressor
from core.content.decompression import DecompressedFile, LayerFormatError, decompressed, detect
from core.errors import OptionError
from core.oci.media_types import Compression

_DATA = os.urandom(1000) * 3000 + b"text " * 10

_CONFIGS = [
    CompressionConfig(),
    CompressionConfig(reproducible=True),
    CompressionConfig(level=9),
    CompressionConfig(kind=Compression.ZSTD),
    CompressionConfig(kind=Compression.UNCOMPRESSED),
]


def _pack(data: bytes, config: CompressionConfig, workers: int = 2) -> bytes:
    out = bytearray()
    with ThreadPoolExecutor(workers) as pool:
        packer = compressor(config, out.extend, pool=pool, workers=workers)
        for start in range(0, len(data), 70_001):
            packer.write(data[start : start + 70_001])
        packer.close()
    return bytes(out)


@pytest.mark.parametrize("config", _CONFIGS)
@pytest.mark.parametrize("data", [b"", b"x", _DATA])
def test_what_was_compressed_is_read_back(config: CompressionConfig, data: bytes) -> None:
    packed = _pack(data, config)
    assert detect(packed) is config.kind
    assert b"".join(decompressed(io.BytesIO(packed))) == data
    assert DecompressedFile(io.BytesIO(packed)).read() == data
    assert io.BufferedReader(DecompressedFile(io.BytesIO(packed))).read() == data


@pytest.mark.parametrize("config", _CONFIGS)
def test_bytes_do_not_depend_on_the_number_of_threads(config: CompressionConfig) -> None:
    assert _pack(_DATA, config, 1) == _pack(_DATA, config, 3)


def test_other_programs_read_our_gzip() -> None:
    packed = _pack(_DATA, CompressionConfig())
    assert gzip.decompress(packed) == _DATA
    assert packed[4:8] == bytes(4), "no time in the header"


def test_several_members_and_frames_are_one_stream() -> None:
    members = gzip.compress(b"one ") + gzip.compress(b"two") + bytes(512)
    assert b"".join(decompressed(io.BytesIO(members))) == b"one two"
    frames = zstandard.compress(b"one ") + zstandard.compress(b"two")
    assert b"".join(decompressed(io.BytesIO(frames))) == b"one two"


@pytest.mark.parametrize("data", [gzip.compress(_DATA)[:-20], b"\x1f\x8b\x08" + bytes(99)])
def test_damaged_data_is_an_error(data: bytes) -> None:
    with pytest.raises(LayerFormatError, match="compressed data"):
        list(decompressed(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("kind", "level"), [(Compression.GZIP, 10), (Compression.GZIP, -1), (Compression.ZSTD, 23)]
)
def test_levels_out_of_range_are_refused(kind: Compression, level: int) -> None:
    with pytest.raises(OptionError, match=f"compression level {level} is out of range"):
        CompressionConfig(kind=kind, level=level)
