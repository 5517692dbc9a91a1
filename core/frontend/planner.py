"""Making a plan: the stages for all platforms, then what is needed, then the cells."""

from __future__ import annotations

from collections.abc import Mapping

from core.dockerfile.buildargs import automatic_args
from core.dockerfile.commands import Program, Stage
from core.errors import NotFoundError, OptionError
from core.frontend.contexts import find_context
from core.frontend.inputs import Images
from core.frontend.options import FrontendOptions
from core.frontend.plancells import CellMaker
from core.frontend.plandraft import PlanDraft, StageDraft, StepDraft
from core.frontend.planvalues import Machine, Plan, PlanStage, PlanStep, PlanWarning
from core.frontend.planwalk import StageWalker
from core.frontend.varying import Varying, settle
from core.oci.platform import Platform, parse_platform


class Planner:
    """Plans ``program`` for the platforms of ``options`` on ``machine``."""

    def __init__(
        self, program: Program, options: FrontendOptions, machine: Machine, images: Images
    ) -> None:
        self._program = program
        self._options = options
        self._machine = machine
        self._images = images
        self._build = (options.build_platforms or machine.native)[0]
        self._draft = PlanDraft(
            options=options,
            escape=program.document.escape,
            targets=tuple(target or self._build for target in options.targets()),
            errors=list(program.errors),
        )

    def plan(self) -> Plan:
        """The plan; errors of the file are in it."""
        env = self._global_env()
        for stage in self._program.stages:
            self._add_stage(stage, env)
        walker = StageWalker(self._draft, env, self._images)
        for draft in self._draft.stages:
            walker.walk(draft)
        target = self._target()
        if target is not None:
            for index in range(self._draft.count):
                _mark(target, index)
        return self._finish()

    def _global_env(self) -> dict[str, Varying]:
        options, draft = self._options, self._draft
        stage = options.target or self._program.stages[-1].name
        automatic = [
            automatic_args(self._build, target, options.build_args, stage)
            for target in draft.targets
        ]
        env: dict[str, Varying] = {
            key: settle(tuple(values[key] for values in automatic)) for key in automatic[0]
        }
        for instruction in self._program.meta_args:
            for definition in instruction.args:
                value: Varying | None = options.build_args.get(definition.key)
                if value is None and definition.value is not None:
                    value = draft.evaluate(definition.value, env, instruction.range)
                if value is not None:
                    env[definition.key] = value
        return env

    def _add_stage(self, stage: Stage, env: Mapping[str, Varying]) -> None:
        draft = self._draft
        planned = StageDraft(
            index=stage.index,
            stage=stage,
            id=str(stage.index),
            name=stage.name or f"stage-{stage.index}",
        )
        bases = draft.each(draft.evaluate(stage.base_name, env, stage.from_.range))
        planned.bases = tuple(draft.names.get(name) for name in bases)
        planned.images = tuple(
            "" if base else name for base, name in zip(planned.bases, bases, strict=True)
        )
        planned.platforms = self._platforms(stage, planned, env)
        if stage.name:
            planned.replaced = self._is_replaced(stage.name)
            draft.names[stage.name] = planned
        draft.stages.append(planned)

    def _is_replaced(self, name: str) -> bool:
        try:
            return find_context(self._options, name, self._draft.targets[0]) is not None
        except OptionError:
            return False

    def _platforms(
        self, stage: Stage, planned: StageDraft, env: Mapping[str, Varying]
    ) -> tuple[Platform, ...]:
        draft = self._draft
        own = self._flag(stage, env) if stage.platform else draft.targets
        return tuple(
            base.platforms[index] if base else own[index]
            for index, base in enumerate(planned.bases)
        )

    def _flag(self, stage: Stage, env: Mapping[str, Varying]) -> tuple[Platform, ...]:
        """What --platform says; the target where that is nothing."""
        draft, place = self._draft, stage.from_.range
        texts = draft.each(draft.evaluate(stage.platform, env, place))
        parsed: dict[str, Platform | None] = dict.fromkeys(texts)
        for text in parsed:
            try:
                parsed[text] = parse_platform(text, host=self._build)
            except OptionError as error:
                draft.note(error, place)
        return tuple(
            parsed[text] or target for text, target in zip(texts, draft.targets, strict=True)
        )

    def _target(self) -> StageDraft | None:
        draft, name = self._draft, self._options.target
        if not name:
            return draft.stages[-1]
        found = draft.names.get(name.lower())
        if found is None:
            draft.errors.append(
                NotFoundError(
                    f"there is no stage called {name!r}",
                    hint=f"The stages are {', '.join(draft.names) or 'without names'}.",
                )
            )
        return found

    def _finish(self) -> Plan:
        draft = self._draft
        names = tuple(target.format_all() for target in draft.targets)
        cells = CellMaker(names, draft.targets, self._machine)
        used = self._used()
        return Plan(
            platforms=names,
            stages=tuple(_finished_stage(stage, names) for stage in draft.stages),
            steps=tuple(_finished_step(step, cells, used) for step in draft.steps),
            errors=tuple(draft.errors),
            warnings=tuple(
                warning
                for stage in draft.stages
                if (warning := _impossible(stage, cells)) is not None
            ),
        )

    def _used(self) -> dict[str, frozenset[int]]:
        """For which platforms a source that belongs to no stage is needed."""
        used: dict[str, set[int]] = {}
        for step in self._draft.steps:
            if step.stage is None:
                continue
            for index in step.stage.needed:
                for name in step.inputs[index]:
                    used.setdefault(name, set()).add(index)
        return {name: frozenset(indices) for name, indices in used.items()}


def _finished_step(
    step: StepDraft, cells: CellMaker, used: Mapping[str, frozenset[int]]
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


def _finished_stage(stage: StageDraft, names: tuple[str, ...]) -> PlanStage:
    base = stage.bases[0]
    platforms = zip(names, stage.platforms, strict=True)
    return PlanStage(
        id=stage.id,
        name=stage.name,
        range=stage.stage.range,
        base=base.id if base else stage.images[0],
        platforms={name: platform.format_all() for name, platform in platforms},
        needed=frozenset(names[index] for index in stage.needed),
        steps=tuple(step.id for step in stage.steps),
    )


def _impossible(stage: StageDraft, cells: CellMaker) -> PlanWarning | None:
    """A warning for a stage with programs that nothing here can run."""
    if not any(step.kind == "run" for step in stage.steps):
        return None
    hit = [index for index in sorted(stage.needed) if not cells.can_run(stage.platforms[index])]
    if not hit:
        return None
    missing = dict.fromkeys(stage.platforms[index].format_all() for index in hit)
    return PlanWarning(
        message=f"nothing here runs programs for {', '.join(missing)}, which the stage "
        f"{stage.name} needs",
        hint="Enable emulation for it, or build the stage on $BUILDPLATFORM.",
        range=stage.stage.from_.range,
        platforms=tuple(cells.names[index] for index in hit),
    )


def _mark(target: StageDraft, index: int) -> None:
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
            waiting += [source for source in step.sources if isinstance(source, StageDraft)]
