"""Which files of a tree are Dockerfiles, and reading them without tripping over the rest."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

NAMES = re.compile(
    r"^(?:(?:Docker|Container)file(?:[._-].+)?|.+\.(?:docker|container)file)$", re.IGNORECASE
)
NOT_DOCKERFILES = re.compile(
    r"\.(?:dockerignore|md|txt|py|go|sh|j2|tmpl|template|swp|bak|orig)$|~$", re.I
)
SKIPPED_FOLDERS = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", "__pycache__"})
LARGEST = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file that was passed over, and why."""

    path: Path
    reason: str


def find_dockerfiles(paths: Iterable[Path]) -> Iterator[Path | Unreadable]:
    """Files as given, Dockerfiles of folders in the order of their names.

    Links to folders are not followed, so that a loop of them ends nothing.
    """
    for path in paths:
        if path.is_dir():
            yield from _walk(path)
        elif path.exists() or path.is_symlink():
            yield path
        else:
            yield Unreadable(path=path, reason="there is no such file")


def _walk(folder: Path) -> Iterator[Path | Unreadable]:
    problems: list[Unreadable] = []

    def note(error: OSError) -> None:
        problems.append(
            Unreadable(path=Path(error.filename or folder), reason=error.strerror or str(error))
        )

    for root, folders, names in os.walk(folder, onerror=note, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        for name in sorted(names):
            if NAMES.match(name) and not NOT_DOCKERFILES.search(name):
                yield Path(root) / name
    yield from problems


def read_dockerfile(path: Path) -> bytes | Unreadable:
    """The bytes of a Dockerfile; Unreadable for what is none: binary, too large, no file."""
    try:
        if not path.is_file():
            return Unreadable(path=path, reason="it is not a regular file, or a link to nothing")
        if path.stat().st_size > LARGEST:
            return Unreadable(path=path, reason="it is larger than 16 MiB")
        data = path.read_bytes()
    except OSError as error:
        return Unreadable(path=path, reason=error.strerror or str(error))
    if b"\0" in data[:8192]:
        return Unreadable(path=path, reason="it is a binary file")
    return data
