"""Emulation as the Engine's clients see and switch it: this builder's own handlers.

The whole system's handlers are no business of a daemon that may not be root: the command and the
window change those themselves (``core.emulation.system``), and ask here for a new look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from core.daemon.emulator_source import EmulatorSource
from core.daemon.machine import Machine
from core.emulation.architectures import Architecture, architecture_of
from core.emulation.calibration import SlowDown, StepTime, calibrate, from_history
from core.emulation.explain import explain
from core.emulation.handlers import Handler, HandlerRegistry, shown_name
from core.emulation.images import image_named
from core.emulation.policy import testable_platforms
from core.emulation.problems import Problem, Weight, platforms_of
from core.emulation.report import PlatformState, Report, make_report, scope_of
from core.emulation.settings import Settings, SettingsFile
from core.errors import BuilderError, EmulationError, OptionError, StorageError
from core.oci.platform import Platform, parse_platform
from core.wire.pb import control_pb2, engine_pb2
from core.wire.rpc import Routes, answer
from core.wire.services import Engine as Methods

_Action = engine_pb2.EmulationRequest


class EmulationService:
    """``builds`` tells how many run, ``history`` the times of steps of earlier builds."""

    def __init__(
        self,
        *,
        machine: Machine,
        settings: SettingsFile,
        source: EmulatorSource,
        builds: Callable[[], int],
        scratch: Path,
        history: Callable[[], Iterable[StepTime]] = tuple,
    ) -> None:
        self._machine = machine
        self._file = settings
        self._source = source
        self._builds = builds
        self._scratch = scratch
        self._history = history
        self._calibrated: Mapping[Platform, SlowDown] = {}
        self._one = asyncio.Lock()

    def routes(self) -> Routes:
        return answer(Methods.EMULATION, self._emulation)

    async def _emulation(
        self, request: engine_pb2.EmulationRequest
    ) -> engine_pb2.EmulationResponse:
        platforms = tuple(_known(name) for name in request.platforms)
        async with self._one:
            match request.action:
                case _Action.ENABLE:
                    await self._enable(platforms, request.image, request.session)
                case _Action.DISABLE:
                    await self._disable(platforms)
                case _:
                    await asyncio.to_thread(self._machine.refresh)
            if request.action == _Action.TEST and request.calibrate:
                self._calibrated = await asyncio.to_thread(
                    calibrate, self._machine.current, self._scratch
                )
            test = self._to_test(platforms) if request.action == _Action.TEST else None
            report = await asyncio.to_thread(self._report, test)
        message = _message(report)
        if request.action == _Action.EXPLAIN:
            message.text.extend(explain(report))
        return message

    def _report(self, test: frozenset[Platform] | None) -> Report:
        return make_report(
            self._machine.current,
            self._machine.registry,
            self._machine.settings,
            slow_downs={**self._calibrated, **from_history(self._history())},
            test=test,
            directory=self._scratch,
            binfmt_misc=self._machine.system_registry,
        )

    def _to_test(self, platforms: Sequence[Platform]) -> frozenset[Platform]:
        return frozenset(platforms or self._machine.current.platforms)

    async def _enable(self, platforms: Sequence[Platform], image: str, session: str) -> None:
        """Raises EmulationError for platforms that do not run afterwards; settings then stay."""
        machine = self._machine
        before = machine.settings
        wanted = platforms or testable_platforms()
        settings = replace(before, off=before.off - frozenset(wanted))
        await asyncio.to_thread(machine.apply, settings)
        missing = [p for p in wanted if not machine.current.runs(p)]
        try:
            if image:
                chosen = image_named("" if image == "default" else image)
                native = machine.current.native
                # Those that are named are wanted from there, be it for a newer QEMU.
                for architecture in _architectures(p for p in platforms or missing):
                    if all(p in native for p in architecture.platforms):
                        continue
                    await self._source.fetch(chosen, architecture, native, session)
                await asyncio.to_thread(machine.refresh)
                missing = [p for p in wanted if not machine.current.runs(p)]
            if missing and platforms:
                raise self._not_enabled(await asyncio.to_thread(self._report, None), missing)
            self._save(settings)
        except BaseException:
            await asyncio.to_thread(machine.apply, before)
            raise

    async def _disable(self, platforms: Sequence[Platform]) -> None:
        machine = self._machine
        if self._builds():
            raise BuilderError(
                f"{self._builds()} builds still run, and their steps may need an emulator",
                hint="Nothing was changed. Wait for them to end or cancel them, then try again.",
            )
        native = [p for p in platforms if machine.current.is_native(p)]
        if native:
            raise OptionError(
                f"{', '.join(map(str, native))} runs natively here: there is nothing to disable"
            )
        before = machine.settings
        chosen = platforms or [p for p in testable_platforms() if not machine.current.is_native(p)]
        settings = replace(before, off=before.off | frozenset(chosen))
        self._save(settings)
        await asyncio.to_thread(machine.apply, settings)

    def _save(self, settings: Settings) -> None:
        try:
            self._file.save(settings)
        except OSError as error:
            raise StorageError(f"the emulation settings cannot be saved: {error}") from error

    def _not_enabled(self, report: Report, missing: Sequence[Platform]) -> EmulationError:
        for platform in missing:
            state = report.state(platform)
            problem = _foremost(state.problems) if state is not None else None
            if problem is not None:
                return EmulationError(
                    f"{platform} programs cannot be run: {problem.message}", hint=problem.remedy
                )
        return EmulationError(
            f"{', '.join(map(str, missing))} programs cannot be run here",
            hint="`viaduct emulation explain` tells what this machine has.",
        )


def _known(name: str) -> Platform:
    platform = parse_platform(name)
    for known in testable_platforms():
        if known.normalized() == platform.normalized():
            return known
    names = ", ".join(map(str, testable_platforms()))
    raise OptionError(f"there is no emulation for {name}", hint=f"There is for {names}.")


def _architectures(platforms: Iterable[Platform]) -> tuple[Architecture, ...]:
    found = {}
    for platform in platforms:
        architecture = architecture_of(platform)
        if architecture is not None:
            found[architecture.qemu] = architecture
    return tuple(found.values())


def _foremost(problems: Sequence[Problem]) -> Problem | None:
    """The worst one; None where there are only notes."""
    for weight in (Weight.BROKEN, Weight.RISKY):
        for problem in problems:
            if problem.weight is weight:
                return problem
    return None


def _message(report: Report) -> engine_pb2.EmulationResponse:
    native = report.machine.native
    message = engine_pb2.EmulationResponse(
        host=str(native[0]) if native else "",
        kernel=report.kernel,
        page_size=report.page_size,
        system_registry=report.system.state.value,
        app_registry=report.app is not None,
        problems=map(_problem, report.problems),
        architectures=map(_state, report.platforms),
    )
    for scope, registry in (("app", report.app), ("system", report.system)):
        message.handlers.extend(_handlers(registry, scope))
    return message


def _handlers(registry: HandlerRegistry | None, scope: str) -> Iterable[engine_pb2.Handler]:
    for handler in registry.handlers if registry is not None else ():
        yield _handler(handler, scope)


def _handler(handler: Handler, scope: str) -> engine_pb2.Handler:
    return engine_pb2.Handler(
        name=shown_name(handler.name),
        enabled=handler.enabled,
        interpreter=shown_name(handler.interpreter),
        flags=handler.flags,
        offset=handler.offset,
        magic=handler.magic,
        mask=handler.mask,
        platform=", ".join(map(str, platforms_of(handler))),
        scope=scope,
    )


def _state(state: PlatformState) -> engine_pb2.ArchitectureState:
    mode = control_pb2.VERTEX_MODE_NONE
    if state.native:
        mode = control_pb2.VERTEX_MODE_NATIVE
    elif state.interpreter is not None:
        mode = control_pb2.VERTEX_MODE_EMULATED
    test = ""
    if state.trial is not None:
        test = "ok" if state.trial.passed else state.trial.problem
    problem = _foremost(state.problems)
    message = engine_pb2.ArchitectureState(
        platform=str(state.platform),
        mode=mode,
        handler=shown_name(state.handler.name) if state.handler is not None else "",
        self_test=test,
        can_enable=state.can_enable,
        scope=scope_of(state),
        off=state.off,
        problems=map(_problem, state.problems),
    )
    if state.interpreter is not None:
        message.interpreter = str(state.interpreter.program)
        message.interpreter_version = state.interpreter.version
    if problem is not None:
        message.diagnosis, message.remedy = problem.message, problem.remedy
    elif state.off:
        message.diagnosis, message.remedy = "Switched off for this app", ""
    if state.slow_down is not None:
        message.slow_down = state.slow_down.factor
        message.slow_down_steps = state.slow_down.steps
    return message


def _problem(problem: Problem) -> engine_pb2.EmulationProblem:
    return engine_pb2.EmulationProblem(
        code=problem.code,
        weight=problem.weight.value,
        message=problem.message,
        remedy=problem.remedy,
        handler=problem.handler,
    )
