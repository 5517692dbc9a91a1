"""The static plan: which step runs for which platform, and how, before anything is resolved.

The window draws it while one types, so it is made of the text alone: images count as plausible
ones, errors are part of the answer, and what is equal for several platforms is looked at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.errors import Error, LineRange
from core.oci.platform import Platform, host_platform
from core.progress.messages import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What can run programs: ``native`` platforms, best first, and the interpreter of others."""

    native: tuple[Platform, ...]
    emulated: Mapping[Platform, str] = field(default_factory=dict)

    @classmethod
    def this(cls) -> Machine:
        """The platform of this process and nothing else."""
        return cls(native=(host_platform(),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A step on one target platform.

    ``mode`` is NONE for steps that run no program. ``possible`` is False where a program would
    have to run and nothing here can run it. ``shared_with`` are the other target platforms for
    which this is the very same work. ``inputs`` is None where the step's inputs hold. ``vertex``
    is the digest of the vertex, empty in a plan that was made without resolved images.
    """

    needed: bool
    mode: Mode = Mode.NONE
    possible: bool = True
    interpreter: str = ""
    vertex: str = ""
    shared_with: tuple[str, ...] = ()
    inputs: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """Something a builder does: a source, a RUN, a COPY, an ADD, a WORKDIR.

    ``id`` is stable as long as the steps before it in its stage are. ``name`` is the instruction
    with its variables as written, ``range`` None for what stands on no line. ``kind`` is the
    instruction's name, or "context". ``cells`` are by target platform.
    """

    id: str
    stage: str
    name: str
    instruction: str
    kind: str
    range: LineRange | None
    inputs: tuple[str, ...]
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStage:
    """A stage. ``base`` is the id of the stage it starts from or the image's name as written.

    ``platforms`` says, by target platform, on which platform the stage runs; ``needed`` for which
    targets it is needed.
    """

    id: str
    name: str
    range: LineRange
    base: str
    platforms: Mapping[str, str]
    needed: frozenset[str]
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWarning:
    """Something that will not go well, on the lines of ``range``, for ``platforms``."""

    message: str
    hint: str
    range: LineRange | None
    platforms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps in the order of the file, for ``platforms`` in the order asked for.

    ``errors`` are those that would keep the file from being built; the steps are then what could
    be made out in spite of them.
    """

    platforms: tuple[str, ...]
    stages: tuple[PlanStage, ...] = ()
    steps: tuple[PlanStep, ...] = ()
    errors: tuple[Error, ...] = ()
    warnings: tuple[PlanWarning, ...] = ()
