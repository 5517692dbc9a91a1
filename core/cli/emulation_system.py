"""``viaduct emulation --system``: handlers of the whole system, as root or by way of it."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import BuilderError, EmulationError, MachineError, OptionError

if TYPE_CHECKING:
    from core.emulation.architectures import Architecture
    from core.oci.platform import Platform


def change(*, enable: bool, options: argparse.Namespace) -> int:
    """Register or take away; with a password where this user is not root."""
    from core.emulation.system import SystemScope, may_change_system

    _require_linux()
    if not enable:
        asyncio.run(_require_no_builds())
    programs = options.programs or str(_programs())
    if not may_change_system() and not options.no_elevation:
        return _elevate(enable, options.platforms, programs)
    scope = SystemScope()
    status = 0
    for architecture in _architectures(options.platforms):
        name = architecture.platforms[0]
        if enable:
            from core.emulation.interpreters import find_qemu

            found = [p for p in find_qemu(architecture, (Path(programs),)) if p.static]
            if not found:
                if options.platforms:
                    raise EmulationError(
                        f"no static QEMU for {name} is on this machine",
                        hint="Add --install (the distribution's package) or --fetch (an image).",
                    )
                continue
            handler = scope.enable(architecture, found[0].path)
            print(f"{name}: {handler.name} runs {handler.interpreter} now and at every start")
        elif scope.undo(architecture):
            print(f"{name}: what was there before is back")
        elif options.platforms:
            print(f"{name}: nothing of this program's was registered", file=sys.stderr)
            status = 1
    asyncio.run(_look_again())
    return status


def restore() -> int:
    """Register what the start-up files say. Raises EmulationError."""
    from core.emulation.system import may_change_system, replay

    _require_linux()
    if not may_change_system():
        return _run_as_root(("emulation", "restore"))
    names = replay()
    print(f"registered: {', '.join(names) or 'nothing'}")
    asyncio.run(_look_again())
    return 0


def install(platforms: Sequence[str], *, yes: bool) -> int:
    """Have the package manager install QEMU; asks first."""
    from core.emulation.elevation import elevated
    from core.emulation.packages import install_command

    _require_linux()
    command = install_command(_architectures(platforms))
    if not command:
        raise MachineError(
            "no package manager that this program knows is on this machine",
            hint="Install static QEMU user emulators by hand, or use --fetch.",
        )
    whole = elevated(command, terminal=sys.stdin.isatty())
    if not whole:
        raise MachineError(
            "installing packages needs root", hint=f"Run as root: {shlex.join(command)}"
        )
    print(shlex.join(whole))
    print("This also registers handlers for the whole system, where the package does so.")
    if not yes:
        if not sys.stdin.isatty():
            raise OptionError("nobody is there to agree to that", hint="Add --yes.")
        if input("Run it? [y/N] ").strip().lower() not in ("y", "yes"):
            print("Nothing was changed.")
            return 1
    return subprocess.run(whole, check=False).returncode


def _elevate(enable: bool, platforms: Sequence[str], programs: str) -> int:
    word = "enable" if enable else "disable"
    status = _run_as_root(
        ("emulation", word, "--system", "--no-elevation", "--programs", programs, *platforms)
    )
    if status == 0:
        asyncio.run(_look_again())
    return status


def _run_as_root(arguments: Sequence[str]) -> int:
    from core.emulation.elevation import elevated, own_command

    plain = own_command(arguments)
    command = elevated(plain, terminal=sys.stdin.isatty())
    if not command:
        raise EmulationError(
            "only root may change the handlers of the whole system, and neither pkexec nor sudo "
            "is here to ask for it",
            hint=f"Run as root: {shlex.join(plain)}",
        )
    print(shlex.join(command), file=sys.stderr)
    return subprocess.run(command, check=False).returncode


def _architectures(platforms: Sequence[str]) -> tuple[Architecture, ...]:
    from core.cli.emulation import split
    from core.emulation.architectures import ARCHITECTURES, architecture_of
    from core.oci.platform import host_platform, parse_platform

    names = split(platforms)
    if not names:
        host = host_platform()
        return tuple(a for a in ARCHITECTURES if not _is_native(a, host))
    found = {}
    for name in names:
        architecture = architecture_of(parse_platform(name))
        if architecture is None:
            raise OptionError(f"there is no emulation for {name}")
        if _is_native(architecture, host_platform()):
            raise OptionError(f"{name} runs natively here: it needs no emulation")
        found[architecture.qemu] = architecture
    return tuple(found.values())


def _is_native(architecture: Architecture, host: Platform) -> bool:
    """The machine's own, and its 32-bit relative: the kernel or QEMU tells which of those run."""
    if any(p.architecture == host.architecture for p in architecture.platforms):
        return True
    return host.architecture == "amd64" and architecture.qemu == "i386"


def _programs() -> Path:
    from core.client.locations import locations
    from core.emulation.settings import SettingsFile

    return SettingsFile(locations().root).programs


async def _require_no_builds() -> None:
    from core.client import connect
    from core.client.embedded import is_running
    from core.client.locations import locations

    if not await is_running(locations()):
        return
    async with await connect() as builder:
        hello = await builder.hello()
    if hello.builds:
        raise BuilderError(
            f"{hello.builds} builds still run, and their steps may need an emulator",
            hint="Nothing was changed. Wait for them to end or cancel them, then try again.",
        )


async def _look_again() -> None:
    """Tell the builder, if it runs, that handlers have changed."""
    from core.cli.emulation import Action, ask
    from core.client import connect
    from core.client.embedded import is_running
    from core.client.locations import locations

    if await is_running(locations()):
        async with await connect() as builder:
            await ask(builder, Action.STATUS)


def _require_linux() -> None:
    if sys.platform != "linux":
        raise MachineError(
            "handlers belong to Linux; this machine has none",
            hint="Name the builder whose machine is meant: --builder docker.",
        )
