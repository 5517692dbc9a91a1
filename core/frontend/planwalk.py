"""Walking through the instructions of a stage for all platforms at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.dockerfile.commands import (
    Add,
    Arg,
    Command,
    Copy,
    Env,
    Instruction,
    OnBuild,
    Run,
    Transfer,
    Workdir,
)
from core.dockerfile.instructions import parse_single
from core.dockerfile.parser import parse
from core.errors import DockerfileError, LineRange, OptionError
from core.frontend.config import parse_config
from core.frontend.inputs import ImageRequest, Images, ResolvedImage
from core.frontend.plandraft import PlanDraft, StageDraft, StepDraft
from core.frontend.sources import is_git, is_http
from core.frontend.stages import SCRATCH, mount_source
from core.frontend.varying import Varying, refine, varying_names
from core.oci.reference import parse_reference

CONTEXT_STEP = "context"
Worker = Run | Copy | Add | Workdir


class StageWalker:
    """Plans the steps of one stage after the other."""

    def __init__(self, draft: PlanDraft, global_env: Mapping[str, Varying], images: Images) -> None:
        self._draft = draft
        self._global_env = global_env
        self._known = images
        self._images: dict[str, StepDraft] = {}
        self._context: StepDraft | None = None

    def walk(self, stage: StageDraft) -> None:
        """Plan ``stage``; those before it are planned."""
        self._enter(stage)
        if stage.replaced:
            return
        triggers = [t for base in dict.fromkeys(stage.bases) if base for t in base.triggers]
        triggers += self._image_triggers(stage)
        stage.in_trigger = True
        for command in self._parsed(triggers, stage):
            self._command(stage, command)
        stage.in_trigger = False
        for command in stage.stage.commands:
            self._command(stage, command)

    def _image_triggers(self, stage: StageDraft) -> list[str]:
        """The triggers of a base image whose config is known."""
        name = stage.images[0]
        if not self._known or name in ("", SCRATCH):
            return []
        try:
            request = ImageRequest(
                reference=str(parse_reference(name).tagged()),
                platform=stage.platforms[0].normalized(),
                resolve_mode=self._draft.options.resolve_mode,
            )
            found = self._known.get(request)
            if not isinstance(found, ResolvedImage):
                return []
            return list(parse_config(found.config)["config"].get("OnBuild") or ())
        except OptionError:
            return []

    def _parsed(self, triggers: Iterable[str], stage: StageDraft) -> list[Command]:
        commands: list[Command] = []
        for trigger in triggers:
            try:
                command = parse_single(parse(trigger).nodes[0])
            except DockerfileError as error:
                error.ranges = ()
                self._draft.note(error, stage.stage.from_.range)
                continue
            if isinstance(command, Command):
                commands.append(command)
        return commands

    def _enter(self, stage: StageDraft) -> None:
        """Start a stage from its bases."""
        keys: list[object] = []
        ends: list[tuple[str, ...]] = []
        for index, (base, image) in enumerate(zip(stage.bases, stage.images, strict=True)):
            if base is not None:
                keys.append((base.id, base.partition[index]))
                ends.append(base.ends[index])
            else:
                keys.append(SCRATCH if image == SCRATCH else (image, stage.platforms[index]))
                ends.append(() if image == SCRATCH else (f"{stage.id}.0",))
        stage.partition = refine(self._draft.all_same, tuple(keys))
        first = stage.bases[0]
        if first is not None:
            stage.env = dict(first.env)
        stage.ends = tuple(ends)
        if stage.replaced or any(image not in ("", SCRATCH) for image in stage.images):
            nothing = ((),) * self._draft.count
            self._append(stage, stage.stage.from_, nothing, ())
            stage.ends = stage.ends if stage.replaced else tuple(ends)

    def _append(
        self,
        stage: StageDraft,
        instruction: Instruction,
        inputs: tuple[tuple[str, ...], ...],
        sources: tuple[StageDraft | str, ...],
    ) -> None:
        place = stage.stage.from_.range if stage.in_trigger else instruction.range
        code = instruction.code
        keyword, space, rest = code.partition(" ")
        step = StepDraft(
            id=f"{stage.id}.{len(stage.steps)}",
            name=f"{keyword.upper()}{space}{rest}",
            code=code,
            kind=instruction.name,
            range=place,
            inputs=inputs,
            partition=stage.partition,
            stage=stage,
            sources=sources,
        )
        stage.steps.append(step)
        stage.ends = ((step.id,),) * self._draft.count
        self._draft.steps.append(step)

    def _command(self, stage: StageDraft, command: Command) -> None:
        match command:
            case Arg():
                self._arg(stage, command)
            case Env():
                values = [
                    (pair.key, self._draft.evaluate(pair.value, stage.env, command.range))
                    for pair in command.pairs
                ]
                stage.env.update(values)
            case OnBuild():
                stage.triggers.append(command.expression)
            case Workdir() if command.path in ("/", "//"):
                pass
            case Run() | Copy() | Add() | Workdir():
                self._step(stage, command)
            case _:
                pass

    def _arg(self, stage: StageDraft, command: Arg) -> None:
        for definition in command.args:
            key = definition.key
            value: Varying | None = self._draft.options.build_args.get(key)
            if value is None and definition.value is not None:
                value = self._draft.evaluate(definition.value, stage.env, command.range)
            if value is None:
                value = self._global_env.get(key)
            if value is not None:
                stage.env[key] = value

    def _step(self, stage: StageDraft, command: Worker) -> None:
        sources, reads_context = self._sources(stage, command)
        count = self._draft.count
        extra: list[tuple[str, ...]] = [()] * count
        keys: list[tuple[object, ...]] = [()] * count
        for source in sources:
            for index in range(count):
                if isinstance(source, str):
                    image = self._image(source)
                    extra[index] = (*extra[index], image.id)
                    keys[index] = (*keys[index], image.partition[index])
                else:
                    extra[index] = (*extra[index], *source.ends[index])
                    keys[index] = (*keys[index], source.id, source.partition[index])
        if reads_context:
            context = self._context_step().id
            extra = [(*inputs, context) for inputs in extra]
        if len(set(stage.partition)) < count:
            self._refine(stage, command, keys)
        inputs = tuple((*end, *more) for end, more in zip(stage.ends, extra, strict=True))
        self._append(stage, command, inputs, sources)

    def _refine(self, stage: StageDraft, command: Worker, keys: list[tuple[object, ...]]) -> None:
        """Tell platforms apart that this step tells apart."""
        env = stage.env
        if isinstance(command, Run):
            names = [name for name, value in env.items() if isinstance(value, tuple)]
            keys = [(*key, p) for key, p in zip(keys, stage.platforms, strict=True)]
        else:
            names = varying_names(command.node.original, env)
            if isinstance(command, Transfer):
                for content in command.contents:
                    names += varying_names(content.content, env) if content.expand else []
        for name in names:
            values = self._draft.each(env[name])
            keys = [(*key, value) for key, value in zip(keys, values, strict=True)]
        stage.partition = refine(stage.partition, tuple(keys))

    def _sources(
        self, stage: StageDraft, command: Worker
    ) -> tuple[tuple[StageDraft | str, ...], bool]:
        """What the step takes files from: stages, images by name; whether from the context."""
        try:
            match command:
                case Copy() if command.from_:
                    return self._named(stage, (command.from_,), command.range), False
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
                    return self._named(stage, named, command.range), binds
                case _:
                    return (), False
        except DockerfileError as error:
            self._draft.note(error, command.range)
            return (), False

    def _named(
        self, stage: StageDraft, names: Iterable[str], place: LineRange
    ) -> tuple[StageDraft | str, ...]:
        found: list[StageDraft | str] = []
        stages = self._draft.stages
        for name in names:
            source = self._draft.names.get(name.lower())
            if source is None and name.isascii() and name.isdigit():
                if int(name) >= len(stages):
                    raise DockerfileError(
                        f"--from={name} is the number of no stage", ranges=(place,)
                    )
                source = stages[int(name)]
            if source is not None and source.index >= stage.index:
                raise DockerfileError(
                    f"{name} is taken from a stage that is not complete at this point",
                    hint="Move that stage above this one.",
                    ranges=(place,),
                )
            found.append(source or name)
        return tuple(found)

    def _image(self, name: str) -> StepDraft:
        """The step that gives an image that is no stage."""
        step = self._images.get(name)
        if step is None:
            partition = refine(self._draft.all_same, self._draft.targets)
            step = self._draft.source(f"image {name}", f"FROM {name}", "from", partition)
            self._images[name] = step
        return step

    def _context_step(self) -> StepDraft:
        if self._context is None:
            self._context = self._draft.source(
                CONTEXT_STEP, "[internal] load build context", "context", self._draft.all_same
            )
        return self._context


def _is_bind(text: str) -> bool:
    return not any(
        field.strip().lower() in ("type=cache", "type=tmpfs", "type=secret", "type=ssh")
        for field in text.split(",")
    )
