"""Every build with its events, on disk, bounded.

``builds/REF/`` holds ``build.json`` (the record), ``events.pb`` (the journal), and for Dockerfile
builds ``Dockerfile`` and ``plan.json``.
"""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from core.daemon.journal import Journal
from core.daemon.records import BuildPhase, BuildRecord, write_atomically
from core.errors import BuilderError, NotFoundError, OptionError

log = logging.getLogger(__name__)

_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


class Change(Enum):
    STARTED = 0
    COMPLETE = 1
    DELETED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What may be kept: builds, bytes of all their files, age. Pinned builds do not count."""

    builds: int = 300
    size: int = 2 << 30
    seconds: float = 60 * 24 * 3600.0


class History:
    """The builds under one directory. One daemon at a time."""

    def __init__(self, root: Path, bounds: Bounds = Bounds()) -> None:
        self._root = root
        self._bounds = bounds
        self._records: dict[str, BuildRecord] = {}
        self._listeners: set[asyncio.Queue[tuple[Change, BuildRecord]]] = set()

    def open(self) -> None:
        """Read what is there. A build that ran when the daemon ended is marked as failed."""
        self._root.mkdir(parents=True, exist_ok=True)
        found = []
        for directory in self._root.iterdir():
            try:
                found.append(BuildRecord.from_json((directory / "build.json").read_bytes()))
            except (OSError, ValueError, KeyError, TypeError):
                shutil.rmtree(directory, ignore_errors=True)
        for record in sorted(found, key=lambda record: record.created):
            if not record.phase.over:
                gone = BuilderError("the builder ended while this build ran")
                record = record.ended(BuildPhase.FAILED, at=time.time_ns(), error=gone)
                self._write(record)
            self._records[record.ref] = record

    def directory(self, ref: str) -> Path:
        return self._root / ref

    def start(self, record: BuildRecord) -> Journal:
        """Enter a new build. Raises OptionError for a ref that is taken or is no file name."""
        if not _REF.fullmatch(record.ref):
            raise OptionError(f"{record.ref!r} cannot be the ref of a build")
        if record.ref in self._records:
            raise OptionError(f"there is a build with the ref {record.ref} already")
        self.directory(record.ref).mkdir()
        self.update(record, Change.STARTED)
        return Journal(self.directory(record.ref) / "events.pb")

    def update(self, record: BuildRecord, change: Change = Change.STARTED) -> None:
        """Keep a new version of a record and tell the listeners."""
        self._records[record.ref] = record
        self._write(record)
        self._tell(change, record)

    def _write(self, record: BuildRecord) -> None:
        try:
            write_atomically(self.directory(record.ref) / "build.json", record.to_json().encode())
        except OSError:
            log.exception("the record of build %s could not be written", record.ref)

    def attach(self, ref: str, name: str, data: bytes) -> None:
        """Keep a document beside the record."""
        try:
            write_atomically(self.directory(ref) / name, data)
        except OSError:
            log.exception("%s of build %s could not be written", name, ref)

    def document(self, ref: str, name: str) -> bytes:
        """A document that ``attach`` kept; empty where there is none."""
        try:
            return (self.directory(ref) / name).read_bytes()
        except OSError:
            return b""

    def get(self, ref: str) -> BuildRecord:
        """The record. Raises NotFoundError."""
        record = self._records.get(ref)
        if record is None:
            raise NotFoundError(f"there is no build {ref}", hint="`viaduct history` lists them.")
        return record

    def records(self) -> Iterator[BuildRecord]:
        """Oldest first."""
        yield from self._records.values()

    def pin(self, ref: str, pinned: bool) -> None:
        record = self.get(ref)
        self.update(replace(record, pinned=pinned), Change.COMPLETE)

    def delete(self, ref: str) -> None:
        """Remove a build that is over. Raises NotFoundError, OptionError."""
        record = self.get(ref)
        if not record.phase.over:
            raise OptionError(f"build {ref} still runs", hint="Cancel it first.")
        del self._records[ref]
        shutil.rmtree(self.directory(ref), ignore_errors=True)
        self._tell(Change.DELETED, record)

    def trim(self) -> None:
        """Remove the oldest builds beyond the bounds; blocking."""
        now = time.time_ns()
        kept, size = 0, 0
        for record in reversed(tuple(self._records.values())):
            if record.pinned or not record.phase.over:
                continue
            kept += 1
            size += _size(self.directory(record.ref))
            old = now - record.created > self._bounds.seconds * 1e9
            if old or kept > self._bounds.builds or (kept > 1 and size > self._bounds.size):
                self.delete(record.ref)

    def _tell(self, change: Change, record: BuildRecord) -> None:
        for queue in self._listeners:
            queue.put_nowait((change, record))

    @contextmanager
    def listening(self) -> Iterator[asyncio.Queue[tuple[Change, BuildRecord]]]:
        """Changes from now on, as they come."""
        queue: asyncio.Queue[tuple[Change, BuildRecord]] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)


def _size(directory: Path) -> int:
    try:
        return sum(entry.stat().st_size for entry in directory.iterdir())
    except OSError:
        return 0
