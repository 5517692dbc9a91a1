"""Files that are either whole or not there, also after a crash."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import StorageError


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turn what a disk can refuse into a StorageError that begins with ``what``."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageError(
                f"{what}: the disk is full",
                hint="Free some space or prune the build cache, then try again.",
                temporary=True,
                phrase="no space left on device",
            ) from error
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.EMFILE}:
            reason = os.strerror(error.errno).lower()
            raise StorageError(
                f"{what}: {reason}: {error.filename or ''}".rstrip(": "),
                hint="Check the folder's owner and the state of the disk.",
            ) from error
        raise


def sync_directory(path: Path) -> None:
    """Make renames and removals in ``path`` survive a power failure."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace ``path`` by ``data``: a reader, or a crash, sees the old or the new bytes."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
