"""From the stages of a file to the graph of stages of one conversion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from core.dockerfile.buildargs import ArgInfo
from core.dockerfile.commands import Add, Command, Copy, From, OnBuild, Run, Stage, Workdir
from core.dockerfile.expand import Expansion, expand_word
from core.dockerfile.instructions import parse_single
from core.dockerfile.lines import line_ranges
from core.dockerfile.mounts import check_mount
from core.dockerfile.parser import parse
from core.dockerfile.scalars import csv_fields
from core.dockerfile.suggest import did_you_mean
from core.errors import DockerfileError, Error, LineRange, NotFoundError, OptionError
from core.frontend.contexts import NamedContext, find_context
from core.frontend.options import FrontendOptions
from core.frontend.outline import OutlineCapture
from core.frontend.stage import Ranges, StageState, Step
from core.lint.buildkit import checks
from core.lint.buildkit.report import Report
from core.oci.platform import Platform, parse_platform
from core.oci.quoting import go_quote

SCRATCH: Final = "scratch"


def at(error: Error, ranges: Iterable[LineRange]) -> Error:
    """``error`` with ``ranges`` added to where it points."""
    error.ranges = tuple(dict.fromkeys((*error.ranges, *ranges)))
    return error


@dataclass(slots=True, kw_only=True)
class StageGraph:
    """The stages of a conversion, and what their instructions take files from."""

    states: list[StageState] = field(default_factory=list)
    by_name: dict[str, StageState] = field(default_factory=dict)
    members: set[StageState] = field(default_factory=set)

    def add(self, stage: StageState) -> None:
        self.states.append(stage)
        self.members.add(stage)
        base = self.by_name.get(stage.base_name)
        if base is not None:
            stage.base = base
            stage.outline = base.outline.copy()
        if stage.written_name:
            self.by_name[stage.written_name] = stage

    def find(self, name: str) -> StageState | None:
        return self.by_name.get(name.lower())

    def names(self) -> list[str]:
        return [stage.name for stage in self.states if stage.name]

    def target(self, name: str) -> StageState:
        """The stage to build; ``NotFoundError`` for a name that no stage has."""
        if not name:
            return self.states[-1]
        stage = self.find(name)
        if stage is None:
            near = did_you_mean(name, self.names())
            raise NotFoundError(
                f"there is no stage called {name!r}{near}",
                hint=f"The stages are {', '.join(self.names())}.",
                phrase=f"target stage {go_quote(name)} could not be found{near}",
            )
        return stage

    def connect(self) -> None:
        """Find what every COPY --from and mount means; refuse circles."""
        for stage in list(self.states):
            for command in stage.from_commands:
                step = self.step(command, line_ranges(command.node.start, command.node.end))
                stage.steps.append(step)
                self.depend(stage, step)
        self._refuse_circles()
        if len(self.states) == 1:
            self.states[0].name = ""

    def depend(self, stage: StageState, step: Step) -> None:
        """Make ``stage`` wait for the sources of ``step``."""
        for source in step.sources:
            stage.dependencies[source] = step
            if source.unregistered and source not in self.members:
                self.add(source)

    def step(self, command: Command, ranges: Ranges) -> Step:
        """``command`` with its sources."""
        match command:
            case Copy() if command.from_:
                return Step(
                    command=command, ranges=ranges, sources=(self._copy_source(command, ranges),)
                )
            case Run() if command.mounts:
                sources = tuple(self._named(mount_source(text), ()) for text in command.mounts)
                return Step(command=command, ranges=ranges, sources=sources)
            case _:
                return Step(command=command, ranges=ranges)

    def _copy_source(self, command: Copy, ranges: Ranges) -> StageState:
        name = command.from_
        if expand_word(name, {}).text != name:
            raise DockerfileError(
                f"--from={name} holds a variable, which is not replaced there",
                hint="Add a stage of its own, FROM $IMAGE AS name, and copy from that name.",
                ranges=(command.range,),
                phrase="variable expansion is not supported for --from, define a new stage with "
                "FROM using ARG from global scope as a workaround",
            )
        index = _integer(name)
        if index is None:
            return self._named(name, ranges)
        if not 0 <= index < len(self.states):
            raise DockerfileError(
                f"--from={name} is the number of no stage",
                hint=f"Stages are counted from 0; there are {len(self.states)}.",
                ranges=(command.range,),
                phrase=f"invalid stage index {index}",
            )
        return self.states[index]

    def _named(self, name: str, ranges: Ranges) -> StageState:
        return self.find(name) or StageState(from_=None, base_name=name, ranges=ranges)

    def _refuse_circles(self) -> None:
        done: set[int] = set()
        for start in self.states:
            circle = _circle(start, done)
            if circle is not None:
                stage, ranges = circle
                raise DockerfileError(
                    f"the stage {stage.name} needs itself",
                    hint="One of the marked instructions has to take its files from elsewhere.",
                    ranges=ranges,
                    phrase=f"circular dependency detected on stage: {stage.name}",
                )


def _circle(start: StageState, done: set[int]) -> tuple[StageState, Ranges] | None:
    """The stage that a walk from ``start`` finds itself in, and the steps on the way."""
    if id(start) in done:
        return None
    done.add(id(start))
    path = {id(start)}
    walk: list[tuple[StageState, Iterator[tuple[StageState, Step]], Ranges]] = [
        (start, iter(list(start.dependencies.items())), ())
    ]
    while walk:
        stage, dependencies, ranges = walk[-1]
        found = next(dependencies, None)
        if found is None:
            walk.pop()
            path.discard(id(stage))
            continue
        dependency, step = found
        here = (*ranges, *step.ranges)
        if id(dependency) in path:
            return stage, here
        if id(dependency) in done:
            continue
        done.add(id(dependency))
        path.add(id(dependency))
        walk.append((dependency, iter(list(dependency.dependencies.items())), here))
    return None


def mount_source(text: str) -> str:
    """What the ``from`` of a mount names before variables are known; scratch if nothing."""
    check_mount(text)
    name = ""
    for entry in csv_fields(text):
        key, equals, value = entry.partition("=")
        if equals and key.lower() == "from":
            name = value
    return name or SCRATCH


def _integer(text: str) -> int | None:
    digits = text[1:] if text[:1] in ("+", "-") else text
    return int(text) if digits.isascii() and digits.isdigit() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageBuilder:
    """Makes the stages of a graph out of those of a file."""

    options: FrontendOptions
    escape: str
    global_args: Mapping[str, str]
    arg_infos: Mapping[str, ArgInfo]
    report: Report
    target_platform: Platform | None

    def build(self, stages: Sequence[Stage]) -> StageGraph:
        """The graph, not yet connected; ``DockerfileError`` for a FROM that means nothing."""
        graph = StageGraph()
        for stage in stages:
            self._add(graph, stage)
        return graph

    def _add(self, graph: StageGraph, stage: Stage) -> None:
        from_ = stage.from_
        ranges = line_ranges(from_.node.start, from_.node.end)
        base = self._expand(stage.base_name, from_, ranges)
        if not base.text:
            raise DockerfileError(
                f"{stage.base_name} is empty here, and a stage needs a base image",
                hint=f"Give the ARG a default, or pass a build argument for {stage.base_name}.",
                ranges=(from_.range,),
                phrase=f"base name ({stage.base_name}) should not be blank",
            )
        state = StageState(
            from_=from_,
            base_name=base.text,
            ranges=ranges,
            name=stage.name,
            label=stage.name or f"stage-{stage.index}",
            from_commands=stage.commands,
            shows_platform=self.options.multi_platform,
            outline=OutlineCapture(args=dict(self.arg_infos)),
        )
        used = set(base.used)
        if stage.platform:
            state.platform, names = self._platform(stage, ranges)
            used |= names
        if stage.name:
            state.named_context = self._named_context(stage, state)
            if state.named_context is not None:
                graph.add(state)
                state.base = None
                return
        else:
            state.name = state.label
        graph.add(state)
        state.outline.used |= used
        state.step_total = int(state.base_name != SCRATCH and state.base is None)
        state.step_total += sum(
            isinstance(command, Add | Copy | Run | Workdir) for command in stage.commands
        )
        state.ignores_cache = self.options.ignores_cache(stage.name)

    def _named_context(self, stage: Stage, state: StageState) -> NamedContext | None:
        return find_context(self.options, stage.name, state.platform or self.target_platform)

    def _expand(self, text: str, from_: From, ranges: Ranges) -> Expansion:
        try:
            expansion = expand_word(text, self.global_args, escape=self.escape)
        except DockerfileError as error:
            raise at(error, (from_.range,)) from None
        declared = list(dict.fromkeys((*self.arg_infos, *self.global_args)))
        self.report.add(
            checks.undefined_from_args(expansion.unmatched, declared, ranges), from_.comments
        )
        return expansion

    def _platform(self, stage: Stage, ranges: Ranges) -> tuple[Platform, frozenset[str]]:
        from_, written = stage.from_, stage.platform
        try:
            expansion = self._expand(written, from_, ranges)
        except DockerfileError as error:
            error.phrase = f"failed to process arguments for platform : {error.phrase}"
            raise
        self.report.add(
            checks.platform_flag(
                written,
                stage.name,
                expansion,
                self.global_args.get("TARGETPLATFORM", ""),
                ranges,
            ),
            from_.comments,
        )
        near = ""
        for name in sorted(expansion.unmatched):
            near = did_you_mean(name, self.global_args)
            if near:
                break
        if not expansion.text:
            raise DockerfileError(
                f"--platform={written} is empty here{near}",
                hint="Only ARGs from before the first FROM and automatic ones have a value here.",
                ranges=(from_.range,),
                phrase=f"empty platform value from expression {written}{near}",
            )
        try:
            platform = parse_platform(
                expansion.text, normalize=False, host=self.options.build_platforms[0]
            )
        except OptionError as error:
            raise DockerfileError(
                f"--platform={written}: {error.message}{near}",
                hint=error.hint,
                ranges=(flag_range(from_, "--platform"), from_.range),
                phrase=f"failed to parse platform {written}: {error.phrase}{near}",
            ) from error
        return platform, expansion.used


def flag_range(from_: From, flag: str) -> LineRange:
    """The lines of an instruction from where ``flag`` stands in it."""
    column = from_.node.original.find(flag)
    return LineRange(from_.node.start, from_.node.end, max(column, 0))


def onbuild_steps(graph: StageGraph, stage: StageState, triggers: Sequence[str]) -> list[Step]:
    """The triggers of ``stage``'s base as steps at the place of its FROM.

    Raises ``DockerfileError`` at the FROM for a trigger that is no instruction.
    """
    steps: list[Step] = []
    for trigger in triggers:
        try:
            nodes = parse(trigger).nodes
            if len(nodes) != 1:
                raise DockerfileError(
                    "a trigger of the base image holds more than one instruction",
                    phrase="onbuild trigger should be a single expression",
                )
            start, end = (stage.ranges[0].start, stage.ranges[-1].end) if stage.ranges else (0, 0)
            command = parse_single(replace(nodes[0], start=start, end=end))
            if not isinstance(command, Command):
                raise DockerfileError(
                    "a trigger of the base image is a FROM",
                    phrase="*instructions.Stage is not a command type",
                )
            step = graph.step(command, stage.ranges)
        except DockerfileError as error:
            error.ranges = stage.ranges
            raise
        step.is_onbuild = True
        graph.depend(stage, step)
        steps.append(step)
    return steps


def onbuild_triggers(stage: StageState) -> list[str]:
    """The triggers that ``stage``'s base leaves to it."""
    return [step.command.expression for step in stage.steps if isinstance(step.command, OnBuild)]


def reachable(target: StageState) -> dict[StageState, None]:
    """``target`` and every stage it needs."""
    found: dict[StageState, None] = {}
    waiting = [target]
    while waiting:
        stage = waiting.pop()
        if stage in found:
            continue
        found[stage] = None
        if stage.base is not None:
            waiting.append(stage.base)
        waiting += stage.dependencies
    return found
