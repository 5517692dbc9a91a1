"""Read a tar as a stream: entries in order, each with its data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from core.snapshot.tar_header import (
    BLOCK,
    DIRECTORY,
    GNU_LONG_LINK,
    GNU_LONG_NAME,
    GNU_SPARSE,
    PAX,
    PAX_GLOBAL,
    REGULAR,
    Entry,
    apply_pax,
    damaged,
    decode_block,
    decode_pax,
)

_CHUNK = 1 << 20
# Names and attributes; far beyond what Linux can store.
_LONGEST_HEADER = 8 << 20


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class TarReader:
    """Entries of ``source``; raises StorageError where it is cut or damaged.

    ``entries`` must be advanced by its user; the data of the current entry is read with
    ``data`` before the next entry is asked for, and skipped if it was not.
    """

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._buffer = b""
        self._position = 0
        self._taken = 0
        self._data_left = 0
        self._padding = 0

    def entries(self) -> Iterator[Entry]:
        records: dict[bytes, bytes] = {}
        everywhere: dict[bytes, bytes] = {}
        empty = bytes(BLOCK)
        while True:
            for _ in self.data():
                pass
            self._skip(self._padding)
            self._padding = 0
            offset = self._taken
            block = self._take(BLOCK)
            if not block or block == empty:
                return
            if len(block) < BLOCK:
                raise damaged("it ends within a header", offset)
            entry = decode_block(block, offset)
            if entry.kind in (PAX, PAX_GLOBAL, GNU_LONG_NAME, GNU_LONG_LINK):
                body = self._body(entry, offset)
                if entry.kind == PAX:
                    records |= decode_pax(body, offset)
                elif entry.kind == PAX_GLOBAL:
                    everywhere |= decode_pax(body, offset)
                elif entry.kind == GNU_LONG_NAME:
                    records[b"path"] = body.partition(b"\0")[0]
                else:
                    records[b"linkpath"] = body.partition(b"\0")[0]
                continue
            if entry.kind == GNU_SPARSE:
                raise damaged("sparse files are not supported", offset)
            if records or everywhere:
                apply_pax(entry, everywhere | records, offset)
                records = {}
            # Version 7 tars mark directories by the slash alone.
            if entry.kind == REGULAR and entry.name.endswith(b"/"):
                entry.kind = DIRECTORY
            if entry.size < 0:
                raise damaged("a size is negative", offset)
            if entry.kind != REGULAR:
                # Links and directories have no data, whatever their size field says.
                entry.size = 0
            self._data_left = entry.size
            self._padding = -entry.size % BLOCK
            yield entry

    def data(self) -> Iterator[bytes]:
        """The rest of the current entry's data in pieces of up to a MiB."""
        while self._data_left:
            piece = self._take(min(self._data_left, _CHUNK))
            if not piece:
                raise damaged("it ends within a file", self._taken)
            self._data_left -= len(piece)
            yield piece

    def drain(self) -> None:
        """Read to the end of the source, as a digest over all of it needs."""
        while self._source.read(_CHUNK):
            pass

    def _body(self, entry: Entry, offset: int) -> bytes:
        if not 0 <= entry.size <= _LONGEST_HEADER:
            raise damaged("an extended header has an impossible size", offset)
        body = bytearray()
        while len(body) < entry.size:
            piece = self._take(entry.size - len(body))
            if not piece:
                raise damaged("it ends within an extended header", offset)
            body += piece
        self._skip(-entry.size % BLOCK)
        return bytes(body)

    def _take(self, size: int) -> bytes:
        """Up to ``size`` bytes, and all of them unless the source ends or a MiB is full."""
        end = self._position + size
        if end > len(self._buffer):
            rest = self._buffer[self._position :]
            while len(rest) < size:
                more = self._source.read(_CHUNK)
                if not more:
                    break
                rest = rest + more if rest else more
            self._buffer, self._position, end = rest, 0, size
        piece = self._buffer[self._position : end]
        self._position += len(piece)
        self._taken += len(piece)
        return piece

    def _skip(self, size: int) -> None:
        while size:
            piece = self._take(min(size, _CHUNK))
            if not piece:
                return
            size -= len(piece)
