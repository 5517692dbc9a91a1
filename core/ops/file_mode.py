"""``--chmod``: octal numbers, and symbolic modes as chmod(1) reads them with an empty umask."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass

from core.errors import OptionError

_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)\Z")
_ACTION = re.compile(r"([-+=])([ugo]|[rwxXst]*)")
_PERMISSIONS = {"r": 0o444, "w": 0o222, "x": 0o111}
_WHO = {"u": 0o700, "g": 0o070, "o": 0o007}
_SHIFT = {"u": 6, "g": 3, "o": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChange:
    """``octal`` for everything, or ``clauses`` (who, operator, permissions) one after another."""

    octal: int | None = None
    clauses: tuple[tuple[str, str, str], ...] = ()

    def apply(self, mode: int) -> int:
        """The permission bits for something whose ``st_mode`` is ``mode``."""
        if self.octal is not None:
            return self.octal
        bits = stat.S_IMODE(mode)
        for who, operator, permissions in self.clauses:
            bits = _apply(bits, who, operator, permissions, directory=stat.S_ISDIR(mode))
        return bits


def parse_symbolic_mode(text: str) -> ModeChange:
    """``u=rwX,go-w``; plain octal too. Raises OptionError."""
    if re.fullmatch(r"[0-7]+", text) and int(text, 8) <= 0o7777:
        return ModeChange(octal=int(text, 8))
    clauses: list[tuple[str, str, str]] = []
    for clause in text.split(","):
        match = _CLAUSE.match(clause)
        if match is None:
            raise OptionError(
                f"{text!r} is no mode.",
                hint="Use octal (0755) or symbols (u=rwX,go=rX), as chmod does.",
                phrase=f"invalid chmod parameter: '{text}'",
            )
        who = "ugo" if not match[1] or "a" in match[1] else match[1]
        clauses += [(who, action[1], action[2]) for action in _ACTION.finditer(match[2])]
    return ModeChange(clauses=tuple(clauses))


def _apply(bits: int, who: str, operator: str, permissions: str, *, directory: bool) -> int:
    mask = 0
    for one in who:
        mask |= _WHO[one]
    value = 0
    if permissions and permissions in "ugo":
        copied = bits >> _SHIFT[permissions] & 0o7
        value = (copied << 6 | copied << 3 | copied) & mask
    else:
        for letter in permissions:
            if letter in _PERMISSIONS:
                value |= _PERMISSIONS[letter] & mask
            elif letter == "X" and (directory or bits & 0o111):
                value |= 0o111 & mask
            elif letter == "s":
                value |= (stat.S_ISUID if "u" in who else 0) | (stat.S_ISGID if "g" in who else 0)
            elif letter == "t":
                value |= stat.S_ISVTX
    if operator == "+":
        return bits | value
    if operator == "-":
        return bits & ~value
    special = (stat.S_ISUID if "u" in who else 0) | (stat.S_ISGID if "g" in who else 0)
    return bits & ~(mask | special) | value
