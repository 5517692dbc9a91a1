"""A plan in the making: stages and steps with values for each platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.dockerfile.commands import Stage
from core.dockerfile.expand import expand_word
from core.errors import DockerfileError, Error, LineRange
from core.frontend.options import FrontendOptions
from core.frontend.varying import Partition, Varying, evaluate
from core.oci.platform import Platform

Inputs = tuple[tuple[str, ...], ...]


@dataclass(slots=True, kw_only=True, eq=False)
class StageDraft:
    """A stage while planned.

    ``ends`` are the steps that make its result, ``replaced`` says that a named context stands in
    for it, ``in_trigger`` that a trigger of its base is being looked at.
    """

    index: int
    stage: Stage
    id: str
    name: str
    bases: tuple[StageDraft | None, ...] = ()
    images: tuple[str, ...] = ()
    platforms: tuple[Platform, ...] = ()
    partition: Partition = ()
    env: dict[str, Varying] = field(default_factory=dict)
    ends: Inputs = ()
    steps: list[StepDraft] = field(default_factory=list)
    triggers: list[str] = field(default_factory=list)
    needed: set[int] = field(default_factory=set)
    replaced: bool = False
    in_trigger: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class StepDraft:
    """A step while planned; ``stage`` is None for a source that belongs to no stage."""

    id: str
    name: str
    kind: str
    inputs: Inputs
    partition: Partition
    code: str = ""
    range: LineRange | None = None
    stage: StageDraft | None = None
    sources: tuple[StageDraft | str, ...] = ()


@dataclass(slots=True, kw_only=True, eq=False)
class PlanDraft:
    """What all parts of planning share."""

    options: FrontendOptions
    escape: str
    targets: tuple[Platform, ...]
    errors: list[Error]
    stages: list[StageDraft] = field(default_factory=list)
    names: dict[str, StageDraft] = field(default_factory=dict)
    steps: list[StepDraft] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.targets)

    @property
    def all_same(self) -> Partition:
        return (0,) * len(self.targets)

    def evaluate(self, text: str, env: Mapping[str, Varying], place: LineRange) -> Varying:
        """``text`` expanded; an error of it is noted and leaves the text as it is."""
        try:
            return evaluate(
                text, env, self.count, lambda t, e: expand_word(t, e, escape=self.escape).text
            )
        except DockerfileError as error:
            self.note(error, place)
            return text

    def each(self, value: Varying) -> tuple[str, ...]:
        """The value on every platform."""
        return (value,) * self.count if isinstance(value, str) else value

    def note(self, error: Error, place: LineRange) -> None:
        error.ranges = error.ranges or (place,)
        self.errors.append(error)

    def source(self, id: str, name: str, kind: str, partition: Partition) -> StepDraft:
        """A step that belongs to no stage and starts from nothing."""
        step = StepDraft(
            id=id, name=name, kind=kind, inputs=((),) * self.count, partition=partition
        )
        self.steps.append(step)
        return step
