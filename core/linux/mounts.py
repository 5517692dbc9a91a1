"""mount(2), umount2(2), and the file-descriptor mount calls of Linux 5.2 and later.

The numbers are those of the kernel's unified system call table (equal on every architecture since
number 424) and of ``include/uapi/linux/mount.h``.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.linux.libc import check, libc, syscall

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_SLAVE = 1 << 19

MNT_DETACH = 2
UMOUNT_NOFOLLOW = 8

_FSOPEN, _FSCONFIG, _FSMOUNT, _MOVE_MOUNT = 430, 431, 432, 429
_FSCONFIG_SET_FLAG, _FSCONFIG_SET_STRING, _FSCONFIG_CMD_CREATE = 0, 1, 6
_FSOPEN_CLOEXEC = _FSMOUNT_CLOEXEC = 1
_MOVE_MOUNT_F_EMPTY_PATH = 4
_MOUNT_ATTR_RDONLY = 1
_AT_FDCWD = -100

PathLike = str | os.PathLike[str]


def mount(
    source: PathLike | None,
    target: PathLike,
    kind: str | None = None,
    flags: int = 0,
    data: str = "",
) -> None:
    """mount(2)."""
    check(
        libc().mount(
            None if source is None else os.fsencode(source),
            os.fsencode(target),
            None if kind is None else kind.encode(),
            ctypes.c_ulong(flags),
            data.encode() or None,
        ),
        f"mount {kind or 'bind'} on {os.fspath(target)}",
    )


def unmount(target: PathLike, *, lazily: bool = False) -> None:
    """umount2(2) that never follows a symbolic link in the last component."""
    flags = UMOUNT_NOFOLLOW | (MNT_DETACH if lazily else 0)
    check(libc().umount2(os.fsencode(target), flags), f"unmount {os.fspath(target)}")


class FilesystemContext:
    """One fsopen(2) context: set options, then mount it somewhere."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._fd = syscall("fsopen", _FSOPEN, kind.encode(), _FSOPEN_CLOEXEC)

    def set_string(self, key: str, value: str) -> None:
        syscall(
            f"{self._kind} {key}",
            _FSCONFIG, self._fd, _FSCONFIG_SET_STRING, key.encode(), os.fsencode(value), 0,
        )  # fmt: skip

    def set_flag(self, key: str) -> None:
        syscall(
            f"{self._kind} {key}", _FSCONFIG, self._fd, _FSCONFIG_SET_FLAG, key.encode(), None, 0
        )

    def mount_on(self, target: PathLike, *, read_only: bool = False) -> None:
        """Create the superblock and attach it; the kernel's own complaint joins the error."""
        try:
            syscall("create", _FSCONFIG, self._fd, _FSCONFIG_CMD_CREATE, None, None, 0)
        except OSError as error:
            raise OSError(
                error.errno, f"{os.strerror(error.errno or 0)} ({self._kind}: {self._log()})"
            ) from error
        attributes = _MOUNT_ATTR_RDONLY if read_only else 0
        fd = syscall("fsmount", _FSMOUNT, self._fd, _FSMOUNT_CLOEXEC, attributes)
        try:
            syscall(
                f"attach {self._kind} to {os.fspath(target)}",
                _MOVE_MOUNT, fd, b"", _AT_FDCWD, os.fsencode(target), _MOVE_MOUNT_F_EMPTY_PATH,
            )  # fmt: skip
        finally:
            os.close(fd)

    def close(self) -> None:
        os.close(self._fd)

    def _log(self) -> str:
        messages = []
        while True:
            try:
                messages.append(os.read(self._fd, 1024).decode(errors="replace").strip())
            except OSError:
                return "; ".join(messages) or "the kernel gave no reason"


@contextmanager
def filesystem_context(kind: str) -> Iterator[FilesystemContext]:
    context = FilesystemContext(kind)
    try:
        yield context
    finally:
        context.close()


def mount_points_below(directory: PathLike) -> list[Path]:
    """Mount points at or below ``directory`` in this mount namespace, innermost first."""
    prefix = os.path.realpath(directory).rstrip("/")
    found = []
    # mountinfo, field 5, escapes blanks as octal: proc_pid_mountinfo(5).
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            point = _unescape(line.split(" ")[4])
            if point == prefix or point.startswith(prefix + "/"):
                found.append(Path(point))
    return found[::-1]


def _unescape(field: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field
