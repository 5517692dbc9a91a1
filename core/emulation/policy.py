"""Decide how each platform runs on this machine, and make it so.

For every platform a test program is run; what answers is what counts. In order of preference: the
machine itself, a handler registered for the whole machine, a handler in the builder's own
registry, QEMU in front of the step's program.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from core.emulation.architectures import ARCHITECTURES, Architecture, head_of
from core.emulation.handlers import Handler, parse_handler, read_registry, register, remove
from core.emulation.interpreters import QemuProgram, find_qemu, qemu_version
from core.emulation.machine import Interpreter, Machine, Means
from core.emulation.private import BINFMT_MISC, PrivateRegistry
from core.emulation.programs import TESTABLE
from core.emulation.selftest import SelfTest, self_test
from core.emulation.settings import Settings
from core.oci.platform import Platform, host_platform, parse_platform

__all__ = ["Settings", "enter_namespace", "probe_machine", "testable_platforms"]


# Processors that run the programs of their 32-bit predecessors.
_RELATED = frozenset({("amd64", "386"), ("arm64", "arm")})
_UNSEEN = "unknown"


def testable_platforms() -> tuple[Platform, ...]:
    """The platforms that can be told to run or not."""
    return tuple(parse_platform(text) for text in TESTABLE)


def probe_machine(
    registry: PrivateRegistry | None,
    settings: Settings | None = None,
    *,
    directory: Path | None = None,
    binfmt_misc: Path = BINFMT_MISC,
    everywhere: bool = False,
) -> Machine:
    """Run a program of every platform, registering handlers of our own where they help.

    ``registry`` is the builder's, None where it has none; ``directory`` is a place for the
    programs; ``everywhere`` as in Machine. Blocks for some 100 ms.
    """
    settings = settings or Settings()
    with self_test(directory) as test:
        machine = _Probe(registry, settings, test, binfmt_misc).machine()
        return replace(machine, everywhere=everywhere)


class _Probe:
    def __init__(
        self,
        registry: PrivateRegistry | None,
        settings: Settings,
        test: SelfTest,
        binfmt_misc: Path,
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._test = test
        self._system = read_registry(binfmt_misc)
        self._versions: dict[Path, str] = {}

    def machine(self) -> Machine:
        native: list[Platform] = []
        emulated: dict[Platform, Interpreter] = {}
        host = host_platform()
        for platform in testable_platforms():
            if not self._test.run(platform).passed:
                continue
            program = self._system_interpreter(platform, host)
            if program is None:
                native.append(platform)
            elif platform not in self._settings.off:
                emulated[platform] = self._interpreter(program, Means.SYSTEM)
        native.sort(key=lambda platform: platform.architecture != host.architecture)
        if not native:
            native = [host]
        for architecture in ARCHITECTURES:
            missing = [
                platform
                for platform in architecture.platforms
                if platform not in native and platform not in emulated
                if platform not in self._settings.off
            ]
            if missing:
                emulated |= self._emulate(architecture, missing)
            elif self._registry is not None:
                self._register_beside(architecture, emulated)
        namespace = None if self._registry is None else self._registry.user_namespace
        return Machine(native=tuple(native), emulated=_in_order(emulated), user_namespace=namespace)

    def _system_interpreter(self, platform: Platform, host: Platform) -> Path | None:
        """What a handler of the machine starts for ``platform``, which runs; None for native."""
        handlers = self._system.matching(head_of(platform))
        if len({handler.interpreter for handler in handlers}) == 1:
            return Path(handlers[0].interpreter)
        if not handlers and platform.architecture == host.architecture:
            return None
        # Several handlers, or none that can be seen: binfmt_misc need not be mounted here.
        program = self._test.answering(platform)
        if program is not None and self._test.is_test_program(program):
            return None
        for handler in reversed(handlers):
            if program is not None and os.path.realpath(handler.interpreter) == str(program):
                return Path(handler.interpreter)
        if program is None and not handlers:
            related = (host.architecture, platform.architecture) in _RELATED
            return None if related else Path(_UNSEEN)
        return program or Path(handlers[-1].interpreter)

    def _register_beside(
        self, architecture: Architecture, emulated: Mapping[Platform, Interpreter]
    ) -> None:
        """Inside our namespace handlers of the machine count for nothing: have ours there, too."""
        assert self._registry is not None
        if any(platform in emulated for platform in architecture.platforms):
            for program in find_qemu(architecture, self._settings.programs):
                if program.static and _replace(
                    self._registry.directory, architecture.handler(str(program.path))
                ):
                    return
        remove(self._registry.directory, architecture.handler("").name)

    def _emulate(
        self, architecture: Architecture, platforms: list[Platform]
    ) -> dict[Platform, Interpreter]:
        """The first emulator that runs at least one of ``platforms``, by the best means."""
        for program in find_qemu(architecture, self._settings.programs):
            if not program.static:
                continue
            for means in (Means.PRIVATE, Means.WRAPPER):
                found = self._try(architecture, program, platforms, means)
                if found:
                    return found
        return {}

    def _try(
        self,
        architecture: Architecture,
        program: QemuProgram,
        platforms: list[Platform],
        means: Means,
    ) -> dict[Platform, Interpreter]:
        if means is Means.PRIVATE:
            if self._registry is None:
                return {}
            handler = architecture.handler(str(program.path))
            if not _replace(self._registry.directory, handler):
                return {}
            prefix = enter_namespace(self._registry.user_namespace)
            passed = [p for p in platforms if self._test.run(p, prefix=prefix).passed]
            if not passed:
                remove(self._registry.directory, handler.name)
        else:
            passed = [p for p in platforms if self._test.run_with(program.path, p).passed]
        return {platform: self._interpreter(program.path, means) for platform in passed}

    def _interpreter(self, program: Path, means: Means) -> Interpreter:
        if program not in self._versions:
            # A name such as aarch64-binfmt-P is a link, and a program that reads its own name.
            self._versions[program] = qemu_version(Path(os.path.realpath(program)))
        return Interpreter(program=program, means=means, version=self._versions[program])


def enter_namespace(user_namespace: Path) -> tuple[str, ...]:
    """A command that runs what follows it in the user namespace."""
    return ("nsenter", f"--user={user_namespace}", "--preserve-credentials", "--")


def _replace(directory: Path, handler: Handler) -> bool:
    """Register ``handler``, in place of one of that name; whether the kernel took it.

    One that is there already stays untouched: steps that run now depend on it.
    """
    try:
        present = parse_handler(handler.name, (directory / handler.name).read_text())
        same_flags = present is not None and set(present.flags) == set(handler.flags)
        if present is not None and same_flags and replace(present, flags=handler.flags) == handler:
            return True
    except OSError:
        pass
    try:
        remove(directory, handler.name)
        register(directory, handler)
    except OSError:
        return False
    return os.path.exists(directory / handler.name)


def _in_order(emulated: dict[Platform, Interpreter]) -> dict[Platform, Interpreter]:
    order = [platform for entry in ARCHITECTURES for platform in entry.platforms]
    return {platform: emulated[platform] for platform in order if platform in emulated}
