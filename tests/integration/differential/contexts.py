"""Build contexts as values: what lies where, and what is odd about it."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# A second that no clock of the machine shows while tests run.
LONG_AGO = 1_234_567_890


@dataclass(frozen=True, slots=True)
class File:
    content: str | bytes = ""
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)
    xattrs: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Folder:
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class Link:
    target: str


@dataclass(frozen=True, slots=True)
class HardLink:
    """To another name of the context that comes before this one."""

    target: str


@dataclass(frozen=True, slots=True)
class Socket:
    pass


@dataclass(frozen=True, slots=True)
class Member:
    """Something in an archive; ``kind`` is tarfile's type."""

    name: str
    content: str = ""
    kind: bytes = tarfile.REGTYPE
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    link: str = ""
    xattrs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Archive:
    members: tuple[Member, ...]
    compression: str = ""

    def packed(self) -> bytes:
        out = io.BytesIO()
        mode = f"w:{self.compression}"
        with tarfile.open(fileobj=out, mode=mode, format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
            for member in self.members:
                info = tarfile.TarInfo(member.name)
                info.type, info.mode, info.linkname = member.kind, member.mode, member.link
                info.uid, info.gid, info.mtime = member.uid, member.gid, LONG_AGO
                info.pax_headers = {f"SCHILY.xattr.{k}": v for k, v in member.xattrs.items()}
                data = member.content.encode()
                info.size = len(data) if member.kind == tarfile.REGTYPE else 0
                tar.addfile(info, io.BytesIO(data))
        return out.getvalue()


Made = str | bytes | File | Folder | Link | HardLink | Socket | Archive


def make(folder: Path, entries: Mapping[str, Made]) -> None:
    """Lay the entries out below ``folder``, folders they imply included."""
    folder.mkdir(parents=True)
    for name, entry in entries.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        match entry:
            case str():
                path.write_text(entry)
            case bytes():
                path.write_bytes(entry)
            case File():
                content = entry.content
                path.write_bytes(content.encode() if isinstance(content, str) else content)
                os.chown(path, *entry.owner)
                path.chmod(entry.mode)
                for key, value in entry.xattrs.items():
                    os.setxattr(path, key, value)
            case Folder():
                path.mkdir(exist_ok=True)
                path.chmod(entry.mode)
            case Link():
                path.symlink_to(entry.target)
            case HardLink():
                path.hardlink_to(folder / entry.target)
            case Socket():
                _bind(path)
            case Archive():
                path.write_bytes(entry.packed())
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (LONG_AGO, LONG_AGO), follow_symlinks=False)


def _bind(path: Path) -> None:
    # The name of a socket is cut at about a hundred bytes: bind by a short one.
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(path.parent)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.fchdir(before)
        os.close(before)
