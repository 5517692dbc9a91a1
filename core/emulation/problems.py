"""What is wrong with the emulation of this machine, and what to do about it.

Pure but for looking at interpreters' files; the registries are given.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from core.emulation.architectures import ARCHITECTURES, Architecture, head_of
from core.emulation.handlers import Handler, HandlerRegistry, RegistryState, shown_name
from core.emulation.interpreters import describe, qemu_version
from core.oci.platform import Platform

# Before these, programs that distributions of today build do not run well: QEMU's change logs.
_OLDEST = (6, 2)
_LARGE_PAGES = (9, 0)
_OPENAT2 = (9, 2)
_SMALL_PAGE = 4096


class Weight(Enum):
    """How much a problem matters."""

    BROKEN = "broken"
    """Programs do not run, in containers at least."""
    RISKY = "risky"
    """They run, with limits that are known."""
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """``code`` is stable; ``platforms`` are those concerned, none for the whole machine.

    ``message`` says what is the matter, ``remedy`` what to do: one sentence each.
    """

    code: str
    weight: Weight
    message: str
    remedy: str
    platforms: tuple[Platform, ...] = ()
    handler: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What else matters: the machine's native platforms, its page size in bytes, whether this
    process may change the machine's registry, and whether that is mounted read-only."""

    native: tuple[Platform, ...]
    page_size: int = _SMALL_PAGE
    privileged: bool = False
    read_only: bool = False


def registry_problems(registry: HandlerRegistry, around: Surroundings) -> tuple[Problem, ...]:
    """Of the machine's registry as a whole."""
    found: list[Problem] = []
    match registry.state:
        case RegistryState.ABSENT:
            found.append(
                Problem(
                    code="no-binfmt",
                    weight=Weight.NOTE,
                    message="The kernel has no binfmt_misc, or its module is not loaded",
                    remedy="Load it with `sudo modprobe binfmt_misc`; this app's own emulation "
                    "needs it too.",
                )
            )
        case RegistryState.NOT_MOUNTED:
            found.append(
                Problem(
                    code="not-mounted",
                    weight=Weight.NOTE,
                    message="binfmt_misc is not mounted, so the whole system has no handlers",
                    remedy="`viaduct emulation enable --system` mounts it, or run `sudo mount -t "
                    "binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc`; emulation for this app "
                    "alone needs neither.",
                )
            )
        case RegistryState.OFF:
            found.append(
                Problem(
                    code="switched-off",
                    weight=Weight.BROKEN,
                    message="binfmt_misc is switched off: no handler of the system is used",
                    remedy="Switch it on with `echo 1 | sudo tee /proc/sys/fs/binfmt_misc/status`.",
                )
            )
        case RegistryState.ON:
            pass
    if around.read_only:
        found.append(
            Problem(
                code="read-only",
                weight=Weight.NOTE,
                message="binfmt_misc is mounted read-only: the system's handlers cannot be changed",
                remedy="Inside a container, change them on its host; else run `sudo mount -o "
                "remount,rw /proc/sys/fs/binfmt_misc`.",
            )
        )
    if registry.odd:
        names = ", ".join(shown_name(name) for name in registry.odd)
        found.append(
            Problem(
                code="odd-handler",
                weight=Weight.NOTE,
                message=f"These entries of binfmt_misc cannot be understood: {names}",
                remedy="They are left alone; remove one with `echo -1` into its file.",
            )
        )
    host = head_of(around.native[0]) if around.native else b""
    for handler in registry.matching(host):
        found.append(
            Problem(
                code="catches-native",
                weight=Weight.BROKEN,
                message=f"The handler {shown_name(handler.name)} also takes this machine's own "
                f"programs: its magic is too short or its mask too wide",
                remedy=_removal(handler),
                platforms=around.native[:1],
                handler=handler.name,
            )
        )
    return tuple(found)


def architecture_problems(
    architecture: Architecture, registry: HandlerRegistry, around: Surroundings
) -> tuple[Problem, ...]:
    """Of the handlers that the machine's registry has for ``architecture``. Runs interpreters
    to ask for their version."""
    head = head_of(architecture.platforms[0])
    handlers = [handler for handler in registry.handlers if handler.matches(head)]
    native = [p for p in architecture.platforms if p in around.native]
    if registry.state is not RegistryState.ON or (native and not handlers):
        return ()
    found: list[Problem] = []
    enabled = [handler for handler in handlers if handler.enabled]
    for handler in handlers:
        found += _handler_problems(architecture, handler, around)
    if len({os.path.realpath(handler.interpreter) for handler in enabled}) > 1:
        names = " and ".join(f"{shown_name(h.name)} ({h.interpreter})" for h in enabled)
        found.append(
            Problem(
                code="clash",
                weight=Weight.RISKY,
                message=f"{len(enabled)} handlers claim {architecture.platforms[0]} programs: "
                f"{names}; the one that was registered last is used",
                remedy=_removal(enabled[0]),
                platforms=architecture.platforms,
                handler=enabled[0].name,
            )
        )
    return tuple(found)


