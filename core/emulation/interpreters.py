"""QEMU's user emulators as they lie on this machine."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.emulation.architectures import Architecture
from core.oci.elf import HEADER_SIZE, is_elf, platform_of
from core.oci.platform import Platform

_PLACES = ("/usr/bin", "/usr/local/bin", "/usr/libexec/qemu-binfmt", "/usr/lib/qemu-user")
_VERSION = re.compile(r"version (\d+(?:\.\d+)+)")
_PT_INTERP = 3
_TIMEOUT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class QemuProgram:
    """An emulator. ``platform`` is the one it runs on itself; a ``static`` one needs no libraries,
    which containers do not have."""

    path: Path
    platform: Platform | None
    static: bool


def find_qemu(architecture: Architecture, extra: Iterable[Path] = ()) -> tuple[QemuProgram, ...]:
    """Emulators for ``architecture``, static first; ``extra`` are more directories."""
    found: dict[str, QemuProgram] = {}
    directories = [*map(str, extra), *os.environ.get("PATH", "").split(":"), *_PLACES]
    for name in (f"qemu-{architecture.qemu}-static", f"qemu-{architecture.qemu}"):
        for directory in directories:
            path = shutil.which(name, path=directory) if directory else None
            if path is None:
                continue
            real = os.path.realpath(path)
            program = describe(Path(real))
            if program is not None:
                found.setdefault(real, program)
    return tuple(sorted(found.values(), key=lambda one: not one.static))


def describe(path: Path) -> QemuProgram | None:
    """What the ELF file at ``path`` is; None for other files."""
    try:
        with path.open("rb") as file:
            head = file.read(HEADER_SIZE)
            if not is_elf(head) or len(head) < HEADER_SIZE:
                return None
            static = not _has_loader(head, file.read(64 * 64))
    except OSError:
        return None
    return QemuProgram(path=path, platform=platform_of(head), static=static)


def qemu_version(path: Path) -> str:
    """``7.2.0``, or "" when the program does not say."""
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = _VERSION.search(done.stdout)
    return match[1] if match else ""


def _has_loader(head: bytes, rest: bytes) -> bool:
    """Whether program headers name a dynamic loader (PT_INTERP)."""
    order = "<" if head[5] == 1 else ">"
    if head[4] == 2:
        (start,) = struct.unpack_from(order + "Q", head, 32)
        size, count = struct.unpack_from(order + "HH", head, 54)
    else:
        (start,) = struct.unpack_from(order + "I", head, 28)
        size, count = struct.unpack_from(order + "HH", head, 42)
    data = head + rest
    for number in range(count):
        at = start + number * size
        if at + 4 > len(data):
            break
        if struct.unpack_from(order + "I", data, at)[0] == _PT_INTERP:
            return True
    return False
