"""/etc/subuid and /etc/subgid: the ids a user may map into a user namespace (subuid(5))."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class IdRange:
    start: int
    count: int


def subordinate_ranges(path: str, *, group: bool = False) -> tuple[IdRange, ...]:
    """The ranges that ``path`` gives the current user, by name or number, in file order.

    Both files are keyed by *user*; ``group`` only excludes the range that would contain the
    user's own group id instead of the user id, which the mapping needs for itself.
    """
    names = {str(os.getuid())}
    try:
        names.add(pwd.getpwuid(os.getuid()).pw_name)
    except KeyError:
        pass
    own = os.getgid() if group else os.getuid()
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    return tuple(r for line in lines if (r := _parse(line, names, own)) is not None)


def _parse(line: str, names: set[str], own: int) -> IdRange | None:
    fields = line.strip().split(":")
    if len(fields) != 3 or fields[0] not in names:
        return None
    try:
        start, count = int(fields[1]), int(fields[2])
    except ValueError:
        return None
    if start <= 0 or count <= 0 or start <= own < start + count:
        return None
    return IdRange(start=start, count=count)


def mapping_arguments(own: int, ranges: tuple[IdRange, ...]) -> list[str]:
    """Arguments of newuidmap(1): id 0 is ``own``, ids from 1 on are ``ranges`` one after another."""
    arguments = ["0", str(own), "1"]
    inside = 1
    for part in ranges:
        arguments += [str(inside), str(part.start), str(part.count)]
        inside += part.count
    return arguments