def interpreter_problems(
    program: Path, version: str, platforms: Sequence[Platform], around: Surroundings
) -> tuple[Problem, ...]:
    """Of a QEMU that works, by its version; none for a program that does not tell one."""
    number = parse_version(version)
    if not number:
        return ()
    found = []
    name = f"{program.name} {version}"
    if number < _OLDEST:
        found.append(
            Problem(
                code="old-qemu",
                weight=Weight.RISKY,
                message=f"{name} is too old: programs of current distributions crash in it",
                remedy="Install QEMU 7.2 or later, or fetch one with "
                "`viaduct emulation enable --fetch`.",
                platforms=tuple(platforms),
            )
        )
    elif number < _OPENAT2:
        found.append(
            Problem(
                code="no-openat2",
                weight=Weight.NOTE,
                message=f"{name} lacks the system call openat2, which tar and others of 2025 and "
                'later use ("Function not implemented")',
                remedy="QEMU 9.2 has it: `viaduct emulation enable --fetch` takes a newer one.",
                platforms=tuple(platforms),
            )
        )
    if around.page_size > _SMALL_PAGE and number < _LARGE_PAGES:
        found.append(
            Problem(
                code="page-size",
                weight=Weight.BROKEN,
                message=f"This kernel's pages have {around.page_size >> 10} KiB, which {name} "
                "cannot give to programs made for 4 KiB",
                remedy="Use QEMU 9.0 or later, or boot a kernel with 4 KiB pages.",
                platforms=tuple(platforms),
            )
        )
    return tuple(found)


def parse_version(text: str) -> tuple[int, ...]:
    """``7.2.22`` as numbers; () for what is none."""
    try:
        return tuple(int(part) for part in text.split(".")) if text else ()
    except ValueError:
        return ()


def _handler_problems(
    architecture: Architecture, handler: Handler, around: Surroundings
) -> list[Problem]:
    found = []
    platforms = architecture.platforms
    name = shown_name(handler.name)
    target = platforms[0]
    again = f"`viaduct emulation enable --system {target}` registers a whole one."

    def problem(code: str, weight: Weight, message: str, remedy: str) -> None:
        found.append(
            Problem(
                code=code,
                weight=weight,
                message=message,
                remedy=remedy,
                platforms=platforms,
                handler=handler.name,
            )
        )

    if not handler.enabled:
        problem(
            "handler-off",
            Weight.BROKEN,
            f"The handler {name} for {target} is switched off",
            f"Switch it on with `echo 1 | sudo tee /proc/sys/fs/binfmt_misc/{handler.name}`.",
        )
    fixed = "F" in handler.flags
    path = Path(handler.interpreter)
    if not os.path.exists(path):
        problem(
            "dead-interpreter",
            Weight.NOTE if fixed else Weight.BROKEN,
            f"The interpreter of the handler {name}, {path}, is gone"
            + (": it works until the next start of the machine" if fixed else ""),
            again,
        )
        return found
    if not fixed:
        problem(
            "no-fix-binary",
            Weight.BROKEN,
            f"The handler {name} lacks the F flag: {path} is looked for inside each container, "
            "where it is not",
            again,
        )
    program = describe(Path(os.path.realpath(path)))
    if program is None:
        return found
    if program.platform is not None and around.native and program.platform not in around.native:
        problem(
            "wrong-machine",
            Weight.BROKEN,
            f"The interpreter {path} is itself a {program.platform} program, which this machine "
            "does not run",
            again,
        )
        return found
    if not program.static:
        problem(
            "not-static",
            Weight.BROKEN,
            f"The interpreter {path} needs libraries that containers do not have",
            "Install a static QEMU (the package is often called qemu-user-static).",
        )
    version = qemu_version(Path(os.path.realpath(path)))
    found += interpreter_problems(path, version, platforms, around)
    if "C" not in handler.flags and fixed:
        problem(
            "no-credentials",
            Weight.NOTE,
            f"The handler {name} lacks the C flag: sudo and other setuid programs do not become "
            "root under it",
            again,
        )
    return found


def _removal(handler: Handler) -> str:
    return (
        f"Take it away with `echo -1 | sudo tee /proc/sys/fs/binfmt_misc/{handler.name}` and the "
        "file of /etc/binfmt.d or the package that brings it."
    )


def platforms_of(handler: Handler) -> tuple[Platform, ...]:
    """The platforms whose programs ``handler`` takes."""
    return tuple(
        platform
        for architecture in ARCHITECTURES
        for platform in architecture.platforms
        if handler.matches(head_of(platform))
    )
