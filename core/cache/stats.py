"""What is known of the files of a local directory, so that an unchanged file is not read again.

A file counts as unchanged while its signature (size, mtime, ctime, inode) is. One row holds one
directory, so that a change rewrites little.
"""

from __future__ import annotations

import marshal
import os
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from core.cache.database import Database

Signature: TypeAlias = tuple[int, int, int, int]
"""Size in bytes, mtime and ctime in nanoseconds, inode number."""

DirectoryStats: TypeAlias = Mapping[str, tuple[Signature, str]]
"""File name to its signature and the digest of its content."""


class StatCache:
    """The stat cache in a cache database; ``context`` names a directory on this machine."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def load(self, context: str) -> ContextStats:
        """Everything known about ``context``, by directory (relative, "" for the top)."""
        rows = self._db.rows("SELECT directory, data FROM stats WHERE context = ?", (context,))
        return ContextStats({os.fsdecode(directory): data for directory, data in rows})

    def save(
        self,
        context: str,
        changed: Mapping[str, DirectoryStats],
        gone: Iterable[str] = (),
        *,
        now: int | None = None,
    ) -> None:
        """Replace what is known of the directories in ``changed`` and forget those in ``gone``."""
        with self._db.transaction():
            self._db.write(
                "INSERT OR REPLACE INTO contexts VALUES (?, ?)",
                (context, time.time_ns() if now is None else now),
            )
            self._db.write_many(
                "DELETE FROM stats WHERE context = ? AND directory = ?",
                [(context, os.fsencode(directory)) for directory in gone],
            )
            self._db.write_many(
                "INSERT OR REPLACE INTO stats VALUES (?, ?, ?)",
                [
                    (context, os.fsencode(directory), _pack(entries))
                    for directory, entries in changed.items()
                ],
            )

    def forget(self, *, before: int) -> None:
        """Forget contexts that were last used before ``before``."""
        with self._db.transaction():
            self._db.write(
                "DELETE FROM stats WHERE context IN "
                "(SELECT context FROM contexts WHERE last_used < ?)",
                (before,),
            )
            self._db.write("DELETE FROM contexts WHERE last_used < ?", (before,))


class ContextStats(Mapping[str, DirectoryStats]):
    """What is known, by directory: unpacked one at a time, so ask directory by directory."""

    def __init__(self, packed: Mapping[str, bytes]) -> None:
        self._packed = packed
        self._last: tuple[str, DirectoryStats] = ("", {})
        if "" in packed:
            self._last = ("", _unpack(packed[""]))

    def __getitem__(self, directory: str) -> DirectoryStats:
        if self._last[0] != directory:
            self._last = (directory, _unpack(self._packed[directory]))
        elif directory not in self._packed:
            raise KeyError(directory)
        return self._last[1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


def _pack(entries: DirectoryStats) -> bytes:
    rows = {
        name: (signature, bytes.fromhex(digest)) for name, (signature, digest) in entries.items()
    }
    return zlib.compress(marshal.dumps(rows, 2), 1)


def _unpack(data: bytes) -> DirectoryStats:
    try:
        rows = marshal.loads(zlib.decompress(data))
        return {name: (signature, digest.hex()) for name, (signature, digest) in rows.items()}
    except (ValueError, EOFError, TypeError, AttributeError, zlib.error):
        # Of another version: the files are read again.
        return {}
