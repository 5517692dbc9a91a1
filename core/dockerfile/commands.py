"""Every instruction as a typed value, and the stages they form.

Nothing here is expanded yet: strings hold variables and quotes as written. Flags that were not
given hold their default. ``instructions.py`` makes these values, ``expanded.py`` expands them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from core.dockerfile.chars import trim_space
from core.dockerfile.nodes import Document, Heredoc, Node
from core.errors import DockerfileError, LineRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """What all instructions share: the node they were made from."""

    node: Node = field(repr=False)

    @property
    def range(self) -> LineRange:
        return self.node.range

    @property
    def keyword(self) -> str:
        """As written: ``RUN``, ``Run``, ``run``."""
        return self.node.keyword

    @property
    def name(self) -> str:
        """Lower case."""
        return self.node.name

    @property
    def code(self) -> str:
        """The logical line without outer white space, as progress names show it."""
        return trim_space(self.node.original)

    @property
    def comments(self) -> tuple[str, ...]:
        return self.node.comments


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyValue:
    """``key=value``; ``legacy`` marks the form with a blank instead of ``=``."""

    key: str
    value: str
    legacy: bool = False

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgDefinition:
    """One name of an ARG; ``value`` is None where no default is given.

    ``doc`` is the comment line above that starts with the name, without it.
    """

    key: str
    value: str | None = None
    doc: str = ""

    def __str__(self) -> str:
        return f"{self.key}={self.value or ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineFile:
    """A here-document that a shell command reads: ``content`` as written."""

    name: str
    content: str
    chomp: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceContent:
    """A here-document that COPY or ADD writes: tabs already stripped after ``<<-``."""

    path: str
    content: str
    expand: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine(Instruction):
    """RUN, CMD, ENTRYPOINT: ``shell_form`` says that the stage's SHELL goes before ``command``.

    In shell form ``command`` holds at most one string, in exec form the argument vector.
    """

    command: tuple[str, ...]
    files: tuple[InlineFile, ...] = ()
    shell_form: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Instruction):
    """What COPY and ADD share."""

    sources: tuple[str, ...]
    contents: tuple[SourceContent, ...] = ()
    destination: str
    chown: str = ""
    chmod: str = ""
    link: bool = False
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class From(Instruction):
    """``base_name`` as written; ``stage_name`` lower case or empty; ``platform`` unexpanded."""

    base_name: str
    stage_name: str = ""
    platform: str = ""
    doc: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(CommandLine):
    """``mounts`` and ``devices`` are the texts of their flags (mounts.py reads them)."""

    mounts: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    network: str = "default"
    security: str = "sandbox"
    flags_used: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cmd(CommandLine):
    """CMD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrypoint(CommandLine):
    """ENTRYPOINT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy(Transfer):
    """``from_`` is a stage, a stage's number, a named context or an image; never expanded."""

    from_: str = ""
    parents: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Transfer):
    """``keep_git_dir`` and ``unpack`` are None where the flag is absent."""

    keep_git_dir: bool | None = None
    checksum: str = ""
    unpack: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arg(Instruction):
    args: tuple[ArgDefinition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Env(Instruction):
    pairs: tuple[KeyValue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label(Instruction):
    pairs: tuple[KeyValue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintainer(Instruction):
    maintainer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expose(Instruction):
    """``ports`` are sorted, as BuildKit sorts them."""

    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Instruction):
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workdir(Instruction):
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume(Instruction):
    volumes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopSignal(Instruction):
    signal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell(Instruction):
    shell: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck(Instruction):
    """``test`` as the image config has it: ``("CMD-SHELL", ...)``, ``("NONE",)``. Times in ns."""

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBuild(Instruction):
    """``expression`` is the trigger as the image config keeps it, heredoc bodies included."""

    expression: str


#: Everything that can stand in a stage after its FROM.
Command = (
    Add
    | Arg
    | Cmd
    | Copy
    | Entrypoint
    | Env
    | Expose
    | Healthcheck
    | Label
    | Maintainer
    | OnBuild
    | Run
    | Shell
    | StopSignal
    | User
    | Volume
    | Workdir
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A FROM and what follows it. ``name`` is lower case, or empty; ``index`` counts from 0."""

    index: int
    from_: From
    commands: tuple[Command, ...]

    @property
    def name(self) -> str:
        return self.from_.stage_name

    @property
    def base_name(self) -> str:
        return self.from_.base_name

    @property
    def platform(self) -> str:
        return self.from_.platform

    @property
    def doc(self) -> str:
        return self.from_.doc

    @property
    def comments(self) -> tuple[str, ...]:
        return self.from_.comments

    @property
    def range(self) -> LineRange:
        """From the FROM to the last command's end."""
        last = self.commands[-1] if self.commands else self.from_
        return LineRange(self.from_.node.start, last.node.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A typed Dockerfile: ARGs before the first FROM, then the stages.

    ``errors`` is empty unless it was made leniently.
    """

    document: Document = field(repr=False)
    meta_args: tuple[Arg, ...]
    stages: tuple[Stage, ...]
    errors: tuple[DockerfileError, ...] = ()

    def find_stage(self, name: str, *, before: int | None = None) -> Stage | None:
        """The last stage of that name (case does not matter) with an index below ``before``."""
        wanted = name.lower()
        for stage in reversed(self.stages[:before]):
            if stage.name and stage.name == wanted:
                return stage
        return None

    def instructions(self) -> Iterator[Instruction]:
        """Every instruction in the order of the file."""
        yield from self.meta_args
        for stage in self.stages:
            yield stage.from_
            yield from stage.commands


def inline_files(heredocs: tuple[Heredoc, ...]) -> tuple[InlineFile, ...]:
    return tuple(InlineFile(name=h.name, content=h.content, chomp=h.chomp) for h in heredocs)
