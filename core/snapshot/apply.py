"""Unpack a layer tar into a directory in overlayfs format.

``.wh.NAME`` becomes a character device 0:0, ``.wh..wh..opq`` an opaque directory (image-spec
``layer.md``, overlayfs.rst). What the tar takes for granted from the layers below - parent
directories that it does not list, files it links to - is copied up from there.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import TracebackType

from core.linux.rooted import O_PATH, open_in_root
from core.snapshot.extract import Extractor, clean_name
from core.snapshot.layer_tar import WHITEOUT_PREFIX
from core.snapshot.tar_header import DIRECTORY, HARD_LINK, Entry
from core.snapshot.tar_reader import Readable, TarReader

_OPAQUE_MARK = b".wh..wh..opq"
_AUFS_PREFIX = b".wh..wh."


class LayerApplier:
    """Fill ``upper``, a new layer's directory; ``lower`` shows the files it goes on, if any."""

    def __init__(self, upper: Path, lower: Path | None, *, rootless: bool) -> None:
        self._opaque = f"{'user' if rootless else 'trusted'}.overlay.opaque"
        self._lower: int | None = None
        self._to = Extractor(
            upper, rootless=rootless, on_parent=None if lower is None else self._copy_up_directory
        )
        if lower is not None:
            self._lower = os.open(lower, O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> LayerApplier:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._to.__exit__(kind, error, traceback)
        if self._lower is not None:
            os.close(self._lower)

    def apply(self, source: Readable) -> None:
        """Unpack everything and read ``source`` to its end."""
        reader = TarReader(source)
        for entry in reader.entries():
            name = clean_name(entry.name)
            parent, _, base = name.rpartition(b"/")
            if base.startswith(WHITEOUT_PREFIX):
                self._hide(parent, base)
                continue
            if entry.kind == DIRECTORY and self._is_whiteout(parent, base):
                # Removed and made anew by one layer: nothing below may show through.
                self._to.put(entry, ())
                self._make_opaque(name)
                continue
            if entry.kind == HARD_LINK and self._lower is not None:
                self._copy_up_file(clean_name(entry.link))
            self._to.put(entry, reader.data())
        self._to.finish()
        reader.drain()

    def _hide(self, parent: bytes, base: bytes) -> None:
        if base == _OPAQUE_MARK:
            if self._below(parent) is not None:
                self._to.parent(parent)
                self._make_opaque(parent)
            return
        gone = base.removeprefix(WHITEOUT_PREFIX)
        if base.startswith(_AUFS_PREFIX) or not gone or gone in (b".", b".."):
            return
        path = parent + b"/" + gone if parent else gone
        if self._below(path) is None:
            return
        directory = self._to.parent(parent)
        try:
            status = os.stat(gone, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            os.mknod(gone, stat.S_IFCHR, 0, dir_fd=directory)
            return
        # A whiteout speaks of the layers below; what this layer itself has there stays.
        if stat.S_ISDIR(status.st_mode):
            self._make_opaque(path)

    def _is_whiteout(self, parent: bytes, base: bytes) -> bool:
        if self._lower is None:
            return False
        try:
            fd = open_in_root(self._to.root, parent, O_PATH | os.O_DIRECTORY)
        except OSError:
            return False
        try:
            status = os.stat(base, dir_fd=fd, follow_symlinks=False)
        except (FileNotFoundError, ValueError):
            return False
        finally:
            os.close(fd)
        return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0

    def _make_opaque(self, name: bytes) -> None:
        fd = open_in_root(self._to.root, name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.setxattr(fd, self._opaque, b"y")
        finally:
            os.close(fd)

    def _below(self, name: bytes) -> os.stat_result | None:
        """What the layers below have at ``name`` (a link itself, not its target)."""
        if self._lower is None:
            return None
        try:
            fd = open_in_root(self._lower, name, O_PATH | os.O_NOFOLLOW)
        except OSError:
            return None
        try:
            return os.fstat(fd)
        finally:
            os.close(fd)

    def _copy_up_directory(self, name: bytes) -> None:
        below = self._below(name)
        if self._lower is None or below is None or not stat.S_ISDIR(below.st_mode):
            return
        target = open_in_root(self._to.root, name, os.O_RDONLY | os.O_DIRECTORY)
        source = open_in_root(self._lower, name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fchown(target, below.st_uid, below.st_gid)
            os.fchmod(target, stat.S_IMODE(below.st_mode))
            _copy_xattrs(source, target)
        finally:
            os.close(source)
            os.close(target)
        self._to.set_time_at_finish(name, below.st_mtime_ns)

    def _copy_up_file(self, name: bytes) -> None:
        """Bring the target of a hard link into this layer when only the layers below have it."""
        below = self._below(name)
        if self._lower is None or below is None or not stat.S_ISREG(below.st_mode):
            return
        parent, _, base = name.rpartition(b"/")
        directory = self._to.parent(parent)
        try:
            os.stat(base, dir_fd=directory, follow_symlinks=False)
            return
        except FileNotFoundError:
            pass
        source = open_in_root(self._lower, name, os.O_RDONLY)
        entry = Entry(
            name=name,
            kind=ord("0"),
            mode=stat.S_IMODE(below.st_mode),
            uid=below.st_uid,
            gid=below.st_gid,
            mtime=below.st_mtime_ns,
            xattrs={os.fsencode(key): os.getxattr(source, key) for key in os.listxattr(source)},
        )
        with open(source, "rb", buffering=0) as file:
            self._to.put(entry, iter(lambda: file.read(1 << 20), b""))


def _copy_xattrs(source: int, target: int) -> None:
    for key in os.listxattr(source):
        if ".overlay." not in key and key != "security.selinux":
            try:
                os.setxattr(target, key, os.getxattr(source, key))
            except OSError:
                continue
