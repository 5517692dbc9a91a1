"""Walking a directory of this machine: what a build may see of it, without reading a file.

What is needed is told as include patterns and paths whose symbolic links are followed, what is not
as exclude patterns (those of ``.dockerignore``). Directories that can hold nothing needed are not
entered.
"""

from __future__ import annotations

import fnmatch
import hashlib
import marshal
import operator
import os
import posixpath
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from core.dockerfile.chars import trim_space
from core.dockerfile.ignore import MatchInfo, PatternMatcher
from core.dockerfile.ignorepattern import IgnorePattern, clean_path
from core.errors import NotFoundError, StorageError
from core.ops.contexts import DirectoryRequest
from core.ops.local_tree import LocalEntry, signature_of

# As the kernel counts (MAXSYMLINKS).
_MOST_LINKS = 40

_Info: TypeAlias = MatchInfo | bool | None


def scan(root: Path, request: DirectoryRequest) -> tuple[dict[str, LocalEntry], str]:
    """The entries of ``root`` that ``request`` asks for, and the digest of all that was found.

    Paths are relative and sorted within their directory, parents first. Raises NotFoundError when
    ``root`` is no directory and StorageError when a part of it cannot be read.
    """
    if not root.is_dir():
        raise NotFoundError(
            f"{root} is not a directory.", hint="Give the path of the build context."
        )
    wanted = list(request.include_patterns)
    if request.follow_paths:
        wanted += follow_links(root, request.follow_paths)
    if any(posixpath.normpath(item.lstrip("/") or ".") == "." for item in wanted):
        wanted = []
    walk = _Walk(root, [_relative(item) for item in wanted], request.exclude_patterns)
    walk.directory("", None, None)
    return walk.entries, _digest(walk.entries)


def _digest(entries: Mapping[str, LocalEntry]) -> str:
    names = "\0".join(entries)
    links = "\0".join([entry.link for entry in entries.values() if entry.link])
    numbers = [number for entry in entries.values() for number in (entry.mode, *entry.signature)]
    total = hashlib.sha256(b"%d\0" % len(entries))
    total.update(os.fsencode(names) + b"\0\0")
    total.update(os.fsencode(links) + b"\0\0")
    # Version 2 writes equal values as equal bytes.
    total.update(marshal.dumps(numbers, 2))
    return total.hexdigest()


