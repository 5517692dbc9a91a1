"""Files of a folder as a tar, the same bytes whenever the files are the same."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

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

_CHUNK: Final = 1 << 20
_SECOND: Final = 1_000_000_000
_KINDS: Final = {
    stat.S_IFREG: REGULAR,
    stat.S_IFDIR: DIRECTORY,
    stat.S_IFLNK: SYMLINK,
    stat.S_IFCHR: CHARACTER,
    stat.S_IFBLK: BLOCK_DEVICE,
    stat.S_IFIFO: FIFO,
}
END: Final = bytes(2 * BLOCK)


def tree_tar(root: Path, prefix: str, *, epoch: int | None) -> Iterator[bytes]:
    """Pieces of the tar of what is below ``root``, with no end mark (``END``).

    ``prefix`` is "" or a folder's name; every time is ``epoch`` seconds when given. Names are
    sorted as bytes, folders before what is in them; sockets are left out.
    """
    if prefix:
        status = os.stat(root)
        yield bytes(encode_header(_entry(os.fsencode(prefix) + b"/", status, epoch)))
    base = os.fsencode(prefix) + b"/" if prefix else b""
    yield from _directory(os.fsencode(root), base, epoch, {})


def _directory(
    folder: bytes, name: bytes, epoch: int | None, links: dict[tuple[int, int], bytes]
) -> Iterator[bytes]:
    with os.scandir(folder) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    for found in entries:
        status = found.stat(follow_symlinks=False)
        if stat.S_IFMT(status.st_mode) not in _KINDS:
            continue
        inner = name + found.name
        if stat.S_ISDIR(status.st_mode):
            yield bytes(_header(found.path, inner + b"/", status, epoch))
            yield from _directory(found.path, inner + b"/", epoch, links)
            continue
        key = (status.st_dev, status.st_ino)
        if status.st_nlink > 1 and stat.S_ISREG(status.st_mode):
            if key in links:
                entry = _entry(inner, status, epoch)
                entry.kind, entry.size, entry.link = HARD_LINK, 0, links[key]
                yield bytes(encode_header(entry))
                continue
            links[key] = inner
        yield bytes(_header(found.path, inner, status, epoch))
        if stat.S_ISREG(status.st_mode):
            yield from _data(found.path, status.st_size)


def _header(
    path: bytes, name: bytes, status: os.stat_result, epoch: int | None
) -> bytes | bytearray:
    entry = _entry(name, status, epoch)
    if stat.S_ISLNK(status.st_mode):
        entry.link = os.readlink(path)
    elif entry.kind in {CHARACTER, BLOCK_DEVICE}:
        entry.major, entry.minor = os.major(status.st_rdev), os.minor(status.st_rdev)
    entry.xattrs = {
        os.fsencode(attribute): os.getxattr(path, attribute, follow_symlinks=False)
        for attribute in os.listxattr(path, follow_symlinks=False)
        if attribute == "security.capability" or attribute.startswith("user.")
    }
    return encode_header(entry)


def _entry(name: bytes, status: os.stat_result, epoch: int | None) -> Entry:
    regular = stat.S_ISREG(status.st_mode)
    return Entry(
        name=name,
        kind=_KINDS[stat.S_IFMT(status.st_mode)],
        mode=status.st_mode & 0o7777,
        uid=status.st_uid,
        gid=status.st_gid,
        size=status.st_size if regular else 0,
        mtime=status.st_mtime_ns if epoch is None else epoch * _SECOND,
    )


def _data(path: bytes, size: int) -> Iterator[bytes]:
    with open(path, "rb", buffering=0) as file:
        left = size
        while left and (data := file.read(min(left, _CHUNK))):
            left -= len(data)
            yield data
    if left:
        raise OSError(f"{os.fsdecode(path)} became shorter while it was read")
    yield bytes(-size % BLOCK)
