"""Compressing layers on all cores.

A gzip layer is one member made of blocks of a fixed size that are compressed independently, each
ended by a flush to a byte boundary (as pigz does): the bytes depend on content, level and library,
never on how many threads worked on them.
"""

from __future__ import annotations

import struct
import zlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Final, Protocol

import zstandard
from isal import isal_zlib

from core.errors import OptionError
from core.oci.media_types import Compression

_BLOCK: Final = 1 << 20
# Deflate, no flags, no time, no extra flags, unknown system: the same header every time.
_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_DEFLATE_END: Final = b"\x03\x00"
_ISAL_LEVELS: Final = range(4)
_GZIP_LEVELS: Final = range(10)
_ZSTD_LEVELS: Final = range(23)

Buffer = bytes | bytearray | memoryview
Sink = Callable[[Buffer], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressionConfig:
    """How new layers are stored.

    ``level`` None is the fast default. ``reproducible`` asks for bytes that are the same on every
    machine: zlib instead of isal, whose output may differ between generations of processors.
    ``force`` recompresses layers that exist in another form.
    """

    kind: Compression = Compression.GZIP
    level: int | None = None
    force: bool = False
    reproducible: bool = False

    def __post_init__(self) -> None:
        allowed = {
            Compression.UNCOMPRESSED: None,
            Compression.GZIP: _GZIP_LEVELS,
            Compression.ZSTD: _ZSTD_LEVELS,
        }[self.kind]
        if self.level is not None and allowed is not None and self.level not in allowed:
            raise OptionError(
                f"compression level {self.level} is out of range for {self.kind.value}",
                hint=f"Levels go from {allowed.start} to {allowed.stop - 1}.",
            )

    @property
    def variant(self) -> str:
        """A text that differs when the bytes may differ; part of a cached blob's key."""
        if self.kind is Compression.UNCOMPRESSED:
            return str(self.kind.value)
        library = "zlib" if self.uses_zlib else "fast"
        if self.kind is Compression.ZSTD:
            library = "zstd"
        return f"{self.kind.value}:{library}:{'' if self.level is None else self.level}"

    @property
    def uses_zlib(self) -> bool:
        return self.reproducible or (self.level is not None and self.level not in _ISAL_LEVELS)


class Compressor(Protocol):
    """Takes bytes, writes compressed ones to the sink it was made with."""

    def write(self, data: Buffer) -> None: ...

    def close(self) -> None: ...


def compressor(
    config: CompressionConfig, sink: Sink, *, pool: Executor, workers: int
) -> Compressor:
    """A compressor whose blocks are worked on in ``pool``, at most ``workers`` at a time."""
    match config.kind:
        case Compression.UNCOMPRESSED:
            return _Plain(sink)
        case Compression.GZIP:
            return _Gzip(sink, _deflate(config), pool, workers)
        case Compression.ZSTD:
            return _Zstd(sink, 3 if config.level is None else config.level, workers)


class _Plain:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, data: Buffer) -> None:
        self._sink(data)

    def close(self) -> None:
        return


def _deflate(config: CompressionConfig) -> Callable[[bytes], bytes]:
    if config.uses_zlib:
        level = 6 if config.level is None else config.level

        def slow(block: bytes) -> bytes:
            packer = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
            return packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)

        return slow
    fast_level = 1 if config.level is None else config.level

    def fast(block: bytes) -> bytes:
        packer = isal_zlib.compressobj(fast_level, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)
        packed: bytes = packer.compress(block) + packer.flush(isal_zlib.Z_FULL_FLUSH)
        return packed

    return fast


class _Gzip:
    def __init__(
        self, sink: Sink, deflate: Callable[[bytes], bytes], pool: Executor, workers: int
    ) -> None:
        self._sink = sink
        self._deflate = deflate
        self._pool = pool
        # Enough in flight that nobody waits for the one who takes the results in order.
        self._limit = 4 * workers
        self._block = bytearray()
        self._running: deque[Future[bytes]] = deque()
        self._crc = 0
        self._size = 0
        sink(_GZIP_HEADER)

    def write(self, data: Buffer) -> None:
        self._crc = isal_zlib.crc32(data, self._crc)
        self._size += len(data)
        self._block += data
        while len(self._block) >= _BLOCK:
            self._start(bytes(memoryview(self._block)[:_BLOCK]))
            del self._block[:_BLOCK]

    def _start(self, block: bytes) -> None:
        while len(self._running) >= self._limit:
            self._sink(self._running.popleft().result())
        self._running.append(self._pool.submit(self._deflate, block))

    def close(self) -> None:
        if self._block:
            self._start(bytes(self._block))
            self._block.clear()
        while self._running:
            self._sink(self._running.popleft().result())
        self._sink(_DEFLATE_END + struct.pack("<II", self._crc, self._size & 0xFFFFFFFF))


class _Zstd:
    def __init__(self, sink: Sink, level: int, workers: int) -> None:
        # With one worker or more the frame is cut the same way whatever their number.
        packer = zstandard.ZstdCompressor(level=level, threads=max(1, workers))
        self._sink = sink
        self._packer = packer.compressobj()

    def write(self, data: Buffer) -> None:
        if packed := self._packer.compress(data):
            self._sink(packed)

    def close(self) -> None:
        self._sink(self._packer.flush())
