"""QEMU in front of a step's program, where no handler can be registered.

QEMU is given a path, so the program is looked up here as execvp(3) would inside: PATH, then
scripts' ``#!`` lines.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Sequence

from core.linux.rooted import open_in_root

WRAPPER_TARGET = "/dev/.viaduct-qemu"
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LONGEST_LINE = 256
_DEEPEST = 5


def wrapped_arguments(
    root: int, args: Sequence[str], env: Sequence[str], cwd: str
) -> tuple[str, ...]:
    """``args`` with QEMU (at WRAPPER_TARGET) in front, scripts' interpreters resolved.

    A program that is not found is passed on as it is: QEMU's complaint then says so.
    """
    path = _DEFAULT_PATH
    for item in env:
        if item.startswith("PATH="):
            path = item.removeprefix("PATH=")
    program = _find(root, args[0], path, cwd) or args[0]
    line = [args[0], program, *args[1:]]
    for _ in range(_DEEPEST):
        interpreter = _interpreter(root, line[1])
        if not interpreter:
            break
        line = [interpreter[0], *interpreter, *line[1:]]
    return (WRAPPER_TARGET, "-0", *line)


def _find(root: int, name: str, path: str, cwd: str) -> str | None:
    if "/" in name:
        candidates = [posixpath.join(cwd or "/", name)]
    else:
        candidates = [posixpath.join(cwd or "/", part, name) for part in path.split(":")]
    return next((c for c in candidates if _is_executable(root, c)), None)


def _is_executable(root: int, path: str) -> bool:
    try:
        fd = open_in_root(root, os.fsencode(path), os.O_PATH)
    except OSError:
        return False
    try:
        mode = os.fstat(fd).st_mode
        return stat.S_ISREG(mode) and bool(mode & 0o111)
    finally:
        os.close(fd)


def _interpreter(root: int, path: str) -> list[str]:
    """The words of a script's first line, none for other files."""
    try:
        fd = open_in_root(root, os.fsencode(path), os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return []
    try:
        head = os.read(fd, _LONGEST_LINE)
    finally:
        os.close(fd)
    if not head.startswith(b"#!"):
        return []
    # One argument at most, blanks in it included: execve(2).
    words = head[2:].partition(b"\n")[0].strip().split(None, 1)
    return [os.fsdecode(word.strip()) for word in words]
