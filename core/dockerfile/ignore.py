"""``.dockerignore``: reading the file, and matching paths as moby/patternmatcher does.

Paths are relative to the context and use ``/``. The last pattern that matches wins; a pattern
that matches a parent directory matches what is in it; ``!`` takes back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.dockerfile.chars import trim_space
from core.dockerfile.decode import decode, encode
from core.dockerfile.ignorepattern import IgnorePattern, check_syntax, clean_path
from core.errors import DockerfileError, LineRange

_MAX_LINE = 65535


def ignore_file_candidates(dockerfile_path: str) -> tuple[str, ...]:
    """Where to look for the ignore file, first match first.

    ``dockerfile_path`` is relative to the context.
    """
    return (f"{dockerfile_path}.dockerignore", ".dockerignore")


def parse_ignore(text: bytes | str) -> tuple[str, ...]:
    """The patterns of an ignore file: comments dropped, paths cleaned, leading ``/`` removed.

    Raises DockerfileError with the line of one that is too long.
    """
    if isinstance(text, bytes):
        text = decode(text)
    patterns: list[str] = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if len(line) > _MAX_LINE // 4 and len(encode(line)) > _MAX_LINE:
            raise DockerfileError(
                f"Line {number} of the ignore file is longer than {_MAX_LINE} bytes",
                ranges=[LineRange(number, number)],
                source_name=".dockerignore",
                phrase="bufio.Scanner: token too long",
            )
        if line.startswith("#"):
            continue
        pattern = trim_space(line)
        if not pattern:
            continue
        inverted = pattern.startswith("!")
        if inverted:
            pattern = trim_space(pattern[1:])
        if pattern:
            pattern = clean_path(pattern)
            if len(pattern) > 1 and pattern.startswith("/"):
                pattern = pattern[1:]
        patterns.append("!" + pattern if inverted else pattern)
    return tuple(patterns)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchInfo:
    """Which patterns matched a directory or one above it: carry it down to save work."""

    matched: tuple[bool, ...]


class PatternMatcher:
    """Patterns in order. Raises DockerfileError for one that cannot be."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns: list[IgnorePattern] = []
        for given in patterns:
            pattern = trim_space(given)
            if not pattern:
                continue
            pattern = clean_path(pattern)
            negated = pattern.startswith("!")
            if negated:
                pattern = pattern[1:]
                if not pattern:
                    raise DockerfileError(
                        "A ! in the ignore file stands alone",
                        hint="Write the pattern of what to keep after it.",
                        source_name=".dockerignore",
                        phrase='illegal exclusion pattern: "!"',
                    )
            check_syntax(pattern)
            self._patterns.append(IgnorePattern(pattern, negated=negated))
        self.has_negations = any(p.negated for p in self._patterns)

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def matches(self, path: str) -> bool:
        """Whether the file is ignored: it or a directory above it matches, last match first.

        Raises DockerfileError for a pattern whose brackets or escapes mean nothing.
        """
        matched = False
        parents: list[str] | None = None
        for pattern in self._patterns:
            if pattern.negated != matched:
                continue
            found = pattern.match(path)
            if not found:
                if parents is None:
                    parents = _parents(path)
                found = any(pattern.match(parent) for parent in parents)
            if found:
                matched = not pattern.negated
        return matched

    def matches_in(self, path: str, parent: MatchInfo | None) -> tuple[bool, MatchInfo]:
        """As ``matches`` while walking: ``parent`` is what this gave for the directory above.

        It decides what a build's context holds, and in one case otherwise than ``matches``: a
        ``!dir`` that takes nothing back at ``dir`` itself does not reach what is inside it.
        """
        matched = False
        found: list[bool] = []
        for index, pattern in enumerate(self._patterns):
            match = parent is not None and parent.matched[index]
            if not match and pattern.negated == matched:
                match = pattern.match(path)
                if not match and parent is None:
                    match = any(pattern.match(above) for above in _parents(path))
            found.append(match)
            if match:
                matched = not pattern.negated
        return matched, MatchInfo(matched=tuple(found))

    def may_match_below(self, directory: str) -> bool:
        """Whether something inside an ignored directory may still be kept by a ``!`` pattern.

        False lets a walk pass the directory over.
        """
        parts = directory.split("/")
        return any(p.negated and p.may_match_below(parts) for p in self._patterns)


def _parents(path: str) -> list[str]:
    """Every directory above a path, the topmost first."""
    above = clean_path(path[: path.rfind("/") + 1])
    if above == ".":
        return []
    parts = above.split("/")
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]