class _Patterns:
    """Patterns asked about path after path, going down.

    Without ``!`` among them, what matched a directory matches all below, and there is nothing to
    remember but that.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._matcher = PatternMatcher(patterns)
        self._plain: list[Callable[[str], bool]] | None = None
        if not self._matcher.has_negations:
            cleaned = [clean_path(text) for item in patterns if (text := trim_space(item))]
            self._plain = [IgnorePattern(text, negated=False).match for text in cleaned]

    def match(self, path: str, above: MatchInfo | bool | None) -> tuple[bool, MatchInfo | bool]:
        """Whether ``path`` matches, and what to hand down; ``above`` is what the parent gave."""
        if self._plain is None:
            assert not isinstance(above, bool)
            return self._matcher.matches_in(path, above)
        if above is True:
            return True, True
        for match in self._plain:
            if match(path):
                return True, True
        return False, False

    def may_match_below(self, directory: str) -> bool:
        """Whether a ``!`` pattern may take something back below ``directory``."""
        return self._plain is None and self._matcher.may_match_below(directory)


class _Walk:
    def __init__(self, root: Path, include: Sequence[str], exclude: Sequence[str]) -> None:
        self._root = os.fspath(root)
        self._include = _Patterns(include) if include else None
        # "Can something below match?" is what is asked of patterns that take back.
        self._below = PatternMatcher([f"!{item}" for item in include])
        self._exclude = _Patterns(exclude) if exclude else None
        self.entries: dict[str, LocalEntry] = {}

    def directory(self, relative: str, included: _Info, excluded: _Info) -> bool:
        """Take in what is in a directory; whether any of it is needed."""
        top = f"{self._root}/{relative}" if relative else self._root
        try:
            with os.scandir(top) as listing:
                found = sorted(listing, key=_name)
        except OSError as error:
            raise _unreadable(relative or ".", error) from error
        if self._exclude is None and (self._include is None or included is True):
            self._everything(f"{relative}/" if relative else "", found)
            return bool(found)
        any_needed = False
        for item in found:
            path = f"{relative}/{item.name}" if relative else item.name
            any_needed |= self._one(path, item, included, excluded)
        return any_needed

    def _everything(self, prefix: str, found: Sequence[os.DirEntry[str]]) -> None:
        """Take in all of a directory and what is below; most of a large context comes here."""
        entries = self.entries
        for item in found:
            path = prefix + item.name
            try:
                mode, inode, _, links, _, _, size, *_ = status = item.stat(follow_symlinks=False)
            except OSError:
                # Gone, or not to be read.
                self._add(path, item)
                continue
            kind = mode & 0o170000
            if kind == stat.S_IFREG:
                signature = (size, status.st_mtime_ns, status.st_ctime_ns, inode)
                entries[path] = LocalEntry(mode, signature, "", links, status.st_rdev)
                continue
            self._add(path, item)
            if kind == stat.S_IFDIR and path in entries:
                self.directory(path, True, None)

    def _one(
        self,
        path: str,
        item: os.DirEntry[str],
        included: _Info,
        excluded: _Info,
    ) -> bool:
        needed, dropped = True, False
        if self._include is not None:
            needed, included = self._include.match(path, included)
        if self._exclude is not None:
            dropped, excluded = self._exclude.match(path, excluded)
        if not item.is_dir(follow_symlinks=False):
            if needed and not dropped:
                self._add(path, item)
                return True
            return False
        if dropped and (self._exclude is None or not self._exclude.may_match_below(path)):
            return False
        if not needed and not self._below.may_match_below(path):
            return False
        # A directory is needed for what is in it; its place in the order is before that.
        self._add(path, item)
        if self.directory(path, included, excluded) or (needed and not dropped):
            return True
        del self.entries[path]
        return False

    def _add(self, path: str, item: os.DirEntry[str]) -> None:
        try:
            status = item.stat(follow_symlinks=False)
            mode = status.st_mode
            link = os.readlink(item.path) if stat.S_ISLNK(mode) else ""
        except FileNotFoundError:
            # Gone since the directory was listed: as if it had never been.
            return
        except OSError as error:
            raise _unreadable(path, error) from error
        self.entries[path] = LocalEntry(
            mode, signature_of(status), link, status.st_nlink, status.st_rdev
        )


def follow_links(root: Path, paths: Iterable[str]) -> list[str]:
    """``paths``, with what their symbolic links lead to inside ``root``, as include patterns."""
    resolved: dict[str, None] = {}
    waiting = [(_relative(path), 0) for path in paths]
    seen = {path for path, _ in waiting}
    while waiting:
        path, hops = waiting.pop()
        done = ""
        parts = path.split("/") if path != "." else []
        for index, part in enumerate(parts):
            current = f"{done}/{part}" if done else part
            targets = _targets(root, current)
            if targets:
                resolved[current] = None
                for target in targets:
                    follow = _relative("/".join((target, *parts[index + 1 :])))
                    # Links may lead in a circle, or to ever longer paths.
                    if follow not in seen and hops < _MOST_LINKS:
                        seen.add(follow)
                        waiting.append((follow, hops + 1))
                break
            done = current
        else:
            resolved[path] = None
    return sorted(resolved)


def _targets(root: Path, path: str) -> list[str]:
    """Where the links at ``path`` (whose last part may be a pattern) lead, from the root."""
    parent, _, name = path.rpartition("/")
    if not any(char in name for char in "*?["):
        try:
            link = os.readlink(root / path)
        except OSError:
            return []
        return [_relative(link if link.startswith("/") else f"{parent}/{link}")]
    try:
        names = os.listdir(root / parent)
    except OSError:
        return []
    return [
        target
        for found in sorted(names)
        if fnmatch.fnmatchcase(found, name)
        for target in _targets(root, f"{parent}/{found}" if parent else found)
    ]


_name = operator.attrgetter("name")


def _relative(path: str) -> str:
    """``path`` from the root, ``..`` clamped there; ``.`` for the root itself."""
    return posixpath.normpath("/" + path).lstrip("/") or "."


def _unreadable(path: str, error: OSError) -> StorageError:
    return StorageError(
        f"Cannot read {path} of the build context: {error.strerror}.",
        hint="Make it readable, or list it in .dockerignore.",
    )
