"""Entries of a directory tree as the DiffCopy protocol states them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from core.wire.pb import fsutil_pb2

# Go's io/fs.FileMode bits.
_DIR, _LINK, _DEVICE, _PIPE, _SOCKET = 1 << 31, 1 << 27, 1 << 26, 1 << 25, 1 << 24
_SETUID, _SETGID, _CHAR, _STICKY = 1 << 23, 1 << 22, 1 << 21, 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One stat packet and, for a regular file whose contents can be asked for, where it is."""

    stat: fsutil_pb2.Stat
    source: str = ""


def to_go_mode(mode: int) -> int:
    """A ``st_mode`` as Go writes it."""
    go = mode & 0o777
    kinds = {
        stat.S_IFDIR: _DIR,
        stat.S_IFLNK: _LINK,
        stat.S_IFIFO: _PIPE,
        stat.S_IFSOCK: _SOCKET,
        stat.S_IFCHR: _DEVICE | _CHAR,
        stat.S_IFBLK: _DEVICE,
    }
    go |= kinds.get(stat.S_IFMT(mode), 0)
    for bit, go_bit in ((stat.S_ISUID, _SETUID), (stat.S_ISGID, _SETGID), (stat.S_ISVTX, _STICKY)):
        if mode & bit:
            go |= go_bit
    return go


def from_go_mode(go: int) -> int:
    """The ``st_mode`` that Go's bits stand for."""
    mode = go & 0o777
    if go & _DIR:
        mode |= stat.S_IFDIR
    elif go & _LINK:
        mode |= stat.S_IFLNK
    elif go & _PIPE:
        mode |= stat.S_IFIFO
    elif go & _SOCKET:
        mode |= stat.S_IFSOCK
    elif go & _CHAR:
        mode |= stat.S_IFCHR
    elif go & _DEVICE:
        mode |= stat.S_IFBLK
    else:
        mode |= stat.S_IFREG
    for bit, go_bit in ((stat.S_ISUID, _SETUID), (stat.S_ISGID, _SETGID), (stat.S_ISVTX, _STICKY)):
        if go & go_bit:
            mode |= bit
    return mode


def describe(
    path: str, found: os.stat_result, source: str, linked: dict[tuple[int, int], str]
) -> Entry:
    """The entry of one file. ``linked`` remembers inodes, so that further names become links."""
    entry = fsutil_pb2.Stat(
        path=path,
        mode=to_go_mode(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
        modTime=found.st_mtime_ns,
    )
    if stat.S_ISREG(found.st_mode):
        entry.size = found.st_size
        if found.st_nlink > 1:
            first = linked.setdefault((found.st_dev, found.st_ino), path)
            if first != path:
                entry.linkname = first
                return Entry(entry)
        return Entry(entry, source)
    if stat.S_ISLNK(found.st_mode):
        entry.linkname = os.readlink(source)
    elif stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode):
        entry.devmajor = os.major(found.st_rdev)
        entry.devminor = os.minor(found.st_rdev)
    return Entry(entry)


def walk(root: str, prefix: str = "") -> Iterator[Entry]:
    """Everything below a directory, each directory sorted, as the receiver expects it."""
    linked: dict[tuple[int, int], str] = {}

    def below(directory: str, relative: str) -> Iterator[Entry]:
        with os.scandir(directory) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        for entry in entries:
            found = entry.stat(follow_symlinks=False)
            path = relative + entry.name
            yield describe(path, found, entry.path, linked)
            if stat.S_ISDIR(found.st_mode):
                yield from below(entry.path, path + "/")

    yield from below(root, prefix)
