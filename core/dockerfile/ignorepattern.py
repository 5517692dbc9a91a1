"""One pattern of an ignore file: ``*``, ``?``, ``[...]``, ``**`` and escapes.

moby/patternmatcher makes a Go regular expression of the pattern without escaping everything that
means something there; what follows from it (``|``, ``^`` and ``{2}`` are alive next to a ``*``)
is kept, for a context must hold the same files here and there.
"""

from __future__ import annotations

import re
import warnings

from core.dockerfile.goregex import translate
from core.errors import DockerfileError

_ESCAPED = frozenset(".+()$")


class IgnorePattern:
    """A cleaned pattern; what it compiles to is found at the first match."""

    __slots__ = ("_components", "_match", "negated", "text")

    def __init__(self, text: str, *, negated: bool) -> None:
        self.text = text
        self.negated = negated
        self._match: _Exact | _Prefix | _Suffix | _Regex | None = None
        self._components: list[IgnorePattern | None] | None = None

    def match(self, path: str) -> bool:
        """Raises DockerfileError for a pattern that means nothing as a regular expression."""
        if self._match is None:
            self._match = _compile(self.text)
        return self._match(path)

    def may_match_below(self, directory: list[str]) -> bool:
        """Whether the pattern may match something inside the directory of these components."""
        if self._components is None:
            self._components = _component_patterns(self.text)
        components = self._components
        for index, name in enumerate(directory):
            if index >= len(components):
                return True
            component = components[index]
            if component is None:
                return True
            if not component.match(name):
                return False
        return True


def _component_patterns(text: str) -> list[IgnorePattern | None]:
    """A pattern for each component, None from the first on that may match several."""
    found: list[IgnorePattern | None] = []
    for part in text.split("/"):
        component = IgnorePattern(part, negated=False)
        try:
            component.match("")
        except DockerfileError:
            return [*found, None]
        if "**" in part or set(part) & set("|^{\\"):
            return [*found, None]
        found.append(component)
    return found


class _Exact(str):
    __slots__ = ()

    def __call__(self, path: str) -> bool:
        return path == self


class _Prefix(str):
    __slots__ = ()

    def __call__(self, path: str) -> bool:
        return path.startswith(self)


class _Suffix(str):
    __slots__ = ()

    def __call__(self, path: str) -> bool:
        return path.endswith(self) or (self[:1] == "/" and path == self[1:])


class _Regex:
    __slots__ = ("_search",)

    def __init__(self, source: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            self._search = re.compile(source).search

    def __call__(self, path: str) -> bool:
        return self._search(path) is not None


def _compile(pattern: str) -> _Exact | _Prefix | _Suffix | _Regex:
    source, kind = _to_regex(pattern)
    if kind == "exact":
        return _Exact(pattern)
    if kind == "prefix":
        return _Prefix(pattern[:-2])
    if kind == "suffix":
        return _Suffix(pattern[2:])
    try:
        return _Regex(translate(source))
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        raise bad_pattern(pattern) from error


def _to_regex(pattern: str) -> tuple[str, str]:
    """The regular expression in Go's syntax, and the kind of match that suffices."""
    out = ["^"]
    kind = "exact"
    rest = pattern.removeprefix("\ufeff")
    at, turn = 0, 0
    while at < len(rest):
        char = rest[at]
        at += 1
        if char == "*":
            if rest[at : at + 1] == "*":
                at += 1
                if rest[at : at + 1] == "/":
                    at += 1
                if at >= len(rest):
                    if kind == "exact":
                        kind = "prefix"
                    else:
                        out.append(".*")
                        kind = "regex"
                else:
                    out.append("(.*/)?")
                    kind = "regex"
                if turn == 0:
                    kind = "suffix"
            else:
                out.append("[^/]*")
                kind = "regex"
        elif char == "?":
            out.append("[^/]")
            kind = "regex"
        elif char in _ESCAPED:
            out.append("\\" + char)
        elif char == "\\":
            if at < len(rest):
                out.append("\\" + rest[at])
                at += 1
                kind = "regex"
            else:
                out.append("\\")
        elif char in "[]":
            out.append(char)
            kind = "regex"
        else:
            out.append(char)
        turn += 1
    return "".join(out) + "$", kind


def bad_pattern(pattern: str) -> DockerfileError:
    return DockerfileError(
        f"The pattern {pattern} of the ignore file has brackets or escapes that do not fit",
        hint="Write a \\ before [ or ] that stand for themselves.",
        source_name=".dockerignore",
        phrase="syntax error in pattern",
    )


def check_syntax(pattern: str) -> None:
    """Refuse what Go's ``filepath.Match`` calls a bad pattern."""
    at, size = 0, len(pattern)
    while at < size:
        char = pattern[at]
        at += 1
        if char == "\\":
            if at >= size:
                raise bad_pattern(pattern)
            at += 1
        elif char == "[":
            at = _check_class(pattern, at)


def _check_class(pattern: str, at: int) -> int:
    if pattern[at : at + 1] == "^":
        at += 1
    count = 0
    while True:
        if pattern[at : at + 1] == "]" and count > 0:
            return at + 1
        at = _check_member(pattern, at)
        if pattern[at : at + 1] == "-":
            at = _check_member(pattern, at + 1)
        count += 1


def _check_member(pattern: str, at: int) -> int:
    char = pattern[at : at + 1]
    if char in ("", "-", "]"):
        raise bad_pattern(pattern)
    if char == "\\":
        at += 1
        if at >= len(pattern):
            raise bad_pattern(pattern)
    if at + 1 >= len(pattern):
        raise bad_pattern(pattern)
    return at + 1


def clean_path(path: str) -> str:
    """The shortest equal path, as Go's ``filepath.Clean``."""
    if not path:
        return "."
    rooted = path.startswith("/")
    parts: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if parts and parts[-1] != "..":
                parts.pop()
                continue
            if rooted:
                continue
        parts.append(part)
    joined = "/".join(parts)
    return f"/{joined}" if rooted else joined or "."
