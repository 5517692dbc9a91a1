"""Trees that files are copied from: a snapshot's view, or a directory of this machine.

Paths are relative to the root, ``/`` between names, "" for the root itself. Symbolic links are
only ever followed here, by ``resolve``, as if the root were ``/``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

from core.cache.stats import Signature
from core.errors import BuildError
from core.ops.local_tree import LocalEntry, LocalTree

# As the kernel counts (MAXSYMLINKS).
_MAX_LINKS = 40


class Node(NamedTuple):
    """One file of any kind; ``mode`` holds the type; ``inode`` groups hard links."""

    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    inode: int
    links: int
    device: int

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)


class FileTree(Protocol):
    """What copying and hashing need of a tree. Safe for several threads."""

    @property
    def root(self) -> Path: ...

    def node(self, path: str) -> Node | None:
        """What is at ``path``, whose directories hold no links; None when nothing is."""
        ...

    def entries(self, path: str) -> list[tuple[str, Node]]:
        """The names in directory ``path``, sorted by their bytes."""
        ...

    def link(self, path: str) -> str:
        """Where the symbolic link at ``path`` points."""
        ...

    def signature(self, path: str) -> Signature | None:
        """What a file must still look like when read (``signature_of``); None: as it likes."""
        ...

    def check(self, path: str, status: os.stat_result) -> None:
        """Raise StorageError if a file that was just read, with ``status``, is not as found."""
        ...


class SnapshotTree:
    """The files at ``root``, which nobody changes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def node(self, path: str) -> Node | None:
        try:
            return _node(os.lstat(self.root / path))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def entries(self, path: str) -> list[tuple[str, Node]]:
        with os.scandir(self.root / path) as scan:
            found = [(entry.name, _node(entry.stat(follow_symlinks=False))) for entry in scan]
        found.sort(key=_by_bytes)
        return found

    def link(self, path: str) -> str:
        return os.readlink(self.root / path)

    def signature(self, path: str) -> Signature | None:
        return None

    def check(self, path: str, status: os.stat_result) -> None:
        pass


class ContextTree:
    """A directory of this machine: what a walk found there, owned by root."""

    def __init__(self, tree: LocalTree) -> None:
        self.root = tree.root
        self._tree = tree
        self._names: dict[str, list[str]] | None = None

    def node(self, path: str) -> Node | None:
        if not path:
            return _context_node(self._tree.entries[""]) if "" in self._tree.entries else _ROOT
        entry = self._tree.entries.get(path)
        return None if entry is None else _context_node(entry)

    def entries(self, path: str) -> list[tuple[str, Node]]:
        prefix = f"{path}/" if path else ""
        found = [
            (name, _context_node(self._tree.entries[prefix + name]))
            for name in self._children().get(path, ())
        ]
        found.sort(key=_by_bytes)
        return found

    def link(self, path: str) -> str:
        return self._tree.entries[path].link

    def signature(self, path: str) -> Signature | None:
        return self._tree.entries[path].signature

    def check(self, path: str, status: os.stat_result) -> None:
        self._tree.check(path, status)

    def digests(self, paths: Iterable[str]) -> dict[str, str]:
        """SHA-256 (hex) of the contents of the files at ``paths``."""
        return self._tree.digests(paths)

    def known_digests(self, path: str) -> dict[str, str]:
        """The digests of all files at and below ``path``."""
        prefix = f"{path}/" if path else ""
        entries = self._tree.entries
        wanted = [
            p for p, e in entries.items() if e.is_file and (p == path or p.startswith(prefix))
        ]
        return self._tree.digests(wanted)

    def _children(self) -> dict[str, list[str]]:
        if self._names is None:
            names: dict[str, list[str]] = {}
            for path in self._tree.entries:
                if path:
                    directory, _, name = path.rpartition("/")
                    names.setdefault(directory, []).append(name)
            self._names = names
        return self._names


def resolve(tree: FileTree, path: str, *, last: bool = True) -> str:
    """``path`` without links and dots; the part that does not exist is kept.

    ``last`` says whether a link at the very end is followed too.
    """
    todo = path.split("/")[::-1]
    done: list[str] = []
    links = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            del done[-1:]
            continue
        done.append(part)
        node = tree.node("/".join(done))
        if node is None or not node.is_link or not (last or any(p not in ("", ".") for p in todo)):
            continue
        links += 1
        if links > _MAX_LINKS:
            raise BuildError(f"{path!r} leads through too many symbolic links.")
        target = tree.link("/".join(done))
        done = [] if target.startswith("/") else done[:-1]
        todo += target.split("/")[::-1]
    return "/".join(done)


def _node(status: os.stat_result) -> Node:
    return Node(
        status.st_mode,
        status.st_uid,
        status.st_gid,
        status.st_size,
        status.st_mtime_ns,
        status.st_ino,
        status.st_nlink,
        status.st_rdev,
    )


def _context_node(entry: LocalEntry) -> Node:
    size, mtime_ns, _, inode = entry.signature
    return Node(entry.mode, 0, 0, size, mtime_ns, inode, entry.links, entry.device)


_ROOT = Node(stat.S_IFDIR | 0o755, 0, 0, 0, 0, 0, 1, 0)


def _by_bytes(entry: tuple[str, Node]) -> bytes:
    return os.fsencode(entry[0])
