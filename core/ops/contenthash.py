"""Digests of what a step uses of its inputs, for cache keys.

A file counts by path, type, mode, owner, size, link target, attributes and content, not by its
times. Paths count relative to what was asked for, so that the same files elsewhere are the same.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from core.dockerfile.ignore import MatchInfo, PatternMatcher
from core.errors import NotFoundError
from core.ops.file_match import clean_path, has_wildcards, matching_paths
from core.ops.file_tree import ContextTree, FileTree, Node, resolve
from core.ops.hashing import sha256_of_file

_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A part of an input: ``path`` (with wildcards if ``wildcard``), filtered by patterns.

    ``follow`` says that a symbolic link at the end stands for what it points at.
    """

    path: str
    wildcard: bool = False
    follow: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    required: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All of it, to tell selectors apart."""
        return "\0".join(
            [
                self.path,
                f"{self.wildcard:d}{self.follow:d}",
                *self.include,
                "",
                *self.exclude,
                "",
                *self.required,
            ]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentDigest:
    """``files`` has a (path, digest) for everything that ``digest`` covers."""

    digest: str
    files: tuple[tuple[str, str], ...]


def content_digest(
    tree: FileTree, selectors: Sequence[Selector], threads: ThreadPoolExecutor
) -> ContentDigest:
    """The digest of the parts of ``tree`` that ``selectors`` name. Blocks while it reads.

    Raises NotFoundError for a path without wildcards that is not there.
    """
    parts: list[tuple[int, str, str, Node]] = []
    for number, selector in enumerate(selectors):
        parts += [(number, *found) for found in _selected(tree, selector)]
    wanted = {path for _, _, path, node in parts if node.is_file}
    contents = _contents(tree, sorted(wanted), threads)
    wanted.clear()
    total = hashlib.sha256()
    files = []
    parts.reverse()
    while parts:
        # Large trees are let go of on the way.
        number, name, path, node = parts.pop()
        digest = _record(tree, path, node, contents)
        total.update(b"%d\0%s\0%s\n" % (number, os.fsencode(name), digest.encode()))
        if not node.is_directory:
            files.append((path, digest))
    return ContentDigest(digest=f"sha256:{total.hexdigest()}", files=tuple(files))


def _selected(tree: FileTree, selector: Selector) -> Iterator[tuple[str, str, Node]]:
    """(name that counts, path, node) of everything selected, in order."""
    clean = clean_path(selector.path)
    seen: list[str] = []
    if selector.wildcard and has_wildcards(clean):
        found = matching_paths(tree, clean, follow=selector.follow)
        roots = [(path.strip("/").rpartition("/")[2], path) for path in found]
    else:
        roots = [("", clean)]
    for name, path in roots:
        real = resolve(tree, path, last=selector.follow)
        node = tree.node(real)
        if node is None:
            raise NotFoundError(
                f"{path!r} is not there.",
                hint="Check the path and .dockerignore.",
                phrase=f'"{path}": not found',
            )
        for item in _walk(tree, name, real, node, selector, contents=path.endswith(("/", "/."))):
            seen.append(item[1])
            yield item
    for path in selector.required:
        clean = path.strip("/")
        if not any(one.startswith(clean) for one in seen):
            raise NotFoundError(f"{path!r} is not there.", phrase=f'"{path}": not found')


class _Level(NamedTuple):
    name: str
    relative: str
    path: str
    node: Node
    include: MatchInfo | None
    exclude: MatchInfo | None
    counted: bool


def _walk(
    tree: FileTree, name: str, path: str, node: Node, selector: Selector, *, contents: bool
) -> Iterator[tuple[str, str, Node]]:
    if not node.is_directory:
        yield name, path, node
        return
    include = PatternMatcher(selector.include) if selector.include else None
    exclude = PatternMatcher(selector.exclude) if selector.exclude else None
    if not contents:
        yield name, path, node
    # Directories that count only because something in them does, waiting for it.
    waiting: list[_Level] = []
    stack = [iter([_Level(name, "", path, node, None, None, True)])]
    above: list[_Level] = []
    while stack:
        level = next(stack[-1], None)
        if level is None:
            stack.pop()
            if above:
                waiting = [one for one in waiting if one is not above[-1]]
                above.pop()
            continue
        if level.counted and level.relative:
            yield from ((one.name, one.path, one.node) for one in waiting)
            waiting.clear()
            yield level.name, level.path, level.node
        if not level.node.is_directory:
            continue
        if not level.counted:
            waiting.append(level)
        above.append(level)
        stack.append(iter(_children(tree, level, include, exclude)))


def _children(
    tree: FileTree, level: _Level, include: PatternMatcher | None, exclude: PatternMatcher | None
) -> list[_Level]:
    children = []
    for name, node in tree.entries(level.path):
        relative = f"{level.relative}/{name}" if level.relative else name
        wanted, excluded = True, False
        include_info = exclude_info = None
        if include is not None:
            wanted, include_info = include.matches_in(relative, level.include)
        if exclude is not None:
            excluded, exclude_info = exclude.matches_in(relative, level.exclude)
        wanted = wanted and not excluded
        if not wanted and not node.is_directory:
            continue
        if excluded and not (exclude is not None and exclude.has_negations):
            continue
        children.append(
            _Level(
                f"{level.name}/{name}" if level.name else name,
                relative,
                f"{level.path}/{name}" if level.path else name,
                node,
                include_info,
                exclude_info,
                wanted,
            )
        )
    return children


def _contents(
    tree: FileTree, paths: Sequence[str], threads: ThreadPoolExecutor
) -> Mapping[str, str]:
    if isinstance(tree, ContextTree):
        return tree.digests(paths)
    root = f"{tree.root}/"
    # A task for each file would cost more than its digest.
    batches = [paths[start : start + _BATCH] for start in range(0, len(paths), _BATCH)]
    found: dict[str, str] = {}
    for batch, digests in zip(batches, threads.map(_digests(root), batches), strict=True):
        found.update(zip(batch, digests, strict=True))
    return found


def _digests(root: str) -> Callable[[Sequence[str]], list[str]]:
    return lambda paths: [sha256_of_file(Path(root + path))[0] for path in paths]


def _record(tree: FileTree, path: str, node: Node, contents: Mapping[str, str]) -> str:
    """The digest of one file without its name."""
    size = node.size if node.is_file else 0
    device = node.device if stat.S_ISCHR(node.mode) or stat.S_ISBLK(node.mode) else 0
    header = f"{node.mode:o} {node.uid} {node.gid} {size} {device}\0"
    record = hashlib.sha256(header.encode())
    if node.is_file:
        record.update(contents[path].encode())
    elif node.is_link:
        record.update(os.fsencode(tree.link(path)))
    if not isinstance(tree, ContextTree):
        # Links have no attributes of use; a context's are not kept.
        for key, value in _attributes(tree, path, node):
            record.update(b"\0%s=%s" % (key, value))
    return record.hexdigest()


def _attributes(tree: FileTree, path: str, node: Node) -> list[tuple[bytes, bytes]]:
    if node.is_link:
        return []
    real = tree.root / path
    return [
        (os.fsencode(name), os.getxattr(real, name, follow_symlinks=False))
        for name in sorted(os.listxattr(real, follow_symlinks=False))
        if name == "security.capability" or name.startswith(("user.", "system.posix_acl"))
        if not name.startswith("user.overlay.")
    ]
