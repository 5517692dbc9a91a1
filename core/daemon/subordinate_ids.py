"""/etc/subuid and /etc/subgid: the ids a user may map into a user namespace (subuid(5))."""

from __future__ import annotations

import os
import pwd
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class IdRange:
    start: int
    count: int


def own_ranges(path: str, *, own: int) -> tuple[IdRange, ...]:
    """The ranges that ``path`` gives the current user, whose own id (user or group) is ``own``."""
    # Both files are keyed by user: the second one too.
    names = {str(os.getuid())}
    try:
        names.add(pwd.getpwuid(os.getuid()).pw_name)
    except KeyError:
        pass
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    return parse_ranges(text, names=names, own=own)


def parse_ranges(text: str, *, names: Collection[str], own: int) -> tuple[IdRange, ...]:
    """Ranges of the user called any of ``names``, in file order.

    Lines that say nothing are skipped, and so is a range around ``own``, which maps to 0 already.
    """
    ranges = []
    for line in text.splitlines():
        fields = line.strip().split(":")
        if len(fields) != 3 or fields[0] not in names:
            continue
        try:
            start, count = int(fields[1]), int(fields[2])
        except ValueError:
            continue
        if start > 0 and count > 0 and not start <= own < start + count:
            ranges.append(IdRange(start=start, count=count))
    return tuple(ranges)


def mapping_arguments(own: int, ranges: tuple[IdRange, ...]) -> list[str]:
    """Arguments of newuidmap(1): 0 is ``own``, ids from 1 on are ``ranges`` end to end."""
    arguments = ["0", str(own), "1"]
    inside = 1
    for part in ranges:
        arguments += [str(inside), str(part.start), str(part.count)]
        inside += part.count
    return arguments
