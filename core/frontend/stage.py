"""A stage while it is being converted for one platform."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.dockerfile.commands import ArgDefinition, Command, From
from core.errors import LineRange
from core.frontend.config import Config
from core.frontend.contexts import NamedContext
from core.frontend.outline import OutlineCapture
from core.frontend.state import State
from core.oci.platform import Platform

Ranges = tuple[LineRange, ...]


@dataclass(slots=True, kw_only=True, eq=False)
class Step:
    """An instruction of a stage; ``sources`` are what its --from options name, by position."""

    command: Command
    ranges: Ranges
    sources: tuple[StageState, ...] = ()
    is_onbuild: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class StageState:
    """A stage, or an image or context that a COPY or mount takes files from.

    ``from_`` is None for the latter. ``name`` is how progress calls the stage (empty where there is
    only one), ``label`` how people do, ``base_name`` what it starts from, expanded. ``paths`` are
    those read from a client's directory that this stage stands for; stages with a common base share
    the set. ``context_paths`` are those read from the build context. ``seen`` says where the last
    CMD, ENTRYPOINT and HEALTHCHECK of the stage stand, by lower-case name.
    """

    from_: From | None
    base_name: str
    ranges: Ranges = ()
    name: str = ""
    label: str = ""
    platform: Platform | None = None
    base: StageState | None = None
    named_context: NamedContext | None = None
    state: State = field(default_factory=State)
    config: Config = field(default_factory=lambda: {"config": {}})
    base_config: Config | None = None
    from_commands: tuple[Command, ...] = ()
    steps: list[Step] = field(default_factory=list)
    dependencies: dict[StageState, Step] = field(default_factory=dict)
    build_args: list[ArgDefinition] = field(default_factory=list)
    context_paths: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)
    outline: OutlineCapture = field(default_factory=OutlineCapture)
    ignores_cache: bool = False
    shows_platform: bool = False
    step_total: int = 0
    step_index: int = 0
    in_onbuild: bool = False
    dispatched: bool = False
    resolved: bool = False
    onbuild_taken: bool = False
    workdir_set: bool = False
    seen: dict[str, Ranges] = field(default_factory=dict)

    @property
    def written_name(self) -> str:
        """The name after AS, lower case, or nothing."""
        return self.from_.stage_name if self.from_ else ""

    @property
    def comments(self) -> tuple[str, ...]:
        return self.from_.comments if self.from_ else ()

    @property
    def unregistered(self) -> bool:
        """No stage of the file."""
        return self.from_ is None
