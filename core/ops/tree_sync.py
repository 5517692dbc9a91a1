"""Copying trees whole: with owners, modes, times, links and extended attributes."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path

from core.ops.local_tree import LocalTree, changed, signature_of
from core.snapshot.ids import LayerId
from core.snapshot.store import SnapshotStore

_OVERLAY = ("trusted.overlay.", "user.overlay.")
_PIECE = 1 << 20


def make_equal(target: Path, source: Path) -> None:
    """Make the tree at ``target`` what the tree at ``source`` is, touching only what differs."""
    _Sync(target, source).directory("")


class LocalCopier:
    """Copies directories of this machine into layers of their own, owned by 0 and 0."""

    def __init__(self, snapshots: SnapshotStore) -> None:
        self._snapshots = snapshots

    def copy(self, tree: LocalTree) -> LayerId:
        """A new layer with the entries of ``tree``. StorageError when one changed meanwhile."""
        with self._snapshots.create(()) as made:
            first: dict[int, Path] = {}
            for path, entry in tree.entries.items():
                source, target = tree.root / path, made.path / path
                if entry.is_directory:
                    target.mkdir(exist_ok=True)
                elif stat.S_ISLNK(entry.mode):
                    target.symlink_to(entry.link)
                elif entry.links > 1 and (known := first.get(entry.signature[3])) is not None:
                    os.link(known, target)
                    continue
                elif entry.is_file:
                    _copy_bytes(source, target)
                    if signature_of(os.lstat(source)) != entry.signature:
                        raise changed(path)
                    first[entry.signature[3]] = target
                else:
                    # A socket or pipe of the context counts as an empty file.
                    target.touch()
                if not stat.S_ISLNK(entry.mode):
                    os.chmod(target, stat.S_IMODE(entry.mode))
            for path, entry in reversed(list(tree.entries.items())):
                times = (entry.mtime_ns, entry.mtime_ns)
                os.utime(made.path / path, ns=times, follow_symlinks=False)
            return made.commit()


class _Sync:
    def __init__(self, target: Path, source: Path) -> None:
        self._target = target
        self._source = source
        self._links: dict[tuple[int, int], str] = {}

    def directory(self, relative: str) -> None:
        wanted = {entry.name: entry for entry in os.scandir(self._source / relative)}
        for entry in list(os.scandir(self._target / relative)):
            if entry.name not in wanted:
                _remove(Path(entry.path))
        for name in sorted(wanted):
            self._one(f"{relative}/{name}" if relative else name)
        status = os.lstat(self._source / relative)
        self._attributes(self._source / relative, self._target / relative, status)

    def _one(self, path: str) -> None:
        source, target = self._source / path, self._target / path
        status = os.lstat(source)
        known = self._links.get((status.st_dev, status.st_ino))
        if _same(source, target, status) and known is None:
            if not stat.S_ISDIR(status.st_mode) and status.st_nlink > 1:
                self._links[(status.st_dev, status.st_ino)] = path
            if stat.S_ISDIR(status.st_mode):
                self.directory(path)
            return
        if stat.S_ISDIR(status.st_mode):
            if not _is_directory(target):
                _remove(target)
                target.mkdir()
            self.directory(path)
            return
        _remove(target)
        if known is not None:
            os.link(self._target / known, target, follow_symlinks=False)
            return
        if stat.S_ISLNK(status.st_mode):
            target.symlink_to(os.readlink(source))
        elif stat.S_ISREG(status.st_mode):
            _copy_bytes(source, target)
        else:
            os.mknod(target, status.st_mode, status.st_rdev)
        if status.st_nlink > 1:
            self._links[(status.st_dev, status.st_ino)] = path
        self._attributes(source, target, status)

    def _attributes(self, source: Path, target: Path, status: os.stat_result) -> None:
        os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
        if not stat.S_ISLNK(status.st_mode):
            os.chmod(target, stat.S_IMODE(status.st_mode))
        for name, value in _xattrs(source).items():
            os.setxattr(target, name, value, follow_symlinks=False)
        times = (status.st_atime_ns, status.st_mtime_ns)
        os.utime(target, ns=times, follow_symlinks=False)


def _same(source: Path, target: Path, status: os.stat_result) -> bool:
    try:
        other = os.lstat(target)
    except FileNotFoundError:
        return False
    if (status.st_mode, status.st_uid, status.st_gid, status.st_rdev) != (
        other.st_mode,
        other.st_uid,
        other.st_gid,
        other.st_rdev,
    ):
        return False
    if stat.S_ISDIR(status.st_mode):
        return True
    if (status.st_size, status.st_mtime_ns) != (other.st_size, other.st_mtime_ns):
        return False
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(source) == os.readlink(target)
    return _xattrs(source) == _xattrs(target)


def _copy_bytes(source: Path, target: Path) -> None:
    reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            left = os.fstat(reading).st_size
            try:
                while left > 0:
                    copied = os.copy_file_range(reading, writing, left)
                    if not copied:
                        break
                    left -= copied
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                    raise
                while data := os.read(reading, _PIECE):
                    os.write(writing, data)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _xattrs(path: Path) -> dict[str, bytes]:
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return {}
    return {
        name: os.getxattr(path, name, follow_symlinks=False)
        for name in names
        if not name.startswith(_OVERLAY) and not name.startswith("security.selinux")
    }


def _is_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    if _is_directory(path):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
