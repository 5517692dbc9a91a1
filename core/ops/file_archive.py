"""Archives that ADD unpacks: recognised by what is in them, never by their name."""

from __future__ import annotations

import bz2
import io
import lzma
import os
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Protocol

import zstandard
from isal import igzip

from core.errors import BuildError, StorageError
from core.snapshot.extract import Extractor, clean_name
from core.snapshot.tar_header import BLOCK, decode_block
from core.snapshot.tar_reader import TarReader


class _Stream(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


def _zstd(file: BinaryIO) -> _Stream:
    return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)


def _gzip(file: BinaryIO) -> _Stream:
    return igzip.IGzipFile(fileobj=file)  # type: ignore[no-untyped-call]


_COMPRESSIONS: tuple[tuple[bytes, Callable[[BinaryIO], _Stream]], ...] = (
    (b"\x1f\x8b\x08", _gzip),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
    (b"\x28\xb5\x2f\xfd", _zstd),
)
_DECOMPRESSION_ERRORS = (
    OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError,
)  # fmt: skip


def is_archive(path: Path) -> bool:
    """Whether the regular file at ``path`` is a tar, plain or compressed, with an entry in it."""
    try:
        with open(path, "rb") as file, closing(_opened(file)) as stream:
            block = stream.read(BLOCK)
    except _DECOMPRESSION_ERRORS:
        return False
    if len(block) < BLOCK or not any(block):
        return False
    try:
        decode_block(block, 0)
    except StorageError:
        return False
    return True


def unpack(path: Path, into: Path, *, owner: tuple[int, int] | None, rootless: bool) -> None:
    """Unpack the archive at ``path`` into directory ``into``, which it cannot leave.

    Owners are the archive's unless ``owner`` is given. Raises BuildError for a damaged archive.
    """
    try:
        with (
            open(path, "rb") as file,
            closing(_opened(file)) as stream,
            Extractor(into, rootless=rootless) as extractor,
        ):
            reader = TarReader(stream)
            for entry in reader.entries():
                if not clean_name(entry.name):
                    continue
                if owner is not None:
                    entry.uid, entry.gid = owner
                extractor.put(entry, reader.data())
            extractor.finish()
    except StorageError as error:
        raise BuildError(f"Cannot unpack {path.name}: {error.message}", hint=error.hint) from error
    except (EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        raise BuildError(f"Cannot unpack {path.name}, it is damaged: {error}.") from error


def _opened(file: BinaryIO) -> _Stream:
    """``file`` decompressed, if it is compressed."""
    head = os.pread(file.fileno(), 8, 0)
    for magic, opened in _COMPRESSIONS:
        if head.startswith(magic):
            return opened(file)
    assert isinstance(file, io.BufferedReader)
    return file
