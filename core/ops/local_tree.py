"""A directory of this machine as a build sees it: what was found there, read as little as can be.

The files are not copied. What is known of them is what one walk found; ``digests`` reads the
contents of those that are asked for, unless the stat cache has them.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from core.cache.stats import Signature, StatCache
from core.errors import NotFoundError, StorageError
from core.ops.file_workers import MUCH, FileWorkers
from core.ops.hashing import sha256_of_file


class LocalEntry(NamedTuple):
    """One file, directory, link or other thing. A tuple, for there are many.

    ``mode`` holds the type as in ``st_mode``; ``link`` is where a symbolic link points;
    ``signature`` is size, mtime, ctime (nanoseconds) and inode number as they were when it was
    found; ``device`` is st_rdev.
    """

    mode: int
    signature: Signature
    link: str = ""
    links: int = 1
    device: int = 0

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)

    @property
    def size(self) -> int:
        return self.signature[0]

    @property
    def mtime_ns(self) -> int:
        return self.signature[1]


_BATCH: Final = 1024


@dataclass(slots=True, eq=False)
class LocalTree:
    """What a walk of ``root`` found.

    ``entries`` go by path relative to ``root``, parents before what is in them; owners count as 0
    and 0. Only these may be read from ``root``: what else is there was filtered out. ``digest``
    identifies the tree to builds that run now: names, modes, signatures.
    """

    root: Path
    entries: Mapping[str, LocalEntry]
    digest: str
    context: str
    stats: StatCache
    readers: Executor
    workers: FileWorkers | None = None
    _digests: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def digests(
        self, paths: Iterable[str], on_read: Callable[[int], None] | None = None
    ) -> dict[str, str]:
        """The SHA-256 (hex) of the contents of the files at ``paths``.

        Blocks while files are read that changed since they were read last. ``on_read`` is called
        with the bytes of each file that had to be read. Raises StorageError when a file changed
        since it was found, NotFoundError when it is gone.
        """
        with self._lock:
            wanted = [path for path in paths if self.entries[path].is_file]
            missing = [path for path in wanted if path not in self._digests]
            if missing:
                self._read(missing, on_read)
            return {path: self._digests[path] for path in wanted}

    def check(self, path: str, status: os.stat_result) -> None:
        """StorageError unless ``status``, taken while reading ``path``, is as it was found."""
        if signature_of(status) != self.entries[path].signature:
            raise changed(path)

    def _read(self, paths: list[str], on_read: Callable[[int], None] | None) -> None:
        known = self.stats.load(self.context)
        changes: dict[str, dict[str, tuple[Signature, str]]] = {}
        reading: list[str] = []
        directory, stats = "", known.get("", {})
        for path in paths:
            above, _, name = path.rpartition("/")
            if above != directory:
                directory, stats = above, known.get(above, {})
            found = stats.get(name)
            if found is not None and found[0] == self.entries[path].signature:
                self._digests[path] = found[1]
            else:
                reading.append(path)
        if not reading:
            return
        batches = [reading[at : at + _BATCH] for at in range(0, len(reading), _BATCH)]
        for path, digest in zip(
            reading, chain.from_iterable(self.readers.map(self._digest_all, batches)), strict=True
        ):
            self._digests[path] = digest
            directory, _, name = path.rpartition("/")
            if directory not in changes:
                changes[directory] = dict(known.get(directory, {}))
            changes[directory][name] = (self.entries[path].signature, digest)
            if on_read is not None:
                on_read(self.entries[path].size)
        self._forget_gone(changes)
        self.stats.save(self.context, changes)

    def _forget_gone(self, changes: dict[str, dict[str, tuple[Signature, str]]]) -> None:
        for directory, files in changes.items():
            prefix = f"{directory}/" if directory else ""
            for name in [n for n in files if prefix + n not in self.entries]:
                # What this build does not see may still be there for others.
                if not os.path.lexists(self.root / directory / name):
                    del files[name]

    def _digest_all(self, paths: list[str]) -> list[str]:
        if self.workers is None or len(paths) < MUCH:
            return [self._digest(path) for path in paths]
        digests = []
        for path, found in zip(paths, self.workers.read(str(self.root), paths), strict=True):
            if found is None:
                # It fails here too, with the right words.
                digests.append(self._digest(path))
            elif found[1] != self.entries[path].signature:
                raise changed(path)
            else:
                digests.append(found[0])
        return digests

    def _digest(self, path: str) -> str:
        try:
            digest, status = sha256_of_file(self.root / path)
        except FileNotFoundError as error:
            raise NotFoundError(
                f"{path} was there when the build began and is gone now.",
                hint="Build again when nothing writes to the context.",
                temporary=True,
            ) from error
        except OSError as error:
            raise StorageError(f"Cannot read {path} of the build context: {error.strerror}.") from (
                error
            )
        self.check(path, status)
        return digest


def signature_of(status: os.stat_result) -> Signature:
    """What tells that a file is still the same."""
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def changed(path: str) -> StorageError:
    """A file changed under a build that reads it."""
    return StorageError(
        f"{path} changed while the build read it.",
        hint="Build again when nothing writes to the context.",
        temporary=True,
    )
