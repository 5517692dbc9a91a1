"""Cache mounts: directories that survive from build to build under an id.

On disk a cache mount is ``ROOT/NAME``. A record is written after the directory is ready, so that
one without a record is a leftover that ``recover`` deletes.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from core.cache.database import Database

_COLUMNS = "id, directory, size, created, last_used, uses, description"


class Sharing(Enum):
    """What a second user of a busy cache mount meets."""

    SHARED = "shared"
    """The same directory."""
    PRIVATE = "private"
    """Another directory of the same id."""
    LOCKED = "locked"
    """A wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MountRecord:
    """A cache mount's directory; ``size`` in bytes as of its last use."""

    id: str
    directory: str
    size: int
    created: int
    last_used: int
    uses: int
    description: str


class CacheMounts:
    """The cache mounts of a cache database, with their directories under ``root``."""

    def __init__(self, database: Database, root: Path) -> None:
        self._db = database
        self._root = root
        self._busy: dict[str, int] = {}
        self._freed = asyncio.Condition()
        self._lock = threading.Lock()
        self._emptied: WeakKeyDictionary[object, set[str]] = WeakKeyDictionary()
        root.mkdir(parents=True, exist_ok=True)

    def all(self) -> tuple[MountRecord, ...]:
        """Every cache mount, the least recently used first."""
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM mounts ORDER BY last_used, created")
        return tuple(_record(row) for row in rows)

    def in_use(self, directory: str) -> bool:
        """Whether a step has the mount right now."""
        return self._busy.get(directory, 0) > 0

    def path(self, directory: str) -> Path:
        """Where a mount's files are."""
        return self._root / directory

    @asynccontextmanager
    async def use(
        self,
        mount_id: str,
        sharing: Sharing,
        *,
        description: str = "",
        fill: Callable[[Path], None] | None = None,
        fresh_for: object = None,
    ) -> AsyncIterator[Path]:
        """The directory of ``mount_id``, for as long as the context lasts.

        A new one is an empty directory that ``fill`` (run in a thread) may set up first: owner,
        mode, files to begin with. With ``fresh_for`` (a build that ignores the cache) what the
        mount held is deleted first, once for each such object.
        """
        if fresh_for is not None:
            emptied = self._emptied.setdefault(fresh_for, set())
            if mount_id not in emptied:
                emptied.add(mount_id)
                await asyncio.to_thread(self.clear, mount_id)
        directory = await self._take(mount_id, sharing)
        try:
            if directory not in self._known(mount_id):
                path = self._root / directory
                await asyncio.to_thread(_make, path, fill)
                moment = time.time_ns()
                self._db.write(
                    "INSERT INTO mounts VALUES (?, ?, 0, ?, ?, 0, ?)",
                    (mount_id, directory, moment, moment, description),
                )
                async with self._freed:
                    # Others may share it now.
                    self._freed.notify_all()
            yield self._root / directory
        finally:
            await asyncio.shield(self._give_back(directory))

    def remove(self, directory: str) -> bool:
        """Delete a mount that no step has right now; whether it is gone."""
        trash = self._root / f"trash-{uuid.uuid4().hex}"
        with self._lock:
            if self.in_use(directory):
                return False
            self._db.write("DELETE FROM mounts WHERE directory = ?", (directory,))
            try:
                (self._root / directory).rename(trash)
            except FileNotFoundError:
                return True
        shutil.rmtree(trash, ignore_errors=True)
        return True

    def clear(self, mount_id: str) -> int:
        """Delete every free directory of ``mount_id``; how many bytes that were."""
        return sum(
            record.size
            for record in self.all()
            if record.id == mount_id and self.remove(record.directory)
        )

    def measure(self, directory: str) -> int:
        """Note and give the size of a mount; walks it, so call it in a thread."""
        size = _usage(self._root / directory)
        self._db.write("UPDATE mounts SET size = ? WHERE directory = ?", (size, directory))
        return size

    def recover(self) -> None:
        """Delete directories without a record and records without a directory."""
        known = {record.directory for record in self.all()}
        present = set(os.listdir(self._root))
        for name in present - known:
            shutil.rmtree(self._root / name, ignore_errors=True)
        for name in known - present:
            self._db.write("DELETE FROM mounts WHERE directory = ?", (name,))

    def _known(self, mount_id: str) -> list[str]:
        rows = self._db.rows(
            "SELECT directory FROM mounts WHERE id = ? ORDER BY created", (mount_id,)
        )
        return [directory for (directory,) in rows]

    async def _take(self, mount_id: str, sharing: Sharing) -> str:
        prefix = f"{_name(mount_id)}-"
        async with self._freed:
            while True:
                choice = self._choose(mount_id, prefix, sharing)
                if choice is not None:
                    return choice
                await self._freed.wait()

    def _choose(self, mount_id: str, prefix: str, sharing: Sharing) -> str | None:
        """A directory, counted as busy from now on; None when one has to be waited for."""
        # Pruning takes directories away from another thread.
        with self._lock:
            known = self._known(mount_id)
            # Those in the making are busy but not yet known.
            making = [name for name in self._busy if name.startswith(prefix)]
            names = list(dict.fromkeys(known + making))
            free = [name for name in names if not self.in_use(name)]
            if free:
                choice = free[0]
            elif not names or sharing is Sharing.PRIVATE:
                choice = prefix + uuid.uuid4().hex[:12]
            elif sharing is Sharing.SHARED and names[0] in known:
                choice = names[0]
            else:
                return None
            self._busy[choice] = self._busy.get(choice, 0) + 1
            return choice

    async def _give_back(self, directory: str) -> None:
        async with self._freed:
            self._busy[directory] -= 1
            if not self._busy[directory]:
                del self._busy[directory]
            self._db.write(
                "UPDATE mounts SET last_used = ?, uses = uses + 1 WHERE directory = ?",
                (time.time_ns(), directory),
            )
            self._freed.notify_all()


def _name(mount_id: str) -> str:
    return hashlib.blake2b(mount_id.encode(errors="surrogateescape"), digest_size=12).hexdigest()


def _make(path: Path, fill: Callable[[Path], None] | None) -> None:
    path.mkdir(mode=0o755)
    try:
        if fill is not None:
            fill(path)
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise


def _usage(path: Path) -> int:
    total = 0
    waiting = [os.fspath(path)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except FileNotFoundError:
            continue
    return total


def _record(row: tuple[Any, ...]) -> MountRecord:
    mount_id, directory, size, created, last_used, uses, description = row
    return MountRecord(
        id=mount_id,
        directory=directory,
        size=size,
        created=created,
        last_used=last_used,
        uses=uses,
        description=description,
    )
