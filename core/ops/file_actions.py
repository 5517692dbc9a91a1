"""The actions of a file operation, carried out on a mounted layer.

``root`` is the layer's root directory; paths of actions are absolute inside it, and links in
them are followed as if it were ``/``.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from core.dockerfile.ignore import PatternMatcher
from core.errors import BuildError, NotFoundError
from core.linux.rooted import resolve_in_root
from core.llb.files import CopyAction, MkDirAction, MkFileAction, RmAction, SymlinkAction
from core.ops.file_archive import is_archive, unpack
from core.ops.file_copy import Copier, CopyRules, make_parents
from core.ops.file_match import clean_path, matching_paths
from core.ops.file_mode import ModeChange, parse_symbolic_mode
from core.ops.file_tree import FileTree, SnapshotTree, resolve

Owner = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A mounted layer to change; ``rootless`` as in ``core.snapshot``."""

    root: Path
    rootless: bool

    def place(self, path: str, *, last: bool = True) -> str:
        """The real path of ``path``; a link at the end is followed if ``last``."""
        if not last:
            above, _, base = path.rstrip("/").rpartition("/")
            return f"{self.place(above or '/')}/{base}"
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            inside = os.fsdecode(resolve_in_root(fd, os.fsencode(path)))
        finally:
            os.close(fd)
        return f"{self.root}/{inside}" if inside else str(self.root)


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
    cancelled: threading.Event

    def run(self) -> int:
        """Copy; the number of bytes. Raises as ``Copier``, and NotFoundError for no source."""
        action = self.action
        source, target = clean_path(action.src), clean_path(action.dest)
        rules = self._rules()
        if not action.create_dest_path:
            above = os.path.dirname(self.layer.place(target))
            if not os.path.lexists(above):
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
        make_parents(self.layer.place(ahead), rules=rules, times=made)
        node = self.tree.node(found)
        if node is None:
            raise _missing(path)
        place = self.layer.place(target)
        exists = os.path.lexists(place)
        contents = self.action.dir_copy_contents and node.is_directory
        if (exists and node.is_directory and not contents) or (
            not node.is_directory and os.path.isdir(place)
        ):
            place = f"{place}/{posixpath.basename(path.rstrip('/').removesuffix('/.'))}"
        above = place if contents and not exists else os.path.dirname(place)
        if above != os.path.dirname(str(self.layer.root)):
            make_parents(above, rules=rules, times=made)
        copier = Copier(tree=self.tree, rules=rules, threads=self.threads, cancelled=self.cancelled)
        try:
            copier.copy(found, place)
        finally:
            copier.finish()
        for directory, mtime in reversed(made):
            os.utime(directory, ns=(mtime, mtime))
        return copier.copied

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
