"""Making a plan: stages and their steps, for all platforms in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.dockerfile.buildargs import automatic_args
from core.dockerfile.commands import (
    Add,
    Arg,
    Command,
    Copy,
    Env,
    OnBuild,
    Program,
    Run,
    Stage,
    Transfer,
    Workdir,
)
from core.dockerfile.expand import expand_word
from core.dockerfile.instructions import parse_single
from core.dockerfile.parser import parse
from core.errors import DockerfileError, Error, LineRange, NotFoundError, OptionError
from core.frontend.config import parse_config
from core.frontend.contexts import find_context
from core.frontend.inputs import ImageRequest, Images, ResolvedImage
from core.frontend.options import FrontendOptions
from core.frontend.plancells import CellMaker
from core.frontend.planvalues import Machine, Plan, PlanStage, PlanStep, PlanWarning
from core.frontend.platforms import PlatformChoice
from core.frontend.sources import is_git, is_http
from core.frontend.stages import SCRATCH, mount_source
from core.frontend.varying import Partition, Varying, evaluate, refine, settle, varying_names
from core.oci.platform import Platform, parse_platform
from core.oci.reference import parse_reference

CONTEXT_STEP = "context"


@dataclass(slots=True, kw_only=True, eq=False)
class _Stage:
    """A stage while planned, values by platform. ``ends`` are the steps that make its result."""

    index: int
    stage: Stage
    id: str
    name: str
    bases: tuple[_Stage | None, ...] = ()
    images: tuple[str, ...] = ()
    platforms: tuple[Platform, ...] = ()
    partition: Partition = ()
    env: dict[str, Varying] = field(default_factory=dict)
    args: dict[str, Varying] = field(default_factory=dict)
    ends: tuple[tuple[str, ...], ...] = ()
    steps: list[_Step] = field(default_factory=list)
    sources: list[tuple[_Stage | str, ...]] = field(default_factory=list)
    triggers: list[str] = field(default_factory=list)
    needed: set[int] = field(default_factory=set)
    replaced: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class _Step:
    id: str
    name: str
    code: str
    kind: str
    range: LineRange | None
    inputs: tuple[tuple[str, ...], ...]
    partition: Partition
    stage: _Stage | None
    sources: tuple[_Stage | str, ...] = ()


class Planner:
    """Plans ``program`` for the platforms of ``options`` on ``machine``."""

    def __init__(
        self, program: Program, options: FrontendOptions, machine: Machine, images: Images
    ) -> None:
        self._program = program
        self._known = images
        self._options = options
        self._escape = program.document.escape
        build = options.build_platforms or machine.native
        self._choices = [
            PlatformChoice(target=target or build[0], build=tuple(build), implicit=target is None)
            for target in options.targets()
        ]
        self._targets = tuple(choice.target for choice in self._choices)
        self._count = len(self._targets)
        self._machine = machine
        self._errors: list[Error] = list(program.errors)
        self._stages: list[_Stage] = []
        self._names: dict[str, _Stage] = {}
        self._images: dict[str, _Step] = {}
        self._steps: list[_Step] = []
        self._context: _Step | None = None
        self._all_same: Partition = (0,) * self._count

    def plan(self) -> Plan:
        """The plan; errors of the file are in it."""
        global_env = self._global_env()
        for stage in self._program.stages:
            self._add_stage(stage, global_env)
        for planned in self._stages:
            self._walk(planned, global_env)
        target = self._target()
        if target is not None:
            for index in range(self._count):
                _mark(target, index)
        return self._finish()

    def _global_env(self) -> dict[str, Varying]:
        name = self._program.stages[-1].name if self._program.stages else ""
        options = self._options
        automatic = [
            automatic_args(
                choice.build[0], choice.target, options.build_args, options.target or name
            )
            for choice in self._choices
        ]
        env: dict[str, Varying] = {
            key: settle(tuple(values[key] for values in automatic)) for key in automatic[0]
        }
        for instruction in self._program.meta_args:
            for definition in instruction.args:
                value: Varying | None = options.build_args.get(definition.key)
                if value is None and definition.value is not None:
                    value = self._evaluate(definition.value, env, instruction.range)
                if value is not None:
                    env[definition.key] = value
        return env

    def _evaluate(self, text: str, env: Mapping[str, Varying], place: LineRange) -> Varying:
        try:
            return evaluate(
                text, env, self._count, lambda t, e: expand_word(t, e, escape=self._escape).text
            )
        except DockerfileError as error:
            self._error(error, place)
            return text

    def _error(self, error: Error, place: LineRange) -> None:
        error.ranges = error.ranges or (place,)
        self._errors.append(error)

    def _add_stage(self, stage: Stage, env: Mapping[str, Varying]) -> None:
        place = stage.from_.range
        planned = _Stage(
            index=stage.index,
            stage=stage,
            id=str(stage.index),
            name=stage.name or f"stage-{stage.index}",
        )
        bases = self._each(self._evaluate(stage.base_name, env, place))
        planned.bases = tuple(self._names.get(name) for name in bases)
        planned.images = tuple(
            "" if base else name for base, name in zip(planned.bases, bases, strict=True)
        )
        planned.platforms = self._platforms(stage, planned, env)
        if stage.name:
            planned.replaced = self._is_replaced(stage.name)
            self._names[stage.name] = planned
        self._stages.append(planned)

    def _is_replaced(self, name: str) -> bool:
        try:
            return find_context(self._options, name, self._targets[0]) is not None
        except OptionError:
            return False

    def _each(self, value: Varying) -> tuple[str, ...]:
        return (value,) * self._count if isinstance(value, str) else value

    def _platforms(
        self, stage: Stage, planned: _Stage, env: Mapping[str, Varying]
    ) -> tuple[Platform, ...]:
        if not stage.platform:
            return tuple(
                base.platforms[i] if base else self._targets[i]
                for i, base in enumerate(planned.bases)
            )
        value = self._evaluate(stage.platform, env, stage.from_.range)
        parsed: dict[str, Platform] = {}
        found: list[Platform] = []
        for index, text in enumerate(self._each(value)):
            if text not in parsed:
                try:
                    parsed[text] = parse_platform(text)
                except OptionError as error:
                    self._error(error, stage.from_.range)
                    parsed[text] = self._targets[index]
            base = planned.bases[index]
            found.append(base.platforms[index] if base else parsed[text])
        return tuple(found)

    def _walk(self, planned: _Stage, global_env: Mapping[str, Varying]) -> None:
        self._enter(planned)
        if planned.replaced:
            return
        triggers = [t for base in dict.fromkeys(planned.bases) if base for t in base.triggers]
        triggers += self._image_triggers(planned)
        for command in (*self._parsed(triggers, planned), *planned.stage.commands):
            self._command(planned, command, global_env)

    def _image_triggers(self, planned: _Stage) -> list[str]:
        """The triggers of a base image whose config is known."""
        name = planned.images[0]
        if not self._known or name in ("", SCRATCH):
            return []
        try:
            request = ImageRequest(
                reference=str(parse_reference(name).tagged()),
                platform=planned.platforms[0].normalized(),
                resolve_mode=self._options.resolve_mode,
            )
            found = self._known.get(request)
            if not isinstance(found, ResolvedImage):
                return []
            return list(parse_config(found.config)["config"].get("OnBuild") or ())
        except OptionError:
            return []

    def _parsed(self, triggers: Iterable[str], planned: _Stage) -> list[Command]:
        commands: list[Command] = []
        for trigger in triggers:
            try:
                command = parse_single(parse(trigger).nodes[0])
            except DockerfileError as error:
                error.ranges = ()
                self._error(error, planned.stage.from_.range)
                continue
            if isinstance(command, Command):
                commands.append(command)
        return commands

    def _enter(self, planned: _Stage) -> None:
        """Start a stage from its bases."""
        keys: list[object] = []
        ends: list[tuple[str, ...]] = []
        for index, (base, image) in enumerate(zip(planned.bases, planned.images, strict=True)):
            if base is not None:
                keys.append((base.id, base.partition[index]))
                ends.append(base.ends[index])
            elif image == SCRATCH:
                keys.append(SCRATCH)
                ends.append(())
            else:
                keys.append((image, planned.platforms[index]))
                ends.append((f"{planned.id}.0",))
        planned.partition = refine(self._all_same, tuple(keys))
        first = planned.bases[0]
        if first is not None:
            planned.env, planned.args = dict(first.env), dict(first.args)
        if any(image not in ("", SCRATCH) for image in planned.images) or planned.replaced:
            from_ = planned.stage.from_
            self._append(planned, from_.code, from_.name, from_.range, ((),) * self._count, ())
        else:
            planned.ends = tuple(ends)

    def _append(
        self,
        planned: _Stage,
        code: str,
        kind: str,
        place: LineRange,
        inputs: tuple[tuple[str, ...], ...],
        sources: tuple[_Stage | str, ...],
    ) -> None:
        keyword, space, rest = code.partition(" ")
        step = _Step(
            id=f"{planned.id}.{len(planned.steps)}",
            name=f"{keyword.upper()}{space}{rest}",
            code=code,
            kind=kind,
            range=place,
            inputs=inputs,
            partition=planned.partition,
            stage=planned,
            sources=sources,
        )
        planned.steps.append(step)
        planned.ends = ((step.id,),) * self._count
        self._steps.append(step)

    def _command(
        self, planned: _Stage, command: Command, global_env: Mapping[str, Varying]
    ) -> None:
        match command:
            case Arg():
                self._arg(planned, command, global_env)
            case Env():
                values = [
                    (pair.key, self._evaluate(pair.value, planned.env, command.range))
                    for pair in command.pairs
                ]
                planned.env.update(values)
            case OnBuild():
                planned.triggers.append(command.expression)
            case Workdir() if command.path in ("/", "//"):
                pass
            case Run() | Copy() | Add() | Workdir():
                self._step(planned, command)
            case _:
                pass

    def _arg(self, planned: _Stage, command: Arg, global_env: Mapping[str, Varying]) -> None:
        for definition in command.args:
            key = definition.key
            value: Varying | None = self._options.build_args.get(key)
            if value is None and definition.value is not None:
                value = self._evaluate(definition.value, planned.env, command.range)
            if value is None:
                value = global_env.get(key)
            if value is not None:
                planned.env[key] = value

    def _step(self, planned: _Stage, command: Run | Copy | Add | Workdir) -> None:
        sources, reads_context = self._sources(planned, command)
        extra: list[tuple[str, ...]] = [() for _ in range(self._count)]
        keys: list[tuple[object, ...]] = [() for _ in range(self._count)]
        for source in sources:
            for index in range(self._count):
                if isinstance(source, str):
                    image = self._image(source)
                    extra[index] += (image.id,)
                    keys[index] += (image.partition[index],)
                else:
                    extra[index] += source.ends[index] if source.ends else ()
                    keys[index] += (source.id, source.partition[index] if source.partition else 0)
        if reads_context:
            context = self._context_step().id
            extra = [(*inputs, context) for inputs in extra]
        if len(set(planned.partition)) < self._count:
            self._refine(planned, command, keys)
        inputs = tuple((*end, *more) for end, more in zip(planned.ends, extra, strict=True))
        self._append(planned, command.code, command.name, command.range, inputs, sources)

    def _refine(
        self,
        planned: _Stage,
        command: Run | Copy | Add | Workdir,
        keys: list[tuple[object, ...]],
    ) -> None:
        env = planned.env
        if isinstance(command, Run):
            names = [name for name, value in env.items() if isinstance(value, tuple)]
            keys = [(*key, p) for key, p in zip(keys, planned.platforms, strict=True)]
        else:
            names = varying_names(command.node.original, env)
            if isinstance(command, Transfer):
                for content in command.contents:
                    names += varying_names(content.content, env) if content.expand else []
        for name in names:
            keys = [(*key, v) for key, v in zip(keys, self._each(env[name]), strict=True)]
        planned.partition = refine(planned.partition, tuple(keys))

    def _sources(
        self, planned: _Stage, command: Run | Copy | Add | Workdir
    ) -> tuple[tuple[_Stage | str, ...], bool]:
        """What the step takes files from: stages, images by name; whether from the context."""
        try:
            match command:
                case Copy() if command.from_:
                    return self._named(planned, (command.from_,), command.range), False
                case Copy():
                    return (), bool(command.sources)
                case Add():
                    local = any(not is_http(s) and not is_git(s) for s in command.sources)
                    return (), local
                case Run() if command.mounts:
                    names = tuple(map(mount_source, command.mounts))
                    texts = zip(names, command.mounts, strict=True)
                    binds = any(n == SCRATCH and _is_bind(text) for n, text in texts)
                    named = tuple(n for n in names if n != SCRATCH)
                    return self._named(planned, named, command.range), binds
                case _:
                    return (), False
        except DockerfileError as error:
            self._error(error, command.range)
            return (), False

    def _named(
        self, planned: _Stage, names: Iterable[str], place: LineRange
    ) -> tuple[_Stage | str, ...]:
        found: list[_Stage | str] = []
        for name in names:
            stage = self._names.get(name.lower())
            if stage is None and name.isascii() and name.isdigit():
                if int(name) >= len(self._stages):
                    raise DockerfileError(
                        f"--from={name} is the number of no stage", ranges=(place,)
                    )
                stage = self._stages[int(name)]
            if stage is not None and stage.index >= planned.index:
                raise DockerfileError(
                    f"{name} is taken from a stage that is not complete at this point",
                    hint="Move that stage above this one.",
                    ranges=(place,),
                )
            found.append(stage or name)
        return tuple(found)

    def _image(self, name: str) -> _Step:
        """The step that gives an image that is no stage."""
        step = self._images.get(name)
        if step is None:
            step = _Step(
                id=f"image {name}",
                name=f"FROM {name}",
                code="",
                kind="from",
                range=None,
                inputs=((),) * self._count,
                partition=refine(self._all_same, self._targets),
                stage=None,
            )
            self._images[name] = step
            self._steps.append(step)
        return step

    def _context_step(self) -> _Step:
        if self._context is None:
            self._context = _Step(
                id=CONTEXT_STEP,
                name="[internal] load build context",
                code="",
                kind="context",
                range=None,
                inputs=((),) * self._count,
                partition=self._all_same,
                stage=None,
            )
            self._steps.append(self._context)
        return self._context

    def _target(self) -> _Stage | None:
        name = self._options.target
        if not name:
            return self._stages[-1] if self._stages else None
        found = self._names.get(name.lower())
        if found is None:
            self._errors.append(
                NotFoundError(
                    f"there is no stage called {name!r}",
                    hint=f"The stages are {', '.join(self._names) or 'without names'}.",
                )
            )
        return found

    def _finish(self) -> Plan:
        names = tuple(target.format_all() for target in self._targets)
        cells = CellMaker(names, self._targets, self._machine)
        used = self._used()
        steps = tuple(self._finished(step, cells, used) for step in self._steps)
        return Plan(
            platforms=names,
            stages=tuple(self._finished_stage(stage, names) for stage in self._stages),
            steps=steps,
            errors=tuple(self._errors),
            warnings=self._warnings(cells),
        )

    def _used(self) -> dict[str, frozenset[int]]:
        """For which platforms a source that belongs to no stage is needed."""
        used: dict[str, set[int]] = {}
        for step in self._steps:
            if step.stage is None:
                continue
            for index in step.stage.needed:
                for name in step.inputs[index]:
                    used.setdefault(name, set()).add(index)
        return {name: frozenset(indices) for name, indices in used.items()}

    def _finished(
        self, step: _Step, cells: CellMaker, used: Mapping[str, frozenset[int]]
    ) -> PlanStep:
        stage = step.stage
        needed = frozenset(stage.needed) if stage else used.get(step.id, frozenset())
        runs = stage.platforms if stage and step.kind == "run" else None
        everywhere = tuple(dict.fromkeys(i for inputs in step.inputs for i in inputs))
        differ = any(inputs != everywhere for inputs in step.inputs)
        return PlanStep(
            id=step.id,
            stage=stage.name if stage else "",
            name=step.name,
            instruction=step.code,
            kind=step.kind,
            range=step.range,
            inputs=everywhere,
            cells=cells.cells(needed, step.partition, runs, step.inputs if differ else None),
        )

    def _finished_stage(self, stage: _Stage, names: tuple[str, ...]) -> PlanStage:
        base = stage.bases[0]
        return PlanStage(
            id=stage.id,
            name=stage.name,
            range=stage.stage.range,
            base=base.id if base else stage.images[0],
            platforms={
                name: platform.format_all()
                for name, platform in zip(names, stage.platforms, strict=True)
            },
            needed=frozenset(names[index] for index in stage.needed),
            steps=tuple(step.id for step in stage.steps),
        )

    def _warnings(self, cells: CellMaker) -> tuple[PlanWarning, ...]:
        """Stages with programs that nothing here can run."""
        found: list[PlanWarning] = []
        for stage in self._stages:
            if not any(step.kind == "run" for step in stage.steps):
                continue
            impossible = [
                index for index in sorted(stage.needed) if not cells.can_run(stage.platforms[index])
            ]
            if impossible:
                missing = dict.fromkeys(stage.platforms[i].format_all() for i in impossible)
                found.append(
                    PlanWarning(
                        message=f"nothing here runs programs for {', '.join(missing)}, which the "
                        f"stage {stage.name} needs",
                        hint="Enable emulation for it, or build the stage on $BUILDPLATFORM.",
                        range=stage.stage.from_.range,
                        platforms=tuple(cells.names[i] for i in impossible),
                    )
                )
        return tuple(found)


def _is_bind(text: str) -> bool:
    return not any(
        field.strip().lower() in ("type=cache", "type=tmpfs", "type=secret", "type=ssh")
        for field in text.split(",")
    )


def _mark(target: _Stage, index: int) -> None:
    """Mark what ``target`` needs for the platform of that ``index``."""
    waiting = [target]
    while waiting:
        stage = waiting.pop()
        if index in stage.needed:
            continue
        stage.needed.add(index)
        base = stage.bases[index]
        if base is not None:
            waiting.append(base)
        for step in stage.steps:
            waiting += [source for source in step.sources if isinstance(source, _Stage)]
