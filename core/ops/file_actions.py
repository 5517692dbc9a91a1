"""The actions of a file operation, carried out on a mounted layer.

``root`` is the layer's root directory; paths of actions are absolute inside it, and links in
them are followed as if it were ``/``.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.dockerfile.ignore import PatternMatcher
from core.errors import BuildError, NotFoundError
from core.linux.rooted import resolve_in_root
from core.llb.files import CopyAction, MkDirAction, MkFileAction, RmAction, SymlinkAction
from core.ops.file_archive import is_archive, unpack
from core.ops.file_copy import Copier, CopyRules, copy_up, make_parents
from core.ops.file_earlier import EarlierFiles
from core.ops.file_match import clean_path, matching_paths
from core.ops.file_mode import ModeChange, parse_symbolic_mode
from core.ops.file_tree import FileTree, Node, SnapshotTree, resolve
from core.ops.file_workers import FileWorkers

Owner = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer to change; ``rootless`` as in ``core.snapshot``.

    ``root`` is where it is mounted; or its own directory, and then ``lower`` shows what it goes
    on. Only copying does with the latter.
    """

    root: Path
    rootless: bool
    lower: Path | None = None

    def below(self, place: str) -> str | None:
        """The path that shows what ``place`` goes on; None for a mounted layer, or for nothing."""
        if self.lower is None:
            return None
        inside = place.removeprefix(str(self.root)).lstrip("/")
        real = SnapshotTree(self.lower)
        if resolve(real, inside) != inside:
            return None
        return f"{self.lower}/{inside}" if inside else str(self.lower)

    def exists(self, place: str) -> bool:
        below = self.below(place)
        return os.path.lexists(place) or (below is not None and os.path.lexists(below))

    def is_directory(self, place: str) -> bool:
        if os.path.lexists(place):
            return os.path.isdir(place)
        below = self.below(place)
        return below is not None and os.path.isdir(below)

    def bring_up(self, place: str) -> None:
        """Make the directories at and above ``place`` that only the layers below have."""
        if self.lower is None or os.path.lexists(place):
            return
        inside = place.removeprefix(str(self.root)).strip("/").split("/")
        for depth in range(1, len(inside) + 1):
            part = f"{self.root}/{'/'.join(inside[:depth])}"
            if os.path.lexists(part):
                continue
            below = self.below(part)
            if below is None or not os.path.isdir(below):
                return
            copy_up(below, part, os.lstat(below))

    def place(self, path: str, *, last: bool = True) -> str:
        """The real path of ``path``; a link at the end is followed if ``last``."""
        if self.lower is not None:
            inside = resolve(_Union(self.root, self.lower), path, last=last)
            return f"{self.root}/{inside}" if inside else str(self.root)
        if not last:
            above, _, base = path.rstrip("/").rpartition("/")
            return f"{self.place(above or '/')}/{base}"
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            inside = os.fsdecode(resolve_in_root(fd, os.fsencode(path)))
        finally:
            os.close(fd)
        return f"{self.root}/{inside}" if inside else str(self.root)


class _Union(SnapshotTree):
    """What a layer that nothing was removed from shows together with what it goes on."""

    def __init__(self, root: Path, lower: Path) -> None:
        super().__init__(root)
        self._lower = SnapshotTree(lower)

    def node(self, path: str) -> Node | None:
        return super().node(path) or self._lower.node(path)

    def link(self, path: str) -> str:
        return super().link(path) if super().node(path) else self._lower.link(path)


def make_directory(layer: Layer, action: MkDirAction, owner: Owner | None) -> None:
    path = layer.place(action.path)
    rules = CopyRules(
        owner=owner,
        mode=ModeChange(octal=action.mode & 0o777),
        timestamp=None if action.timestamp < 0 else action.timestamp,
    )
    if os.path.lexists(path):
        if not os.path.isdir(path):
            raise BuildError(
                f"{action.path} is a file where a directory is needed.", phrase="not a directory"
            )
        return
    if not action.make_parents and not os.path.isdir(os.path.dirname(path)):
        raise NotFoundError(f"The directory above {action.path} is not there.")
    make_parents(path, rules=rules)


def make_file(layer: Layer, action: MkFileAction, owner: Owner | None) -> None:
    path = layer.place(posixpath.join("/", action.path))
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"The directory above {action.path} is not there.") from error
    except IsADirectoryError as error:
        raise BuildError(f"{action.path} is a directory, not a file to be written.") from error
    with open(fd, "wb", buffering=0) as file:
        file.write(action.data)
        if owner is not None:
            os.fchown(fd, *owner)
        os.fchmod(fd, action.mode & 0o777)
        if action.timestamp >= 0:
            os.utime(fd, ns=(action.timestamp, action.timestamp))


def make_symlink(layer: Layer, action: SymlinkAction, owner: Owner | None) -> None:
    path = layer.place(posixpath.join("/", action.new_path))
    try:
        os.symlink(action.old_path, path)
    except FileExistsError as error:
        raise BuildError(f"{action.new_path} is there already.", phrase="file exists") from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"The directory above {action.new_path} is not there.") from error
    if owner is not None:
        os.chown(path, *owner, follow_symlinks=False)
    if action.timestamp >= 0:
        os.utime(path, ns=(action.timestamp, action.timestamp), follow_symlinks=False)


