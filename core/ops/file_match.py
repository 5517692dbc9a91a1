"""Wildcards in the sources of COPY and ADD: Go's ``filepath.Match``, name by name."""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache

from core.ops.file_tree import FileTree, resolve


def has_wildcards(path: str) -> bool:
    """Whether an unescaped ``*``, ``?`` or ``[`` is in ``path``."""
    escaped = False
    for character in path:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character in "*?[":
            return True
    return False


def clean_path(path: str) -> str:
    """An absolute path without dots, where a final ``/`` or ``/.`` is kept: it means something."""
    clean = posixpath.normpath("/" + path)
    clean = "/" + clean.lstrip("/")
    if path.endswith("/."):
        return clean + ("." if clean == "/" else "/.")
    if path.endswith("/") and clean != "/":
        return clean + "/"
    return clean


def matching_paths(tree: FileTree, pattern: str, *, follow: bool) -> list[str]:
    """Absolute paths in ``tree`` that match ``pattern``, in order; links match as themselves.

    Links in the part before the first wildcard are followed (the last one if ``follow``). What
    comes back starts with that part resolved. Nothing below a match is looked at.
    """
    parts = [part for part in posixpath.normpath(pattern).split("/") if part]
    first = next((i for i, part in enumerate(parts) if has_wildcards(part)), len(parts))
    if first == len(parts):
        return ["/" + "/".join(parts)]
    base = resolve(tree, "/".join(parts[:first]), last=follow)
    found = [base]
    for number, part in enumerate(parts[first:], first):
        matcher = _component(part)
        if matcher is None:
            return []
        following = []
        for directory in found:
            node = tree.node(directory)
            if node is None or not node.is_directory:
                continue
            prefix = f"{directory}/" if directory else ""
            following += [
                prefix + name
                for name, child in tree.entries(directory)
                if matcher.fullmatch(name) and (number == len(parts) - 1 or child.is_directory)
            ]
        found = following
    return ["/" + path for path in found]


@lru_cache(maxsize=256)
def _component(pattern: str) -> re.Pattern[str] | None:
    """One name's pattern as a regular expression; None for one that is malformed."""
    out: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*":
            out.append(".*")
        elif character == "?":
            out.append(".")
        elif character == "\\":
            if position == len(pattern):
                return None
            out.append(re.escape(pattern[position]))
            position += 1
        elif character == "[":
            found = _character_class(pattern, position)
            if found is None:
                return None
            text, position = found
            out.append(text)
        else:
            out.append(re.escape(character))
    return re.compile("".join(out), re.DOTALL)


def _character_class(pattern: str, position: int) -> tuple[str, int] | None:
    """The class that starts after ``[``, as a regular expression, and where it ends."""
    negated = pattern[position : position + 1] == "^"
    position += negated
    ranges: list[str] = []
    count = 0
    while True:
        if pattern[position : position + 1] == "]" and count:
            if not ranges:
                return ("." if negated else r"(?!)"), position + 1
            return f"[{'^' if negated else ''}{''.join(ranges)}]", position + 1
        count += 1
        low = _class_character(pattern, position)
        if low is None:
            return None
        first, position = low
        last = first
        if pattern[position : position + 1] == "-":
            high = _class_character(pattern, position + 1)
            if high is None:
                return None
            last, position = high
        # An empty range matches nothing but is no error.
        if first <= last:
            ranges.append(f"{re.escape(first)}-{re.escape(last)}")


def _class_character(pattern: str, position: int) -> tuple[str, int] | None:
    character = pattern[position : position + 1]
    if character in ("", "-", "]"):
        return None
    if character == "\\":
        escaped = pattern[position + 1 : position + 2]
        return (escaped, position + 2) if escaped else None
    return character, position + 1
