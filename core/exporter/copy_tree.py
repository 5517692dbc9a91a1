"""Copying a result's files into a folder of somebody's machine.

Every step below the destination goes by directory descriptor and follows no symbolic link, so
that a link that lies there, or came with the result, never leads a file elsewhere.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Owner:
    """Who the copies belong to."""

    uid: int
    gid: int


def copy_tree(
    source: Path, target: Path, *, owner: Owner | None, epoch: int | None, delete: bool
) -> None:
    """Copy what is in ``source`` into the folder ``target``, made when it is not there.

    Modes, times (all ``epoch`` seconds when given), symbolic and hard links are kept; owners are
    ``owner`` or whoever runs this. Devices and sockets are left out. OSError for what fails.
    """
    target.mkdir(parents=True, exist_ok=True)
    _Copier(owner, epoch, delete).run(source, target)


def remove_others(folder: Path, names: set[bytes]) -> None:
    """Remove all that is in ``folder`` and not in ``names``."""
    fd = os.open(folder, _DIRECTORY)
    try:
        for name in os.listdir(fd):
            if os.fsencode(name) not in names:
                _remove(fd, name)
    finally:
        os.close(fd)


class _Copier:
    def __init__(self, owner: Owner | None, epoch: int | None, delete: bool) -> None:
        self._owner = owner
        self._epoch = None if epoch is None else epoch * 1_000_000_000
        self._delete = delete
        self._links: dict[tuple[int, int], tuple[str, str]] = {}

    def run(self, source: Path, target: Path) -> None:
        source_fd = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        target_fd = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._root = target_fd
            self._directory(source_fd, target_fd, "")
            if self._owner is not None:
                os.fchown(target_fd, self._owner.uid, self._owner.gid)
        finally:
            os.close(source_fd)
            os.close(target_fd)

    def _directory(self, source: int, target: int, path: str) -> None:
        with os.scandir(source) as scan:
            entries = sorted(scan, key=lambda entry: os.fsencode(entry.name))
        if self._delete:
            for name in set(os.listdir(target)) - {entry.name for entry in entries}:
                _remove(target, name)
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            inner = f"{path}/{entry.name}" if path else entry.name
            if stat.S_ISDIR(status.st_mode):
                self._subdirectory(source, target, entry.name, status, inner)
            elif stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
                self._leaf(source, target, entry.name, status, path)

    def _subdirectory(
        self, source: int, target: int, name: str, status: os.stat_result, path: str
    ) -> None:
        there = _status(target, name)
        if there is not None and not stat.S_ISDIR(there.st_mode):
            os.unlink(name, dir_fd=target)
            there = None
        if there is None:
            os.mkdir(name, 0o700, dir_fd=target)
        inner_source = os.open(name, _DIRECTORY, dir_fd=source)
        try:
            inner_target = os.open(name, _DIRECTORY, dir_fd=target)
            try:
                self._directory(inner_source, inner_target, path)
                self._finish(inner_target, status)
            finally:
                os.close(inner_target)
        finally:
            os.close(inner_source)

    def _leaf(
        self, source: int, target: int, name: str, status: os.stat_result, folder: str
    ) -> None:
        if _status(target, name) is not None:
            _remove(target, name)
        key = (status.st_dev, status.st_ino)
        if stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
            if self._owner is not None:
                os.chown(
                    name, self._owner.uid, self._owner.gid, dir_fd=target, follow_symlinks=False
                )
            when = status.st_mtime_ns if self._epoch is None else self._epoch
            os.utime(name, ns=(when, when), dir_fd=target, follow_symlinks=False)
            return
        if status.st_nlink > 1 and key in self._links:
            first_folder, first = self._links[key]
            with _Opened(self._root, first_folder) as folder_fd:
                os.link(first, name, src_dir_fd=folder_fd, dst_dir_fd=target, follow_symlinks=False)
            return
        fd = os.open(name, _READ, dir_fd=source)
        try:
            copy = os.open(name, _CREATE, 0o600, dir_fd=target)
            try:
                _copy_bytes(fd, copy)
                self._finish(copy, status)
            finally:
                os.close(copy)
        finally:
            os.close(fd)
        if status.st_nlink > 1:
            self._links[key] = (folder, name)

    def _finish(self, fd: int, status: os.stat_result) -> None:
        if self._owner is not None:
            os.fchown(fd, self._owner.uid, self._owner.gid)
        os.fchmod(fd, stat.S_IMODE(status.st_mode))
        when = status.st_mtime_ns if self._epoch is None else self._epoch
        os.utime(fd, ns=(when, when))


class _Opened:
    """A folder below ``root``, opened step by step without following links."""

    def __init__(self, root: int, path: str) -> None:
        self._root = root
        self._path = path

    def __enter__(self) -> int:
        fd = os.dup(self._root)
        for part in filter(None, self._path.split("/")):
            try:
                inner = os.open(part, _DIRECTORY, dir_fd=fd)
            finally:
                os.close(fd)
            fd = inner
        self._fd = fd
        return fd

    def __exit__(self, *exception: object) -> None:
        os.close(self._fd)


def _status(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _remove(folder: int, name: str) -> None:
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(name, dir_fd=folder)
        return
    fd = os.open(name, _DIRECTORY, dir_fd=folder)
    try:
        for inner in os.listdir(fd):
            _remove(fd, inner)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=folder)


def _copy_bytes(source: int, target: int) -> None:
    try:
        while os.copy_file_range(source, target, _CHUNK << 6):
            pass
    except OSError:
        # Not between these two file systems: the plain way, from where it stopped.
        while data := os.read(source, _CHUNK):
            view = memoryview(data)
            while view:
                view = view[os.write(target, view) :]