def remove(layer: Layer, action: RmAction) -> None:
    paths = [action.path]
    if action.allow_wildcard:
        paths = matching_paths(SnapshotTree(layer.root), clean_path(action.path), follow=False)
    for path in paths:
        clean = posixpath.join("/", path)
        if not clean.rstrip("/"):
            raise BuildError("The root directory cannot be removed.")
        target = layer.place(clean, last=False)
        if not os.path.lexists(target):
            if not action.allow_not_found:
                raise NotFoundError(f"{path} is not there to be removed.")
        elif os.path.isdir(target) and not os.path.islink(target):
            shutil.rmtree(target)
        else:
            os.unlink(target)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyJob:
    """A copy action with all that it needs; ``run`` blocks."""

    tree: FileTree
    layer: Layer
    action: CopyAction
    owner: Owner | None
    threads: ThreadPoolExecutor
    workers: FileWorkers | None = None
    cancelled: threading.Event
    digests: Mapping[str, str] = field(default_factory=dict)
    earlier: EarlierFiles = field(default_factory=EarlierFiles)
    done: dict[str, bytes] = field(default_factory=dict)
    bases: list[tuple[str, str]] = field(default_factory=list)

    def run(self) -> int:
        """Copy; the number of bytes. Raises as ``Copier``, and NotFoundError for no source."""
        action = self.action
        source, target = clean_path(action.src), clean_path(action.dest)
        rules = self._rules()
        if not action.create_dest_path:
            above = os.path.dirname(self.layer.place(target))
            if not self.layer.exists(above):
                raise NotFoundError(f"The directory above {action.dest} is not there.")
        paths = [source]
        if action.allow_wildcard:
            paths = matching_paths(self.tree, source, follow=action.follow_symlink)
            if source.endswith("/") and paths == [source.rstrip("/") or "/"]:
                paths = [source]
            if not paths:
                if action.allow_empty_wildcard:
                    return 0
                raise _missing(action.src)
        return sum(self._copy(path, target, rules) for path in paths)

    def _rules(self) -> CopyRules:
        action = self.action
        mode: ModeChange | None = None
        if action.mode_str:
            mode = parse_symbolic_mode(action.mode_str)
        elif action.mode >= 0:
            mode = ModeChange(octal=action.mode & 0o7777)
        return CopyRules(
            owner=self.owner,
            mode=mode,
            timestamp=None if action.timestamp < 0 else action.timestamp,
            include=PatternMatcher(action.include_patterns) if action.include_patterns else None,
            exclude=PatternMatcher(action.exclude_patterns) if action.exclude_patterns else None,
            replace=action.always_replace,
        )

    def _copy(self, path: str, target: str, rules: CopyRules) -> int:
        found = resolve(self.tree, path, last=self.action.follow_symlink)
        if self.action.attempt_unpack and self._unpack(path, target, rules):
            return 0
        made: list[tuple[str, int]] = []
        base = posixpath.basename(target)
        ahead = posixpath.dirname(target) if base not in ("", ".") else target
        self._make_parents(self.layer.place(ahead), rules, made)
        node = self.tree.node(found)
        if node is None:
            raise _missing(path)
        place = self.layer.place(target)
        exists = self.layer.exists(place)
        contents = self.action.dir_copy_contents and node.is_directory
        if (exists and node.is_directory and not contents) or (
            not node.is_directory and self.layer.is_directory(place)
        ):
            place = f"{place}/{posixpath.basename(path.rstrip('/').removesuffix('/.'))}"
        above = place if contents and not exists else os.path.dirname(place)
        if above != os.path.dirname(str(self.layer.root)):
            self._make_parents(above, rules, made)
        copier = Copier(
            tree=self.tree,
            rules=rules,
            threads=self.threads,
            workers=self.workers,
            cancelled=self.cancelled,
            home=str(self.layer.root),
            digests=self.digests,
            earlier=self.earlier,
            done=self.done,
        )
        try:
            copier.copy(found, place, self.layer.below(place))
            self.bases.append(copier.base)
        finally:
            copier.finish()
        for directory, mtime in reversed(made):
            os.utime(directory, ns=(mtime, mtime))
        return copier.copied

    def _make_parents(self, place: str, rules: CopyRules, made: list[tuple[str, int]]) -> None:
        self.layer.bring_up(place)
        make_parents(place, rules=rules, times=made)

    def _unpack(self, path: str, target: str, rules: CopyRules) -> bool:
        found = resolve(self.tree, path)
        node = self.tree.node(found)
        if node is None or not node.is_file:
            return False
        archive = self.tree.root / found
        if not is_archive(archive):
            return False
        into = self.layer.place(target)
        make_parents(into, rules=replace(rules, mode=None))
        unpack(archive, Path(into), owner=self.owner, rootless=self.layer.rootless)
        return True


def _missing(path: str) -> NotFoundError:
    return NotFoundError(
        f"{path!r} is not there to be copied.",
        hint="Check the path and .dockerignore; sources of COPY are relative to the context.",
        phrase=f'"{path}": not found',
    )
