"""Users and groups as an image's own /etc/passwd and /etc/group name them.

The files are opened without leaving the image's root, are read up to 10 MB and must be regular.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from core.errors import BuildError
from core.linux.rooted import open_in_root

_LARGEST = 10 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """``groups`` are supplementary; ``home`` is "/" when nothing is known."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    home: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Passwd:
    name: str
    uid: int
    gid: int
    home: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    name: str
    gid: int
    members: tuple[str, ...]


def resolve_user(root: int, text: str) -> User:
    """The user that ``USER text`` means in the tree below the open directory ``root``.

    ``name``, ``uid``, ``name:group``, ``uid:gid``; "" is root. Numbers need no entry.
    Supplementary groups come from /etc/group unless a group is named. Raises BuildError for a
    name that has no entry.
    """
    name, _, group = (text or "0").partition(":")
    accounts = _accounts(root)
    entry = _find(accounts, name)
    if entry is not None:
        uid, gid, home = entry.uid, entry.gid, entry.home
    elif name.isdigit():
        uid, gid, home = _id(name), 0, "/"
    elif name == "root":
        uid, gid, home = 0, 0, "/root"
    else:
        raise BuildError(
            f"The image has no user {name!r} in /etc/passwd.",
            hint="Create it in an earlier step, or use a number.",
            phrase=f"unable to find user {name}: no matching entries in passwd file",
        )
    if group:
        gid = resolve_group(root, group)
        return User(uid=uid, gid=gid, home=home)
    extra: tuple[int, ...] = ()
    if entry is not None:
        extra = tuple(g.gid for g in _groups(root) if entry.name in g.members and g.gid != gid)
    return User(uid=uid, gid=gid, groups=extra, home=home)


def resolve_group(root: int, name: str) -> int:
    """The id of group ``name`` (or number). Raises BuildError when a name has no entry."""
    for group in _groups(root):
        if group.name == name:
            return group.gid
    if name.isdigit():
        return _id(name)
    raise BuildError(
        f"The image has no group {name!r} in /etc/group.",
        hint="Create it in an earlier step, or use a number.",
        phrase=f"unable to find group {name}: no matching entries in group file",
    )


def find_owner(root: int, name: str) -> tuple[int, int] | None:
    """(uid, primary gid) of user ``name``, None without an entry: what --chown looks up."""
    entry = next((a for a in _accounts(root) if a.name == name), None)
    return None if entry is None else (entry.uid, entry.gid)


def find_group(root: int, name: str) -> int | None:
    return next((g.gid for g in _groups(root) if g.name == name), None)


def _find(accounts: list[_Passwd], name: str) -> _Passwd | None:
    for account in accounts:
        if account.name == name:
            return account
    if name.isdigit():
        return next((a for a in accounts if a.uid == int(name)), None)
    return None


def _id(text: str) -> int:
    number = int(text)
    if number > 0xFFFFFFFE:
        raise BuildError(f"{text} is too large for a user or group id.")
    return number


def _accounts(root: int) -> list[_Passwd]:
    found = []
    for fields in _lines(root, b"etc/passwd"):
        if len(fields) >= 4 and fields[2].isdigit() and fields[3].isdigit():
            home = fields[5] if len(fields) > 5 and fields[5] else "/"
            found.append(_Passwd(name=fields[0], uid=int(fields[2]), gid=int(fields[3]), home=home))
    return found


def _groups(root: int) -> list[_Group]:
    found = []
    for fields in _lines(root, b"etc/group"):
        if len(fields) >= 3 and fields[2].isdigit():
            members = tuple(m for m in fields[3].split(",") if m) if len(fields) > 3 else ()
            found.append(_Group(name=fields[0], gid=int(fields[2]), members=members))
    return found


def _lines(root: int, path: bytes) -> list[list[str]]:
    try:
        fd = open_in_root(root, path, os.O_RDONLY | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return []
    with open(fd, "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise BuildError(f"The image's /{path.decode()} is not a regular file.")
        if status.st_size > _LARGEST:
            raise BuildError(f"The image's /{path.decode()} is larger than 10 MB.")
        text = file.read(_LARGEST).decode(errors="surrogateescape")
    lines = (line.strip() for line in text.split("\n"))
    return [line.split(":") for line in lines if line and not line.startswith("#")]
