"""The part of a directory that a builder asked for: includes, excludes, links followed."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from core.dockerfile.ignore import MatchInfo, PatternMatcher
from core.wire.tree import Entry, describe


def walk_filtered(
    root: str,
    *,
    includes: Sequence[str] = (),
    excludes: Sequence[str] = (),
    follow: Sequence[str] = (),
) -> Iterator[Entry]:
    """Entries in the sender's order, owners reset to 0 as every build client does.

    ``follow`` are paths whose symbolic links are resolved inside the root; they and their targets
    become includes. Directories without anything wanted in them are left out.
    """
    wanted = [*includes]
    if follow:
        wanted += follow_links(root, follow)
    everything = not wanted or any(_clean(p) in {"", "."} for p in wanted)
    return _Walk(root, [] if everything else wanted, excludes).entries()


class _Walk:
    def __init__(self, root: str, includes: Iterable[str], excludes: Iterable[str]) -> None:
        self._root = root
        includes = [_clean(p) for p in includes]
        self._include = PatternMatcher(includes)
        # The question "can anything below match?" is the one asked of negated patterns.
        self._include_below = PatternMatcher(f"!{p}" for p in includes)
        self._exclude = PatternMatcher(excludes)
        self._linked: dict[tuple[int, int], str] = {}

    def entries(self) -> Iterator[Entry]:
        return self._below(self._root, "", None, None)

    def _below(
        self,
        directory: str,
        relative: str,
        included_above: MatchInfo | None,
        excluded_above: MatchInfo | None,
    ) -> Iterator[Entry]:
        with os.scandir(directory) as listing:
            names = sorted(listing, key=lambda entry: entry.name)
        for item in names:
            path = relative + item.name
            included, include_info = True, None
            if self._include:
                included, include_info = self._include.matches_in(path, included_above)
            excluded, exclude_info = False, None
            if self._exclude:
                excluded, exclude_info = self._exclude.matches_in(path, excluded_above)
            is_dir = item.is_dir(follow_symlinks=False)
            if not is_dir:
                if included and not excluded:
                    yield self._entry(path, item)
                continue
            if excluded and not self._exclude.may_match_below(path):
                continue
            if not included and not self._include_below.may_match_below(path):
                continue
            below = self._below(item.path, path + "/", include_info, exclude_info)
            if included and not excluded:
                yield self._entry(path, item)
                yield from below
                continue
            first = next(below, None)
            if first is not None:
                yield self._entry(path, item)
                yield first
                yield from below

    def _entry(self, path: str, item: os.DirEntry[str]) -> Entry:
        entry = describe(path, item.stat(follow_symlinks=False), item.path, self._linked)
        entry.stat.uid = entry.stat.gid = 0
        return entry


def follow_links(root: str, paths: Iterable[str]) -> list[str]:
    """The paths and whatever their symbolic links lead to, absolute links taken from the root."""
    resolved: set[str] = set()
    waiting = [_clean(path) for path in paths]
    while waiting:
        parts = PurePosixPath(waiting.pop()).parts
        current = ""
        for index, part in enumerate(parts):
            current = f"{current}/{part}" if current else part
            targets = _targets(root, current)
            rest = parts[index + 1 :]
            if targets or not rest:
                if current in resolved and (targets or not rest):
                    break
                resolved.add(current)
                waiting += [_clean("/".join((target, *rest))) for target in targets]
                if targets:
                    break
        if not parts:
            resolved.add(".")
    return sorted(resolved)


def _targets(root: str, path: str) -> list[str]:
    """What the links at a path (whose last part may be a pattern) point to, from the root."""
    directory, _, name = path.rpartition("/")
    if any(c in name for c in "*?["):
        try:
            names = os.listdir(os.path.join(root, directory))
        except OSError:
            return []
        return [
            target
            for found in sorted(names)
            if fnmatch.fnmatchcase(found, name)
            for target in _targets(root, f"{directory}/{found}" if directory else found)
        ]
    full = os.path.join(root, path)
    try:
        if not stat.S_ISLNK(os.lstat(full).st_mode):
            return []
        link = os.readlink(full)
    except OSError:
        return []
    return [_clean(link if link.startswith("/") else f"{directory}/{link}")]


def _clean(path: str) -> str:
    """Relative to the root, without ``.``, ``..`` clamped there."""
    return os.path.normpath("/" + path).lstrip("/")
