"""Copy files into a layer, by the rules of COPY (BuildKit's, from tonistiigi/fsutil).

- A directory's contents go into the destination; what is there is merged. The destination keeps
  its owner and mode if it exists; directories further down take those of the source.
- Existing files are replaced, never written through; a file cannot replace a directory, nor a
  directory a file, unless ``replace`` is set.
- Where the target is a layer's own directory instead of a mount, ``below`` shows what it goes on:
  directories that exist there are made again as they are.
- Files that an earlier copy of the same kind already has in a layer become other names of those.
- Links are copied as links, hard links among the copied files stay hard links, sockets become
  empty files. Times, modes, owners and extended attributes are kept unless told otherwise.

Contents are copied beside the walk: few by threads, many by processes. The kernel does it without
a detour where it can.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import struct
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from core.dockerfile.ignore import MatchInfo, PatternMatcher
from core.errors import BuildError, MachineError
from core.ops.file_earlier import EarlierFiles
from core.ops.file_mode import ModeChange
from core.ops.file_tree import FileTree, Node
from core.ops.file_workers import MUCH, FileToCopy, FileWorkers

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SMALL = 128 << 10
_AHEAD = 16
# Mode, owner, group, mtime of what was copied.
_NUMBERS = struct.Struct("<IIIq")
_SKIPPED_ATTRIBUTES = ("trusted.overlay.", "user.overlay.", "security.selinux")


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRules:
    """``owner`` and ``mode`` None keep the source's; ``timestamp`` is nanoseconds, None keeps.

    ``include`` and ``exclude`` match paths relative to the directory that is copied.
    """

    owner: tuple[int, int] | None = None
    mode: ModeChange | None = None
    timestamp: int | None = None
    include: PatternMatcher | None = None
    exclude: PatternMatcher | None = None
    replace: bool = False

    def directory_mode(self) -> int:
        """For directories that have to be made on the way."""
        octal = self.mode.octal if self.mode is not None else None
        return 0o755 if octal is None else octal


class CancelledCopyError(Exception):
    """``Copier.cancelled`` was set."""


_Leaf: TypeAlias = tuple[str, str, Node]
"""Where a file is in the tree, its new name, and what it is."""


@dataclass(slots=True)
class _Pending:
    """A directory that is made when something inside is to be copied."""

    source: str
    target: str
    node: Node
    below: str | None
    included: bool
    made: bool = False


@dataclass(frozen=True, slots=True)
class _Matches:
    include: MatchInfo | None = None
    exclude: MatchInfo | None = None


@dataclass(slots=True, kw_only=True)
class Copier:
    """Copies from ``tree``; targets are real absolute paths whose directories hold no links.

    Blocks; ``finish`` must be called in the end. ``copied`` counts bytes. Raises BuildError for
    conflicts, OSError (ENOSPC), StorageError when a file changed while it was read.

    ``digests`` (of contents, by source path) and ``earlier`` let unchanged files be linked instead
    of copied; ``done`` and ``base`` are then what may be ``earlier`` the next time, for a layer at
    ``home``.
    """

    tree: FileTree
    rules: CopyRules
    threads: ThreadPoolExecutor
    workers: FileWorkers | None = None
    home: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    earlier: EarlierFiles = field(default_factory=EarlierFiles)
    done: dict[str, bytes] = field(default_factory=dict)
    base: tuple[str, str] = ("", "")
    cancelled: threading.Event = field(default_factory=threading.Event)
    copied: int = 0
    _links: dict[int, str] = field(default_factory=dict)
    _times: list[tuple[str, int]] = field(default_factory=list)
    _running: list[Future[int]] = field(default_factory=list)
    _waiting: list[tuple[str, list[_Leaf]]] = field(default_factory=list)
    _count: int = 0
    _pending: list[_Pending] = field(default_factory=list)

    def copy(self, source: str, target: str, below: str | None = None) -> None:
        """Copy what is at ``source``, a directory's contents if it is one, to ``target``.

        ``below`` is the path that shows what ``target`` goes on, None for a mounted target.
        """
        node = self.tree.node(source)
        self.base = (source, target.removeprefix(self.home))
        if node is None:
            raise BuildError(f"/{source} is not there to be copied.", phrase="not found")
        if node.is_directory:
            self._directory(source, "", target, below, node, _Matches(), included=True)
        else:
            above = None if below is None else os.path.dirname(below)
            leaf = (source, os.path.basename(target), node)
            self._leaves(os.path.dirname(target), above, [leaf])

    def finish(self) -> None:
        """Wait for all contents, then set the times of directories."""
        try:
            if self._waiting:
                self._submit()
            for future in self._running:
                self.copied += future.result()
        finally:
            for future in self._running:
                future.cancel()
            # Whoever cleans up must not meet one that still writes.
            wait(self._running)
            self._running.clear()
        for path, mtime in reversed(self._times):
            os.utime(path, ns=(mtime, mtime), follow_symlinks=False)
        self._times.clear()

    def _directory(
        self,
        source: str,
        relative: str,
        target: str,
        below: str | None,
        node: Node,
        matches: _Matches,
        *,
        included: bool,
    ) -> None:
        if self.cancelled.is_set():
            raise CancelledCopyError
        pending = _Pending(source, target, node, below, included)
        self._pending.append(pending)
        if included:
            self._make_pending()
        leaves: list[_Leaf] = []
        inner: list[tuple[str, str, Node, _Matches, bool]] = []
        for name, child in self.tree.entries(source):
            path = f"{relative}/{name}" if relative else name
            wanted, descend, carried = self._match(path, child, matches)
            if child.is_directory:
                if descend:
                    inner.append((name, path, child, carried, wanted))
            elif wanted:
                leaves.append((f"{source}/{name}" if source else name, name, child))
        if leaves:
            self._make_pending()
            self._leaves(target, _directory_below(below), leaves)
        for name, path, child, carried, wanted in inner:
            self._directory(
                f"{source}/{name}" if source else name,
                path,
                f"{target}/{name}",
                _entry_below(below, name),
                child,
                carried,
                included=wanted,
            )
        self._pending.pop()

    def _match(self, path: str, node: Node, above: _Matches) -> tuple[bool, bool, _Matches]:
        """Whether ``path`` is copied, whether to look inside, and what to carry down."""
        include, exclude = self.rules.include, self.rules.exclude
        wanted, excluded = True, False
        include_info = exclude_info = None
        if include is not None:
            wanted, include_info = include.matches_in(path, above.include)
        if exclude is not None:
            excluded, exclude_info = exclude.matches_in(path, above.exclude)
            wanted = wanted and not excluded
        descend = not excluded or (exclude is not None and exclude.has_negations)
        return wanted, descend, _Matches(include_info, exclude_info)

    def _make_pending(self) -> None:
        for number, directory in enumerate(self._pending):
            if not directory.made:
                self._make_directory(directory, top=number == 0)
                directory.made = True

    def _make_directory(self, wanted: _Pending, *, top: bool) -> None:
        """Make or merge one directory; ``top`` is the one that COPY names as destination."""
        existing = _status(wanted.target)
        here = existing is not None
        if existing is None and wanted.below is not None:
            existing = _status(wanted.below)
        if existing is not None and not stat.S_ISDIR(existing.st_mode):
            if not self.rules.replace:
                raise BuildError(
                    f"Cannot copy directory /{wanted.source} over a file of that name.",
                    hint="Remove the file in a step before, or copy to another path.",
                    phrase=f"cannot copy to non-directory: {os.path.basename(wanted.target)}",
                )
            if here:
                os.unlink(wanted.target)
            existing = None
        if existing is None:
            os.mkdir(wanted.target, 0o700)
        elif not here and wanted.below is not None:
            copy_up(wanted.below, wanted.target, existing)
        if existing is not None and not wanted.included:
            # Only on the way to something that is copied: it keeps all but its mode.
            self._times.append((wanted.target, existing.st_mtime_ns))
            os.chmod(wanted.target, stat.S_IMODE(wanted.node.mode))
            return
        self._times.append((wanted.target, self._mtime(wanted.node)))
        if existing is not None and top:
            return
        owner = self.rules.owner or (wanted.node.uid, wanted.node.gid)
        os.chown(wanted.target, *owner)
        os.chmod(wanted.target, self._mode(wanted.node))
        source = str(self.tree.root / wanted.source)
        _copy_attributes(source, wanted.target, os.listxattr(source, follow_symlinks=False))

    def _leaves(self, directory: str, below: str | None, leaves: Sequence[_Leaf]) -> None:
        """Everything but directories: (source, name in ``directory``, node)."""
        batch: list[_Leaf] = []
        for leaf in leaves:
            source, name, node = leaf
            if below is not None and not self.rules.replace:
                existing = _status(f"{below}/{name}")
                if existing is not None and stat.S_ISDIR(existing.st_mode):
                    raise _over_directory(source, name)
            if node.is_file and node.links == 1:
                batch.append(leaf)
                if len(batch) == MUCH:
                    self._later(directory, batch)
                    batch = []
            else:
                self._special(source, f"{directory}/{name}", directory, name, node)
        if batch:
            self._later(directory, batch)

    def _later(self, directory: str, batch: list[_Leaf]) -> None:
        self._waiting.append((directory, batch))
        self._count += len(batch)
        if self._count >= MUCH:
            self._submit()

    def _submit(self) -> None:
        many = self.workers is not None and self._count >= MUCH
        work = self._by_process if many else self._by_thread
        self._running.append(self.threads.submit(work, self._waiting))
        self._waiting, self._count = [], 0
        # Reading far ahead of those who copy would fill memory.
        while len(self._running) > _AHEAD:
            self.copied += self._running.pop(0).result()

    def _by_thread(self, batches: Sequence[tuple[str, Sequence[_Leaf]]]) -> int:
        size = 0
        for directory, batch in batches:
            if self.cancelled.is_set():
                raise CancelledCopyError
            into = os.open(directory, _DIRECTORY)
            try:
                size += sum(self._file(leaf, directory, into) for leaf in batch)
            finally:
                os.close(into)
        return size

    def _by_process(self, batches: Sequence[tuple[str, Sequence[_Leaf]]]) -> int:
        if self.cancelled.is_set():
            raise CancelledCopyError
        assert self.workers is not None
        request = [
            (directory, [self._to_copy(leaf) for leaf in batch]) for directory, batch in batches
        ]
        size, left = self.workers.copy(str(self.tree.root), request)
        if left:
            # What a process left alone is done here, or fails here with the right words.
            leaves = [(directory, leaf) for directory, batch in batches for leaf in batch]
            size += self._by_thread([(leaves[n][0], [leaves[n][1]]) for n in left])
        return size

    def _to_copy(self, leaf: _Leaf) -> FileToCopy:
        source, name, node = leaf
        mode, mtime = self._mode(node), self._mtime(node)
        uid, gid = self.rules.owner or (node.uid, node.gid)
        earlier = self._remember(leaf)
        signature = self.tree.signature(source)
        return (source, name, mode, uid, gid, mtime, signature, earlier)

    def _remember(self, leaf: _Leaf) -> str | None:
        """Note what is being made; a file that is just that already, to be linked to."""
        source, _, node = leaf
        digest = self.digests.get(source)
        if digest is None:
            return None
        uid, gid = self.rules.owner or (node.uid, node.gid)
        numbers = _NUMBERS.pack(self._mode(node), uid, gid, self._mtime(node))
        made = bytes.fromhex(digest[:32]) + numbers
        self.done[source] = made
        return self.earlier.path(source) if self.earlier.files.get(source) == made else None

    def _file(self, leaf: _Leaf, directory: str, into: int) -> int:
        """Copy one file to the open ``directory``; the bytes that were copied."""
        source, name, node = leaf
        earlier = self._remember(leaf)
        if earlier is not None and _linked(earlier, into, name):
            return 0
        try:
            reading = os.open(f"{self.tree.root}/{source}", _READ)
        except FileNotFoundError as error:
            raise BuildError(
                f"/{source} was there when the build began and is gone now.",
                hint="Build again when nothing writes to the context.",
            ) from error
        try:
            writing = self._create(into, name, source)
            try:
                size = _copy_content(reading, writing, node.size)
                self.tree.check(source, os.fstat(reading))
                os.fchown(writing, *(self.rules.owner or (node.uid, node.gid)))
                os.fchmod(writing, self._mode(node))
                attributes = os.listxattr(reading)
                if attributes:
                    _copy_attributes(reading, writing, attributes)
                mtime = self._mtime(node)
                os.utime(writing, ns=(mtime, mtime))
            finally:
                os.close(writing)
        finally:
            os.close(reading)
        return size

    def _create(self, into: int, name: str, source: str) -> int:
        try:
            return os.open(name, _CREATE, 0o600, dir_fd=into)
        except FileExistsError:
            self._vacate(into, name, source)
            return os.open(name, _CREATE, 0o600, dir_fd=into)

    def _vacate(self, into: int, name: str, source: str) -> None:
        """Remove what is called ``name``, unless it is a directory that may not be replaced."""
        try:
            existing = os.stat(name, dir_fd=into, follow_symlinks=False)
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(existing.st_mode):
            os.unlink(name, dir_fd=into)
        elif self.rules.replace:
            shutil.rmtree(name, dir_fd=into)
        else:
            raise _over_directory(source, name)

    def _special(self, source: str, target: str, directory: str, name: str, node: Node) -> None:
        """Links, devices, pipes, sockets, and files with several names."""
        into = os.open(directory, _DIRECTORY)
        try:
            if node.is_file:
                first = self._links.setdefault(node.inode, target)
                if first != target:
                    self._vacate(into, name, source)
                    os.link(first, name, dst_dir_fd=into, follow_symlinks=False)
                else:
                    self.copied += self._file((source, name, node), directory, into)
                return
            self._vacate(into, name, source)
            if node.is_link:
                os.symlink(self.tree.link(source), name, dir_fd=into)
            elif stat.S_ISSOCK(node.mode):
                os.close(os.open(name, _CREATE, 0o600, dir_fd=into))
            else:
                self._device(into, name, source, node)
            owner = self.rules.owner or (node.uid, node.gid)
            os.chown(name, *owner, dir_fd=into, follow_symlinks=False)
            if not node.is_link:
                os.chmod(name, self._mode(node), dir_fd=into)
            mtime = self._mtime(node)
            os.utime(name, ns=(mtime, mtime), dir_fd=into, follow_symlinks=False)
        finally:
            os.close(into)

    def _device(self, into: int, name: str, source: str, node: Node) -> None:
        try:
            os.mknod(name, stat.S_IFMT(node.mode) | 0o600, node.device, dir_fd=into)
        except PermissionError as error:
            raise MachineError(
                f"/{source} is a device, which only the machine's root can make.",
                hint="Leave it out with .dockerignore or --exclude, or run the builder as root.",
            ) from error

    def _mode(self, node: Node) -> int:
        if self.rules.mode is None:
            return stat.S_IMODE(node.mode)
        return self.rules.mode.apply(node.mode)

    def _mtime(self, node: Node) -> int:
        return node.mtime_ns if self.rules.timestamp is None else self.rules.timestamp


def _linked(earlier: str, into: int, name: str) -> bool:
    try:
        os.link(earlier, name, dst_dir_fd=into, follow_symlinks=False)
    except OSError:
        # Gone, in the way, or with too many names already.
        return False
    return True


def _over_directory(source: str, name: str) -> BuildError:
    return BuildError(
        f"Cannot copy file /{source} over a directory of that name.",
        hint="Remove the directory in a step before, or copy to another path.",
        phrase=f"cannot replace to directory {name} with file",
    )


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _directory_below(below: str | None) -> str | None:
    """``below`` if it is a directory itself; a link to one shows nothing through."""
    status = None if below is None else _status(below)
    return below if status is not None and stat.S_ISDIR(status.st_mode) else None


def _entry_below(below: str | None, name: str) -> str | None:
    directory = _directory_below(below)
    return None if directory is None else f"{directory}/{name}"


def copy_up(below: str, target: str, status: os.stat_result) -> None:
    """Make directory ``target`` in a layer look like the one ``below`` that it merges with."""
    os.mkdir(target, 0o700)
    os.chown(target, status.st_uid, status.st_gid)
    os.chmod(target, stat.S_IMODE(status.st_mode))
    _copy_attributes(below, target, os.listxattr(below, follow_symlinks=False))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _copy_content(reading: int, writing: int, size: int) -> int:
    if size <= _SMALL:
        data = os.read(reading, size + 1)
        if len(data) <= size:
            _write(writing, data)
            return len(data)
        _write(writing, data)
    done = os.lseek(writing, 0, os.SEEK_CUR)
    try:
        while True:
            piece = os.copy_file_range(reading, writing, 1 << 30)
            if piece == 0:
                # Some file systems say 0 for files whose size they do not know.
                break
            done += piece
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
    while piece_read := os.read(reading, 1 << 20):
        _write(writing, piece_read)
        done += len(piece_read)
    return done


def _write(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    while written < len(data):
        data = data[written:]
        written = os.write(fd, data)


def _copy_attributes(source: int | str, target: int | str, names: Sequence[str]) -> None:
    for name in names:
        if name.startswith(_SKIPPED_ATTRIBUTES):
            continue
        try:
            os.setxattr(target, name, os.getxattr(source, name))
        except OSError:
            # The other file system has none of this kind, or it is not ours to set.
            continue


def make_parents(
    path: str, *, rules: CopyRules, times: list[tuple[str, int]] | None = None
) -> list[str]:
    """Make directory ``path`` and what is missing above, owned and timed by ``rules``.

    ``path`` is real and holds no links. Returns what was made, outermost first.
    """
    missing = []
    current = Path(path)
    while not os.path.lexists(current):
        missing.append(str(current))
        current = current.parent
    if not current.is_dir():
        raise BuildError(
            f"{current.name!r} is a file where a directory is needed.",
            phrase="not a directory",
        )
    missing.reverse()
    for directory in missing:
        os.mkdir(directory, 0o700)
        if rules.owner is not None:
            os.chown(directory, *rules.owner)
        os.chmod(directory, rules.directory_mode())
    if rules.timestamp is not None:
        for directory in missing:
            os.utime(directory, ns=(rules.timestamp, rules.timestamp))
            if times is not None:
                times.append((directory, rules.timestamp))
    return missing
