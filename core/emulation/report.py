"""The state of emulation on this machine as one value: what pages and commands show."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.emulation.architectures import architecture_of, head_of
from core.emulation.calibration import SlowDown
from core.emulation.handlers import Handler, HandlerRegistry, RegistryState, read_registry
from core.emulation.interpreters import describe, find_qemu
from core.emulation.machine import Interpreter, Machine, Means
from core.emulation.policy import enter_namespace, testable_platforms
from core.emulation.private import BINFMT_MISC, PrivateRegistry
from core.emulation.problems import (
    Problem,
    Surroundings,
    Weight,
    architecture_problems,
    interpreter_problems,
    registry_problems,
)
from core.emulation.selftest import Trial, self_test
from core.emulation.settings import Settings
from core.emulation.system import Places, is_read_only, may_change_system
from core.oci.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformState:
    """One platform. ``interpreter`` is None for native ones and those that do not run.

    ``handler`` is the one that is used, if any. ``trial`` is None where no self-test was asked
    for. ``can_enable`` says that an emulator is there and only switched off, or not used.
    """

    platform: Platform
    native: bool
    interpreter: Interpreter | None = None
    handler: Handler | None = None
    off: bool = False
    can_enable: bool = False
    trial: Trial | None = None
    problems: tuple[Problem, ...] = ()
    slow_down: SlowDown | None = None

    @property
    def runs(self) -> bool:
        return self.native or self.interpreter is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """``system`` is the machine's registry, ``app`` the builder's own (None if it has none)."""

    platforms: tuple[PlatformState, ...]
    system: HandlerRegistry
    app: HandlerRegistry | None
    problems: tuple[Problem, ...] = ()
    machine: Machine = field(default_factory=lambda: Machine(native=()))
    kernel: str = ""
    page_size: int = 4096

    def state(self, platform: Platform) -> PlatformState | None:
        return next((one for one in self.platforms if one.platform == platform), None)


def make_report(
    machine: Machine,
    registry: PrivateRegistry | None,
    settings: Settings | None = None,
    *,
    slow_downs: Mapping[Platform, SlowDown] | None = None,
    binfmt_misc: Path = BINFMT_MISC,
    test: frozenset[Platform] | None = None,
    directory: Path | None = None,
) -> Report:
    """Look at everything; blocks for some 100 ms. ``test`` are platforms to try again, None for
    none; ``directory`` is a place for the test programs."""
    settings = settings or Settings()
    system = read_registry(binfmt_misc)
    app = None if registry is None else read_registry(registry.directory)
    around = Surroundings(
        native=machine.native,
        page_size=os.sysconf("SC_PAGE_SIZE"),
        privileged=may_change_system(),
        read_only=is_read_only(Places(binfmt_misc=binfmt_misc)),
    )
    states = []
    for platform in testable_platforms():
        state = _state(platform, machine, settings, system, app, around)
        known = (slow_downs or {}).get(platform)
        states.append(replace(state, slow_down=known) if known and not state.native else state)
    if test:
        states = _tested(states, machine, test, directory)
    kernel = os.uname()
    return Report(
        platforms=tuple(states),
        system=system,
        app=app,
        problems=registry_problems(system, around) if _shown(system, machine) else (),
        machine=machine,
        kernel=f"{kernel.sysname} {kernel.release}",
        page_size=around.page_size,
    )


def _shown(system: HandlerRegistry, machine: Machine) -> bool:
    """Whether what is seen of the machine's registry can be all: handlers answer without it
    when it was mounted after this process began."""
    answers = any(one.means is Means.SYSTEM for one in machine.emulated.values())
    return system.state is RegistryState.ON or not answers


def _state(
    platform: Platform,
    machine: Machine,
    settings: Settings,
    system: HandlerRegistry,
    app: HandlerRegistry | None,
    around: Surroundings,
) -> PlatformState:
    architecture = architecture_of(platform)
    assert architecture is not None
    if platform in machine.native:
        return PlatformState(platform=platform, native=True)
    interpreter = machine.emulated.get(platform)
    registry = app if interpreter is not None and interpreter.means is Means.PRIVATE else system
    handler = None
    if registry is not None and interpreter is not None and interpreter.means is not Means.WRAPPER:
        handler = next(
            (
                one
                for one in registry.matching(head_of(platform))
                if one.interpreter == str(interpreter.program)
            ),
            None,
        )
    found = list(architecture_problems(architecture, system, around))
    programs = find_qemu(architecture, settings.programs)
    usable = [p for p in programs if p.static and p.platform in (None, *machine.native)]
    off = platform in settings.off
    if interpreter is not None and interpreter.means is not Means.SYSTEM:
        # What is wrong with the system's handlers does not stop this app.
        found = [replace(one, weight=Weight.NOTE) for one in found]
        found += interpreter_problems(interpreter.program, interpreter.version, (platform,), around)
        if interpreter.means is Means.WRAPPER:
            found.append(_wrapped(platform, interpreter))
    elif interpreter is None and not off and not any(p.weight is Weight.BROKEN for p in found):
        found += _missing(platform, [p.path for p in programs], around)
    return PlatformState(
        platform=platform,
        native=False,
        interpreter=interpreter,
        handler=handler,
        off=off,
        can_enable=interpreter is None and bool(usable or off),
        problems=tuple(found),
    )


def _wrapped(platform: Platform, interpreter: Interpreter) -> Problem:
    return Problem(
        code="wrapper",
        weight=Weight.RISKY,
        message=f"No handler can be registered here, so {interpreter.name} is put in front of each "
        f"{platform} step: programs that the step's program starts are not emulated",
        remedy=f"Run `viaduct emulation enable --system {platform}`, or use Linux 6.7 or later.",
        platforms=(platform,),
    )


def _missing(platform: Platform, programs: list[Path], around: Surroundings) -> tuple[Problem, ...]:
    for path in programs:
        program = describe(path)
        if program is None:
            continue
        if program.platform is not None and program.platform not in around.native:
            return (
                Problem(
                    code="wrong-machine",
                    weight=Weight.BROKEN,
                    message=f"{path} is itself a {program.platform} program, which this machine "
                    "does not run",
                    remedy="Install QEMU of this machine's own architecture.",
                    platforms=(platform,),
                ),
            )
        if not program.static:
            return (
                Problem(
                    code="not-static",
                    weight=Weight.BROKEN,
                    message=f"{path} needs libraries that containers do not have",
                    remedy="Install a static QEMU (the package is often called qemu-user-static).",
                    platforms=(platform,),
                ),
            )
        return (
            Problem(
                code="does-not-run",
                weight=Weight.BROKEN,
                message=f"{path} is there but does not run a {platform} program",
                remedy="`viaduct emulation test` tells what it says; install another QEMU.",
                platforms=(platform,),
            ),
        )
    return (
        Problem(
            code="no-qemu",
            weight=Weight.BROKEN,
            message=f"No QEMU for {platform} is on this machine",
            remedy=f"`viaduct emulation enable --install {platform}` has the distribution install "
            "it, `--fetch` takes it out of an image.",
            platforms=(platform,),
        ),
    )


def _tested(
    states: list[PlatformState],
    machine: Machine,
    wanted: frozenset[Platform],
    directory: Path | None,
) -> list[PlatformState]:
    tested = []
    with self_test(directory) as test:
        for state in states:
            if state.platform not in wanted:
                tested.append(state)
                continue
            interpreter = state.interpreter
            if interpreter is None or interpreter.means is Means.SYSTEM:
                trial = test.run(state.platform)
            elif interpreter.means is Means.WRAPPER:
                trial = test.run_with(interpreter.program, state.platform)
            else:
                assert machine.user_namespace is not None
                prefix = enter_namespace(machine.user_namespace)
                trial = test.run(state.platform, prefix=prefix)
            tested.append(replace(state, trial=trial))
    return tested


def scope_of(state: PlatformState) -> str:
    """``system``, ``app``, ``wrapper``, or "" for what is native or does not run."""
    if state.interpreter is None:
        return ""
    return {Means.SYSTEM: "system", Means.PRIVATE: "app", Means.WRAPPER: "wrapper"}[
        state.interpreter.means
    ]
