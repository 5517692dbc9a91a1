"""A look at what an image starts: is that program made for the image's platform?"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from core.linux.rooted import open_in_root
from core.oci import elf
from core.oci.platform import Platform

_DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_READ: Final = 256
# Machines of these architectures run the older one's programs too.
_ALSO_RUNS: Final = {"amd64": {"386"}, "arm64": {"arm"}, "mips64le": {"mipsle"}}


def program_for_other_platform(
    root: Path, platform: Platform, config: Mapping[str, Any]
) -> str | None:
    """A sentence when the image at ``root`` starts a program of another platform.

    Looks at what ENTRYPOINT, else CMD, names, and at the interpreter of a script. None also for
    what cannot be told: no such file, no ELF file, an image for another system.
    """
    if platform.os != "linux":
        return None
    runtime = config.get("config") or {}
    command = runtime.get("Entrypoint") or runtime.get("Cmd") or []
    if not command or not isinstance(command[0], str) or not command[0]:
        return None
    folder = str(runtime.get("WorkingDir") or "/")
    search = next(
        (v[5:] for v in runtime.get("Env") or () if isinstance(v, str) and v.startswith("PATH=")),
        _DEFAULT_PATH,
    )
    root_fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        name, head = _find(root_fd, command[0], folder, search)
        if head.startswith(b"#!"):
            words = head[2:].split(b"\n", 1)[0].split()
            name, head = _find(root_fd, os.fsdecode(words[0]), "/", "") if words else ("", b"")
    finally:
        os.close(root_fd)
    found = elf.platform_of(head)
    if found is None or _runs(platform, found):
        return None
    return f"{name} in the image for {platform} is a program for {found}"


def _runs(platform: Platform, program: Platform) -> bool:
    # Variants are not compared: an ELF header does not tell one from the other.
    architecture = platform.normalized().architecture
    return program.architecture in {architecture, *_ALSO_RUNS.get(architecture, ())}


def _find(root: int, program: str, folder: str, search: str) -> tuple[str, bytes]:
    """The path of a program inside the image, and its first bytes; empty when not found."""
    if "/" in program:
        candidates = [program if program.startswith("/") else f"{folder}/{program}"]
    else:
        candidates = [f"{entry}/{program}" for entry in search.split(":") if entry]
    for path in candidates:
        head = _head(root, path)
        if head:
            return path, head
    return "", b""


def _head(root: int, path: str) -> bytes:
    try:
        fd = open_in_root(root, os.fsencode(path), os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return b""
        return os.read(fd, _READ)
    finally:
        os.close(fd)
