"""Reading layers, whichever way they are compressed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, BinaryIO, Final, cast

import zstandard
from isal import isal_zlib

from core.errors import UserInputError
from core.oci.media_types import Compression

_READ: Final = 1 << 18
_DAMAGED: Final = (cast("type[Exception]", isal_zlib.error), zstandard.ZstdError)


def detect(header: bytes) -> Compression:
    """What a layer's first bytes say, whatever its media type says."""
    if header[:2] == b"\x1f\x8b":
        return Compression.GZIP
    if header[:4] == b"\x28\xb5\x2f\xfd" or (
        len(header) >= 4 and header[1:4] == b"\x2a\x4d\x18" and header[0] & 0xF0 == 0x50
    ):
        return Compression.ZSTD
    return Compression.UNCOMPRESSED


class LayerFormatError(UserInputError):
    """A layer's compressed bytes are damaged."""

    code = "layer-format"


def decompressed(file: BinaryIO) -> Iterator[bytes]:
    """The tar in a layer, piece by piece, whichever way it is compressed."""
    first = file.read(_READ)
    try:
        match detect(first):
            case Compression.UNCOMPRESSED:
                while first:
                    yield first
                    first = file.read(_READ)
            case Compression.GZIP:
                yield from _gunzip(first, file)
            case Compression.ZSTD:
                source = cast(IO[bytes], _Prefixed(first, file))
                unpacker = zstandard.ZstdDecompressor()
                reader = unpacker.stream_reader(source, read_across_frames=True)
                while data := reader.read(_READ):
                    yield data
    except _DAMAGED as error:
        raise LayerFormatError(f"the layer's compressed data is damaged: {error}") from error


def _gunzip(data: bytes, file: BinaryIO) -> Iterator[bytes]:
    unpacker = isal_zlib.decompressobj(31)
    while data:
        if plain := unpacker.decompress(data):
            yield plain
        data = unpacker.unused_data if unpacker.eof else b""
        if unpacker.eof:
            # Further members may follow; what is not one is padding.
            data = data or file.read(_READ)
            if not data.startswith(b"\x1f"):
                return
            unpacker = isal_zlib.decompressobj(31)
        else:
            data = file.read(_READ)
    if not unpacker.eof:
        raise LayerFormatError("the layer's compressed data ends too early")


class _Prefixed(io.RawIOBase):
    """A file whose first bytes were read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._head:
            data = self._head if size < 0 else self._head[:size]
            self._head = self._head[len(data) :]
            return data
        return self._rest.read(size)


class DecompressedFile(io.RawIOBase):
    """``decompressed`` as a file to read from, for whoever unpacks the tar."""

    def __init__(self, file: BinaryIO) -> None:
        self._pieces = decompressed(file)
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            data = self._left + b"".join(self._pieces)
            self._left = b""
            return data
        parts: list[bytes] = []
        while size > 0:
            if not self._left:
                self._left = next(self._pieces, b"")
                if not self._left:
                    break
            part = self._left[:size]
            self._left = self._left[len(part) :]
            size -= len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)
