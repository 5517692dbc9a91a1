"""openat2(2): open paths that may not leave a directory, whatever symbolic links say.

``RESOLVE_IN_ROOT`` makes the kernel treat the directory as ``/`` for absolute links and stop
``..`` there, atomically against others who rename things meanwhile. Linux 5.6.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from core.linux.libc import syscall

_OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_IN_ROOT = 0x10
# As the kernel counts (MAXSYMLINKS).
_MAX_LINKS = 40
_HOW = struct.Struct("=QQQ")

O_PATH = getattr(os, "O_PATH", 0)


def open_in_root(root: int, path: bytes, flags: int, mode: int = 0) -> int:
    """A descriptor for ``path`` as seen by a process whose root is ``root``; close-on-exec."""
    how = _HOW.pack(flags | os.O_CLOEXEC, mode, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    return syscall(
        os.fsdecode(path) or "/",
        _OPENAT2, root, path or b".", ctypes.create_string_buffer(how, _HOW.size), _HOW.size,
    )  # fmt: skip


@contextmanager
def opened_in_root(root: int, path: bytes, flags: int, mode: int = 0) -> Iterator[int]:
    fd = open_in_root(root, path, flags, mode)
    try:
        yield fd
    finally:
        os.close(fd)


def make_directories(root: int, path: bytes, mode: int = 0o755) -> tuple[int, list[bytes]]:
    """Open directory ``path`` inside ``root``, creating what is missing (``O_PATH`` descriptor).

    Symbolic links on the way are followed inside the root. Returns the descriptor and the paths
    that were created, outermost first.
    """
    try:
        return open_in_root(root, path, O_PATH | os.O_DIRECTORY), []
    except FileNotFoundError:
        pass
    created: list[bytes] = []
    walked = b""
    current = os.dup(root)
    try:
        for part in path.split(b"/"):
            if part in (b"", b"."):
                continue
            walked = walked + b"/" + part if walked else part
            try:
                following = open_in_root(root, walked, O_PATH | os.O_DIRECTORY)
            except FileNotFoundError:
                os.mkdir(part, mode, dir_fd=current)
                created.append(walked)
                following = open_in_root(root, walked, O_PATH | os.O_DIRECTORY)
            os.close(current)
            current = following
    except BaseException:
        os.close(current)
        raise
    return current, created


def resolve_in_root(root: int, path: bytes) -> bytes:
    """``path`` without symbolic links and dots, relative to ``root`` ("" for the root itself).

    Links, dangling ones too, are followed as if ``root`` were ``/``; the part that does not exist
    is kept as it is. For trees that nobody else changes meanwhile.
    """
    todo = path.split(b"/")[::-1]
    done: list[bytes] = []
    links = 0
    while todo:
        part = todo.pop()
        if part in (b"", b"."):
            continue
        if part == b"..":
            del done[-1:]
            continue
        done.append(part)
        try:
            fd = open_in_root(root, b"/".join(done), O_PATH | os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError):
            continue
        try:
            if stat.S_ISLNK(os.fstat(fd).st_mode):
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fsdecode(path))
                target = os.readlink(b"", dir_fd=fd)
                done = [] if target.startswith(b"/") else done[:-1]
                todo += target.split(b"/")[::-1]
        finally:
            os.close(fd)
    return b"/".join(done)
