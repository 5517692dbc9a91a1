"""Blobs on disk, named by their digest.

Layout below the store's root::

    blobs/sha256/<hex>      whole, verified blobs; never changed once there
    ingest/<key>.part       what a writer has so far; <key> is the SHA-256 of the writer's ref
    ingest/<random>.tmp     the same for a writer without a ref: dropped at the next start

A blob appears by rename, so a process that is killed leaves either the blob or a partial file that
the next writer of the same ref goes on with. Every method may be called from any thread; one
process owns a store.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Final

from core.content.files import storage_errors, sync_directory
from core.content.writer import ContentWriter
from core.errors import NotFoundError, StorageError
from core.oci.digest import Digest

_STALE_SECONDS: Final = 7 * 24 * 3600
_GRACE_SECONDS: Final = 300.0
_SMALL: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobInfo:
    """A blob's digest, size in bytes and time of last use (seconds since the epoch)."""

    digest: Digest
    size: int
    used: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What a garbage collection removed."""

    blobs: int
    size: int


class Lease:
    """Keeps blobs from being collected while somebody works on what will refer to them."""

    def __init__(self, counts: Counter[Digest], lock: threading.Lock) -> None:
        self._counts = counts
        self._lock = lock
        self._held: set[Digest] = set()

    def add(self, *digests: Digest) -> None:
        with self._lock:
            for digest in digests:
                if digest not in self._held:
                    self._held.add(digest)
                    self._counts[digest] += 1

    def release(self) -> None:
        with self._lock:
            self._counts.subtract(self._held)
            self._held.clear()


class ContentStore:
    """Blobs below ``root``. Creating one makes the folders and nothing else."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._blobs = root / "blobs" / "sha256"
        self._ingest = root / "ingest"
        self._lock = threading.Lock()
        self._leases: Counter[Digest] = Counter()
        self._unsynced: set[Digest] = set()
        with storage_errors("the blob store cannot be made"):
            self._blobs.mkdir(parents=True, exist_ok=True)
            self._ingest.mkdir(parents=True, exist_ok=True)

    def path(self, digest: Digest) -> Path:
        """Where the blob is, or would be. NotFoundError for an algorithm that is not kept."""
        if digest.algorithm != "sha256":
            raise NotFoundError(f"blobs with {digest.algorithm} digests are not supported")
        return self._blobs / digest.hex

    def has(self, digest: Digest, size: int | None = None) -> bool:
        """Whether the blob is there; a blob of another size than asked for counts as absent."""
        try:
            found = self.path(digest).stat().st_size
        except FileNotFoundError:
            return False
        return size is None or found == size

    def size(self, digest: Digest) -> int:
        """Bytes; NotFoundError when absent."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            raise _absent(digest) from None

    def open(self, digest: Digest) -> BufferedReader:
        """The blob for reading, not verified again; NotFoundError when absent."""
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError:
            raise _absent(digest) from None

    def read(self, digest: Digest) -> bytes:
        """The whole blob, verified: for manifests and configs. StorageError when damaged."""
        with self.open(digest) as file:
            data = file.read()
        if Digest.of(data) != digest:
            raise _damaged(digest)
        return data

    def verify(self, digest: Digest) -> None:
        """Read the blob through; StorageError when its bytes are not what its name says."""
        with self.open(digest) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != digest.hex:
            raise _damaged(digest)

    def put(self, data: bytes) -> Digest:
        """Store bytes that are at hand; idempotent, durable on return."""
        digest = Digest.of(data)
        if self.has(digest, len(data)):
            self.touch(digest)
            return digest
        with self.writer(None, expected=digest, total=len(data)) as writer:
            writer.write(data)
            return writer.commit()

    def writer(
        self, ref: str | None, expected: Digest | None = None, total: int | None = None
    ) -> ContentWriter:
        """A context manager that takes bytes and, at ``commit()``, makes them a blob.

        With a ``ref`` the bytes of a writer that was left without commit are kept, and the next
        writer of that ref starts at their end (``writer.offset``). ``expected`` and ``total`` are
        checked at commit. Two writers of one ref at a time do not disturb each other: the second
        one starts from nothing.
        """
        with storage_errors("a blob cannot be written"):
            if ref is not None:
                key = hashlib.sha256(ref.encode()).hexdigest()
                file = open(self._ingest / f"{key}.part", "a+b", buffering=0)  # noqa: SIM115
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    file.close()
                else:
                    if _still_named(file):
                        return ContentWriter(self, file, expected, total, keep=True)
                    file.close()
            path = self._ingest / f"{secrets.token_hex(12)}.tmp"
            return ContentWriter(self, open(path, "x+b", buffering=0), expected, total, keep=False)

    def adopt(self, path: Path, digest: Digest, *, fd: int) -> None:
        """Make a complete ingest file the blob ``digest``; called by the writer alone."""
        target = self.path(digest)
        small = os.fstat(fd).st_size <= _SMALL
        if small:
            os.fsync(fd)
        os.chmod(fd, 0o444)
        os.rename(path, target)
        if small:
            sync_directory(self._blobs)
        else:
            with self._lock:
                self._unsynced.add(digest)

    def flush(self, digests: Iterable[Digest] | None = None) -> None:
        """Make blobs survive a power failure; before a name or a record points at them.

        Small blobs are durable when their writer commits. Big ones only after this, so that a
        layer that is pushed and never named costs no wait for the disk.
        """
        with self._lock:
            wanted = set(self._unsynced) if digests is None else self._unsynced & set(digests)
        if not wanted:
            return
        with storage_errors("a blob cannot be written to disk"):
            for digest in sorted(wanted):
                try:
                    with self.path(digest).open("rb") as file:
                        os.fsync(file.fileno())
                except FileNotFoundError:
                    continue
            sync_directory(self._blobs)
        with self._lock:
            self._unsynced -= wanted

    def touch(self, digest: Digest) -> None:
        """Note a use, which keeps the blob from a collection that runs at the same time."""
        try:
            os.utime(self.path(digest))
        except FileNotFoundError:
            raise _absent(digest) from None

    def delete(self, digest: Digest) -> None:
        """Remove the blob if it is there."""
        self.path(digest).unlink(missing_ok=True)
        with self._lock:
            self._unsynced.discard(digest)

    def walk(self) -> Iterator[BlobInfo]:
        """Every blob, in no order."""
        with os.scandir(self._blobs) as entries:
            for entry in entries:
                try:
                    status = entry.stat()
                except FileNotFoundError:
                    continue
                yield BlobInfo(
                    digest=Digest.sha256(entry.name), size=status.st_size, used=status.st_mtime
                )

    @contextmanager
    def lease(self, *digests: Digest) -> Iterator[Lease]:
        """While this lasts, what was added to the lease is not collected."""
        lease = Lease(self._leases, self._lock)
        lease.add(*digests)
        try:
            yield lease
        finally:
            lease.release()

    def collect(self, keep: Iterable[Digest], *, grace: float = _GRACE_SECONDS) -> Collected:
        """Remove blobs that are not in ``keep``, not leased and unused for ``grace`` seconds.

        ``keep`` must be closed: ``core.content.reachable`` names what manifests point at.
        """
        kept = set(keep)
        before = time.time() - grace
        blobs = size = 0
        for blob in self.walk():
            if blob.digest in kept or blob.used > before:
                continue
            with self._lock:
                leased = self._leases[blob.digest] > 0
            if not leased:
                self.delete(blob.digest)
                blobs, size = blobs + 1, size + blob.size
        return Collected(blobs=blobs, size=size)

    def recover(self) -> None:
        """At start: drop what nobody will go on with; resumable parts stay for a week."""
        before = time.time() - _STALE_SECONDS
        for path in self._ingest.iterdir():
            if path.suffix != ".part" or path.stat().st_mtime < before:
                path.unlink(missing_ok=True)


def _still_named(file: FileIO) -> bool:
    """Whether the locked file was not renamed away between open and lock."""
    return (
        os.fstat(file.fileno()).st_nlink > 0
        and os.path.exists(file.name)
        and (os.stat(file.name).st_ino == os.fstat(file.fileno()).st_ino)
    )


def _absent(digest: Digest) -> NotFoundError:
    return NotFoundError(f"the blob {digest} is not in the store", phrase="not found")


def _damaged(digest: Digest) -> StorageError:
    return StorageError(
        f"the stored blob {digest} is damaged",
        hint="Remove it by pruning the cache, or check the disk; it will be made or pulled again.",
    )
