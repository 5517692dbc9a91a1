"""The patterns of ``${name#pattern}``, ``%`` and ``/``: ``*``, ``?`` and escapes, no brackets.

A pattern runs as a set of states kept in the bits of one integer, so that no pattern, however
many ``*`` it has, takes more than one pass over the value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.errors import DockerfileError


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellPattern:
    """State ``i`` waits for item ``i``; bit ``i`` of ``loops`` says that ``*`` stands before it."""

    literals: dict[str, int]
    any_mask: int
    loops: int
    accept: int
    greedy: bool
    anchored: bool

    def find(self, value: str, start: int = 0) -> tuple[int, int] | None:
        """The first match at or after ``start``: the longest if greedy, else the shortest."""
        last = start if self.anchored else len(value)
        for begin in range(start, last + 1):
            end = self._match_at(value, begin)
            if end >= 0:
                return begin, end
        return None

    def _match_at(self, value: str, begin: int) -> int:
        states, found = 1, -1
        for at in range(begin, len(value) + 1):
            if states & self.accept:
                found = at
                if not self.greedy:
                    return found
            if at == len(value) or not states:
                break
            char = value[at]
            moving = self.literals.get(char, 0)
            staying = 0
            if char != "\n":
                moving |= self.any_mask
                staying = states & self.loops
            states = ((states & moving) << 1) | staying
        return found

    def replace(self, value: str, replacement: str, *, everywhere: bool) -> str:
        """The value with the first match replaced, or with every match replaced.

        Only the replacement for every match understands ``$0`` and drops ``$name``: Go's
        ``Regexp.ReplaceAllString`` does.
        """
        if not everywhere:
            match = self.find(value)
            if match is None:
                return value
            return value[: match[0]] + replacement + value[match[1] :]
        pieces: list[str] = []
        copied = at = 0
        previous_end = -1
        while at <= len(value) and (match := self.find(value, at)):
            begin, end = match
            if end > begin or begin != previous_end:
                pieces += (value[copied:begin], _fill(replacement, value[begin:end]))
                copied = end
            previous_end = end
            at = end if end > begin else end + 1
        return "".join(pieces) + value[copied:]


_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")


def _fill(template: str, matched: str) -> str:
    def value(reference: re.Match[str]) -> str:
        if reference.group(1):
            return "$"
        return matched if (reference.group(2) or reference.group(3)).strip("0") == "" else ""

    return _REFERENCE.sub(value, template) if "$" in template else template


def compile_pattern(pattern: str, *, greedy: bool, anchored: bool) -> ShellPattern:
    """Raises DockerfileError, without a range, for an escape that means nothing."""
    literals: dict[str, int] = {}
    any_mask = loops = 0
    bit = 1
    characters = iter(pattern.removeprefix("\ufeff"))
    following = next(characters, "")
    while following:
        char, following = following, next(characters, "")
        if char == "*":
            loops |= bit
            continue
        if char == "?":
            any_mask |= bit
            bit <<= 1
            continue
        if char == "\\":
            if following in ("}", "/"):
                continue
            if following not in ("*", "?", "\\") or not following:
                raise DockerfileError(
                    f"The pattern {pattern} escapes a character that needs none",
                    hint="Only *, ?, \\, } and / can be escaped.",
                    phrase=f"invalid pattern ({pattern}) in substitution: "
                    f"invalid escape '\\{following or chr(0xFFFD)}'",
                )
            char, following = following, next(characters, "")
        literals[char] = literals.get(char, 0) | bit
        bit <<= 1
    return ShellPattern(
        literals=literals,
        any_mask=any_mask,
        loops=loops,
        accept=bit,
        greedy=greedy,
        anchored=anchored,
    )


def trim_prefix(pattern: str, value: str, *, greedy: bool) -> str:
    """``${value#pattern}``, or ``##`` if greedy."""
    match = compile_pattern(pattern, greedy=greedy, anchored=True).find(value)
    return value if match is None else value[match[1] :]


def trim_suffix(pattern: str, value: str, *, greedy: bool) -> str:
    """``${value%pattern}``, or ``%%`` if greedy: the prefix of both read backwards."""
    return trim_prefix(_reversed_pattern(pattern), value[::-1], greedy=greedy)[::-1]


def _reversed_pattern(pattern: str) -> str:
    pieces: list[str] = []
    at = 0
    while at < len(pattern):
        width = 2 if pattern[at] == "\\" and at + 1 < len(pattern) else 1
        pieces.append(pattern[at : at + width])
        at += width
    return "".join(reversed(pieces))
