"""Unpack tar entries under a directory that they cannot leave.

Parent directories are opened with openat2's RESOLVE_IN_ROOT, so that links that the same tar made
a moment ago lead nowhere outside; everything else happens by name in an open directory and never
follows a link.
"""

from __future__ import annotations

import errno
import os
import posixpath
import shutil
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from core.errors import StorageError
from core.linux.rooted import O_PATH, make_directories, open_in_root
from core.snapshot.tar_header import (
    BLOCK_DEVICE,
    CHARACTER,
    DIRECTORY,
    FIFO,
    HARD_LINK,
    REGULAR,
    SYMLINK,
    Entry,
)

_OVERLAY_PREFIXES = (b"trusted.overlay.", b"user.overlay.")
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DEVICES = {CHARACTER: stat.S_IFCHR, BLOCK_DEVICE: stat.S_IFBLK, FIFO: stat.S_IFIFO}


class Extractor:
    """Put entries under ``root``, replacing what is in the way (directories are merged).

    ``on_parent`` is told of every directory that had to be made because an entry lies in it and
    none describes it. ``rootless`` skips device nodes, which only the machine's root can make.
    Times of directories are set by ``finish``. A context manager: leaving closes descriptors.
    """

    def __init__(
        self,
        root: Path,
        *,
        rootless: bool,
        on_parent: Callable[[bytes], None] | None = None,
    ) -> None:
        self.root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._rootless = rootless
        self._on_parent = on_parent
        self._parent = b""
        self._parent_fd = os.dup(self.root)
        self._times: dict[bytes, int] = {}

    def __enter__(self) -> Extractor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._parent_fd)
        os.close(self.root)

    def put(self, entry: Entry, data: Iterable[bytes]) -> None:
        """Make what ``entry`` describes; ``data`` is read for regular files."""
        name = clean_name(entry.name)
        if not name:
            if entry.kind == DIRECTORY:
                self._attributes_of_open(self.root, entry)
                self._times[b""] = entry.mtime
            return
        parent, _, base = name.rpartition(b"/")
        directory = self.parent(parent)
        if entry.kind == DIRECTORY:
            self._directory(directory, base, entry)
            self._times[name] = entry.mtime
        elif entry.kind == REGULAR:
            self._file(directory, base, entry, data)
        elif entry.kind == SYMLINK:
            self._vacate(directory, base)
            os.symlink(entry.link, base, dir_fd=directory)
            self._attributes(directory, base, entry)
        elif entry.kind == HARD_LINK:
            self._hard_link(directory, base, entry)
        elif entry.kind in _DEVICES:
            self._device(directory, base, entry)
        else:
            raise StorageError(
                f"The tar holds {os.fsdecode(name)!r}, of a type ({chr(entry.kind)!r}) that no "
                "file system has."
            )

    def finish(self) -> None:
        """Set the times of directories, which everything put into them had changed."""
        for name, mtime in self._times.items():
            try:
                fd = open_in_root(self.root, name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            except OSError:
                # Replaced by a later entry.
                continue
            try:
                os.utime(fd, ns=(mtime, mtime))
            finally:
                os.close(fd)

    def set_time_at_finish(self, name: bytes, mtime: int) -> None:
        """Give directory ``name`` this mtime (ns) in the end, unless an entry says otherwise."""
        self._times.setdefault(name, mtime)

    def parent(self, name: bytes) -> int:
        """A descriptor of directory ``name``, made if missing; valid until the next call."""
        if name != self._parent:
            directory, created = make_directories(self.root, name)
            os.close(self._parent_fd)
            self._parent, self._parent_fd = name, directory
            if self._on_parent is not None:
                for path in created:
                    self._on_parent(path)
        return self._parent_fd

    def _directory(self, directory: int, base: bytes, entry: Entry) -> None:
        try:
            os.mkdir(base, 0o700, dir_fd=directory)
        except FileExistsError:
            status = os.stat(base, dir_fd=directory, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                self._vacate(directory, base)
                os.mkdir(base, 0o700, dir_fd=directory)
        fd = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
        try:
            self._attributes_of_open(fd, entry)
        finally:
            os.close(fd)

    def _file(self, directory: int, base: bytes, entry: Entry, data: Iterable[bytes]) -> None:
        try:
            fd = os.open(base, _CREATE, 0o600, dir_fd=directory)
        except FileExistsError:
            self._vacate(directory, base)
            fd = os.open(base, _CREATE, 0o600, dir_fd=directory)
        try:
            for piece in data:
                write_all(fd, piece)
            self._attributes_of_open(fd, entry)
            os.utime(fd, ns=(entry.mtime, entry.mtime))
        finally:
            os.close(fd)

    def _hard_link(self, directory: int, base: bytes, entry: Entry) -> None:
        target = clean_name(entry.link)
        target_base = target.rpartition(b"/")[2]
        source = self.link_source(target)
        try:
            here = os.stat(target_base, dir_fd=source, follow_symlinks=False)
            try:
                there = os.stat(base, dir_fd=directory, follow_symlinks=False)
                if (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino):
                    return
                self._vacate(directory, base)
            except FileNotFoundError:
                pass
            os.link(
                target_base, base, src_dir_fd=source, dst_dir_fd=directory, follow_symlinks=False
            )
        except FileNotFoundError as error:
            raise StorageError(
                f"The tar links {os.fsdecode(entry.name)!r} to {os.fsdecode(entry.link)!r}, "
                "which is not there."
            ) from error
        finally:
            os.close(source)

    def link_source(self, target: bytes) -> int:
        """A descriptor of the directory that holds ``target``, the file to be linked to."""
        above = target.rpartition(b"/")[0]
        try:
            return open_in_root(self.root, above, O_PATH | os.O_DIRECTORY)
        except FileNotFoundError as error:
            raise StorageError(
                f"The tar links to {os.fsdecode(target)!r}, which is not there."
            ) from error

    def _device(self, directory: int, base: bytes, entry: Entry) -> None:
        kind = _DEVICES[entry.kind]
        if kind != stat.S_IFIFO and (self._rootless or (entry.major, entry.minor) == (0, 0)):
            return
        self._vacate(directory, base)
        os.mknod(base, kind | 0o600, os.makedev(entry.major, entry.minor), dir_fd=directory)
        self._attributes(directory, base, entry)

    def _vacate(self, directory: int, base: bytes) -> None:
        """Remove whatever is called ``base``."""
        try:
            status = os.stat(base, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return
        if stat.S_ISDIR(status.st_mode):
            shutil.rmtree(os.fsdecode(base), dir_fd=directory)
        else:
            os.unlink(base, dir_fd=directory)
        # The directory that is open may have been inside: open it anew next time. A name never
        # holds a NUL byte.
        self._parent = b"\0"

    def _attributes(self, directory: int, base: bytes, entry: Entry) -> None:
        """Owner, mode, attributes and time of something that must not be opened."""
        own(base, entry, directory)
        if entry.kind != SYMLINK:
            os.chmod(base, entry.mode, dir_fd=directory)
        if entry.xattrs:
            path = b"/proc/self/fd/%d/%s" % (directory, base)
            _set_xattrs(path, entry, follow=False)
        os.utime(base, ns=(entry.mtime, entry.mtime), dir_fd=directory, follow_symlinks=False)

    def _attributes_of_open(self, fd: int, entry: Entry) -> None:
        # Changing the owner clears setuid bits and file capabilities: owner, mode, attributes.
        own(fd, entry, None)
        os.fchmod(fd, entry.mode)
        if entry.xattrs:
            _set_xattrs(fd, entry, follow=True)


def clean_name(name: bytes) -> bytes:
    """``name`` relative to the root: no leading slash, no ``.`` or ``..``, "" for the root."""
    if b"\0" in name:
        raise StorageError(f"The tar holds a name with a NUL byte: {name!r}.")
    if name.startswith(b"/") or b"./" in name or b"//" in name or name.endswith((b".", b"/")):
        return posixpath.normpath(b"/" + name).lstrip(b"/")
    return name


def write_all(fd: int, piece: bytes) -> None:
    written = os.write(fd, piece)
    while written < len(piece):
        piece = piece[written:]
        written = os.write(fd, piece)


def own(target: int | bytes, entry: Entry, directory: int | None) -> None:
    """Set the owner of ``entry`` on an open file, or on a name in ``directory``."""
    try:
        if isinstance(target, int):
            os.fchown(target, entry.uid, entry.gid)
        else:
            os.chown(target, entry.uid, entry.gid, dir_fd=directory, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EPERM, errno.EOVERFLOW):
            raise
        raise StorageError(
            f"{os.fsdecode(entry.name)!r} belongs to {entry.uid}:{entry.gid}, an id that this user "
            "cannot give to files.",
            hint="Give the user more subordinate ids in /etc/subuid and /etc/subgid, "
            "or run the builder as root.",
        ) from error


def _set_xattrs(target: int | bytes, entry: Entry, *, follow: bool) -> None:
    for key, value in entry.xattrs.items():
        # What overlayfs keeps for itself must not come from a tar: it could uncover other files.
        if key.startswith(_OVERLAY_PREFIXES):
            continue
        try:
            if isinstance(target, int):
                os.setxattr(target, key, value)
            else:
                os.setxattr(target, key, value, follow_symlinks=follow)
        except OSError as error:
            # The file system has none of this kind, or only the machine's root may set it.
            if error.errno not in (errno.ENOTSUP, errno.EPERM):
                raise
