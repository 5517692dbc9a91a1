"""Mount points that exist only while a container runs.

A mount needs something to be mounted on. What the image lacks is made beforehand and removed
afterwards if the step left it empty, and directories around it keep the times they had: neither
must show in the layer.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from core.linux.rooted import O_PATH, open_in_root, resolve_in_root

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class MountPoints:
    """Mount points below the open directory ``root``."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._made: list[bytes] = []
        self._covered: list[bytes] = []

    def provide(self, target: str, *, directory: bool) -> str:
        """Make sure that something can be mounted at ``target``; the path without links.

        Below an earlier target nothing is made: that place is in the mount, not in the image.
        """
        path = resolve_in_root(self._root, os.fsencode(target))
        if not any(path.startswith(above + b"/") for above in self._covered):
            self._make(path, directory=directory)
        self._covered.append(path)
        return "/" + os.fsdecode(path)

    def make_working_directory(self, path: str, uid: int, gid: int) -> None:
        """Make ``path`` and its missing parents for good, owned by the user of the step."""
        resolved = resolve_in_root(self._root, os.fsencode(path))
        if any((resolved + b"/").startswith(above + b"/") for above in self._covered):
            return
        for part in self._missing(resolved):
            with self._parent(part) as (parent, base):
                os.mkdir(base, 0o755, dir_fd=parent)
                os.chmod(base, 0o755, dir_fd=parent)
                os.chown(base, uid, gid, dir_fd=parent, follow_symlinks=False)

    def remove(self) -> None:
        """Take away what was made, unless the step put something there."""
        for path in reversed(self._made):
            try:
                with self._parent(path) as (parent, base), _times_kept(parent):
                    status = os.stat(base, dir_fd=parent, follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        os.rmdir(base, dir_fd=parent)
                    elif status.st_size == 0:
                        os.unlink(base, dir_fd=parent)
            except OSError:
                # Not empty, replaced or gone: the step's own doing.
                continue
        self._made.clear()

    def _make(self, path: bytes, *, directory: bool) -> None:
        missing = self._missing(path)
        for part in missing:
            with self._parent(part) as (parent, base), _times_kept(parent):
                if part == path and not directory:
                    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
                    os.close(os.open(base, flags, 0o644, dir_fd=parent))
                else:
                    os.mkdir(base, 0o755, dir_fd=parent)
            self._made.append(part)

    def _missing(self, path: bytes) -> list[bytes]:
        """Components of ``path`` that do not exist, outermost first."""
        missing: list[bytes] = []
        while path:
            try:
                os.close(open_in_root(self._root, path, O_PATH | os.O_NOFOLLOW))
                break
            except FileNotFoundError:
                missing.append(path)
                path = path.rpartition(b"/")[0]
        return missing[::-1]

    @contextmanager
    def _parent(self, path: bytes) -> Iterator[tuple[int, bytes]]:
        above, _, base = path.rpartition(b"/")
        fd = open_in_root(self._root, above, _DIRECTORY)
        try:
            yield fd, base
        finally:
            os.close(fd)


@contextmanager
def _times_kept(directory: int) -> Iterator[None]:
    status = os.fstat(directory)
    try:
        yield
    finally:
        os.utime(directory, ns=(status.st_atime_ns, status.st_mtime_ns))
