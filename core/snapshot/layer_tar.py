"""One layer as an OCI layer tar (image-spec ``layer.md``), byte for byte reproducible.

Order is depth first, names sorted as bytes. What overlayfs copied up without changing it is left
out; what it hides becomes explicit ``.wh.`` files, never for something that was not there.
Sockets are left out, as are the attributes that overlayfs keeps for itself.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from core.errors import StorageError
from core.snapshot.tar_header import (
    BLOCK,
    BLOCK_DEVICE,
    CHARACTER,
    DIRECTORY,
    FIFO,
    HARD_LINK,
    REGULAR,
    SYMLINK,
    Entry,
    encode_header,
)

WHITEOUT_PREFIX = b".wh."
_CHUNK = 1 << 20
_SECOND = 1_000_000_000
_OVERLAY_PREFIXES = ("trusted.overlay.", "user.overlay.")
_KINDS = {
    stat.S_IFREG: REGULAR,
    stat.S_IFDIR: DIRECTORY,
    stat.S_IFLNK: SYMLINK,
    stat.S_IFCHR: CHARACTER,
    stat.S_IFBLK: BLOCK_DEVICE,
    stat.S_IFIFO: FIFO,
}


class LayerTarWriter:
    """Write layer directory ``upper``, made on top of the files at ``lower`` (None: on nothing)."""

    def __init__(
        self,
        upper: bytes,
        lower: bytes | None,
        out: Callable[[bytes | bytearray], object],
        *,
        rootless: bool,
        epoch: int | None = None,
    ) -> None:
        self._upper = upper
        self._lower = lower
        self._out = out
        self._opaque = f"{'user' if rootless else 'trusted'}.overlay.opaque"
        self._epoch = None if epoch is None else epoch * _SECOND
        self._buffer = bytearray()
        self._first_names: dict[int, bytes] = {}

    def write(self) -> None:
        self._directory(b"", self._lower and self._lower + b"/", [], hides=False)
        self._buffer += bytes(2 * BLOCK)
        self._flush()

    def _directory(
        self, name: bytes, lower: bytes | None, pending: list[bytes], *, hides: bool
    ) -> None:
        """Write what is in directory ``name`` ("" or ending in a slash).

        ``lower`` is the path of the directory that was there before, None when there was none (a
        link to a directory is none). ``hides`` says that nothing of it shows through. ``pending``
        are headers of unchanged parents, due before the first thing inside.
        """
        with os.scandir(self._upper + b"/" + name) as scan:
            found = {entry.name: entry.stat(follow_symlinks=False) for entry in scan}
        # By the name in the tar: what is gone sorts as its whiteout.
        members: dict[bytes, bytes] = {}
        for child, status in found.items():
            gone = stat.S_ISCHR(status.st_mode) and status.st_rdev == 0
            if not gone:
                members[child] = child
            elif lower is not None and os.path.lexists(lower + child):
                members[WHITEOUT_PREFIX + child] = child
        if hides and lower is not None:
            for child in os.listdir(lower):
                if child not in found:
                    members[WHITEOUT_PREFIX + child] = child
        for member in sorted(members):
            child = members[member]
            if member != child:
                entry = Entry(name=name + member, kind=REGULAR, mode=0)
                self._put(pending, encode_header(entry))
                continue
            status = found[child]
            below = None if lower is None else lower + child
            if stat.S_ISDIR(status.st_mode):
                self._subdirectory(name + child + b"/", below, status, pending, hides=hides)
            elif not stat.S_ISSOCK(status.st_mode):
                self._leaf(name + child, None if hides else below, status, pending)

    def _subdirectory(
        self,
        name: bytes,
        below: bytes | None,
        status: os.stat_result,
        pending: list[bytes],
        *,
        hides: bool,
    ) -> None:
        path = self._upper + b"/" + name
        attributes = os.listxattr(path)
        hides = hides or self._opaque in attributes
        xattrs = _read_xattrs(path, attributes)
        header = bytes(encode_header(self._entry(name, status, xattrs=xattrs)))
        lower = below + b"/" if below is not None and _is_directory(below) else None
        if hides or lower is None or not _unchanged(lower, path, status, xattrs):
            self._put(pending, header)
            self._directory(name, lower, [], hides=hides)
            return
        inner = [*pending, header]
        self._directory(name, lower, inner, hides=False)
        if not inner:
            pending.clear()

    def _leaf(
        self, name: bytes, below: bytes | None, status: os.stat_result, pending: list[bytes]
    ) -> None:
        path = self._upper + b"/" + name
        attributes = os.listxattr(path, follow_symlinks=False)
        xattrs = _read_xattrs(path, attributes) if attributes else {}
        if below is not None and _unchanged(below, path, status, xattrs):
            return
        if status.st_nlink > 1:
            first = self._first_names.setdefault(status.st_ino, name)
            if first != name:
                entry = self._entry(name, status, xattrs={})
                entry.kind, entry.size, entry.link = HARD_LINK, 0, first
                self._put(pending, encode_header(entry))
                return
        entry = self._entry(name, status, xattrs=xattrs)
        if entry.kind == SYMLINK:
            entry.link = os.readlink(path)
        elif entry.kind in (CHARACTER, BLOCK_DEVICE):
            entry.major, entry.minor = os.major(status.st_rdev), os.minor(status.st_rdev)
        self._put(pending, encode_header(entry))
        if entry.kind == REGULAR and entry.size:
            self._data(path, entry.size)

    def _entry(self, name: bytes, status: os.stat_result, *, xattrs: dict[bytes, bytes]) -> Entry:
        mtime = status.st_mtime_ns
        if self._epoch is not None and mtime > self._epoch:
            mtime = self._epoch
        kind = _KINDS[stat.S_IFMT(status.st_mode)]
        return Entry(
            name=name,
            kind=kind,
            mode=status.st_mode & 0o7777,
            uid=status.st_uid,
            gid=status.st_gid,
            size=status.st_size if kind == REGULAR else 0,
            mtime=mtime,
            xattrs=xattrs,
        )

    def _put(self, pending: list[bytes], header: bytes | bytearray) -> None:
        if pending:
            self._buffer += b"".join(pending)
            pending.clear()
        self._buffer += header
        if len(self._buffer) >= _CHUNK:
            self._flush()

    def _data(self, path: bytes, size: int) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            left = size
            while left:
                piece = os.read(fd, min(left, _CHUNK))
                if not piece:
                    raise StorageError(
                        f"{os.fsdecode(path)} of a finished layer became shorter while it was read."
                    )
                left -= len(piece)
                self._buffer += piece
                if len(self._buffer) >= _CHUNK:
                    self._flush()
        finally:
            os.close(fd)
        self._buffer += bytes(-size % BLOCK)

    def _flush(self) -> None:
        if self._buffer:
            self._out(self._buffer)
            self._buffer = bytearray()


def _is_directory(path: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _unchanged(
    below: bytes, path: bytes, status: os.stat_result, xattrs: dict[bytes, bytes]
) -> bool:
    """Whether ``path``, with ``status`` and ``xattrs``, is what ``below`` already was."""
    below = below.rstrip(b"/")
    try:
        before = os.lstat(below)
    except FileNotFoundError:
        return False
    if (
        before.st_mode != status.st_mode
        or before.st_uid != status.st_uid
        or before.st_gid != status.st_gid
        or before.st_mtime_ns != status.st_mtime_ns
        or before.st_rdev != status.st_rdev
        or _read_xattrs(below, os.listxattr(below, follow_symlinks=False)) != xattrs
    ):
        return False
    if stat.S_ISDIR(status.st_mode):
        return True
    if before.st_size != status.st_size:
        return False
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(below) == os.readlink(path)
    # Times that were unpacked from a tar have no nanoseconds and so prove little.
    if stat.S_ISREG(status.st_mode) and status.st_mtime_ns % _SECOND == 0:
        return _same_content(below, path)
    return True


def _read_xattrs(path: bytes, names: list[str]) -> dict[bytes, bytes]:
    found = {}
    for name in names:
        if name.startswith(_OVERLAY_PREFIXES) or name == "security.selinux":
            continue
        try:
            found[os.fsencode(name)] = os.getxattr(path, name, follow_symlinks=False)
        except OSError:
            # Listed but not readable here, as a security module's own attribute.
            continue
    return found


def _same_content(one: bytes, other: bytes) -> bool:
    with open(one, "rb", buffering=0) as first, open(other, "rb", buffering=0) as second:
        while True:
            piece = first.read(_CHUNK)
            if piece != second.read(_CHUNK):
                return False
            if not piece:
                return True
