"""What the rules look at: every instruction with the variables in force and its shell scripts."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from core.dockerfile.commands import (
    Arg,
    Cmd,
    CommandLine,
    Entrypoint,
    Env,
    Instruction,
    Program,
    Run,
)
from core.dockerfile.nodes import Node
from core.dockerfile.source import SourceLine, Span
from core.dockerfile.words import split_command
from core.errors import LineRange
from core.lint.guards import taint
from core.lint.scope import PLATFORM_ARGS, Origin, Scope, Variable
from core.lint.shell.reader import read_script
from core.lint.shell.script import Command, Script, Word
from core.lint.spelling import find_tokens
from core.lint.stages import StageFacts, stage_facts

ONLY_HEREDOC = re.compile(
    r"^\s*(?:(?:/usr)?/bin/)?(?:(?:ba|da|a|z|k)?sh\b[^<|;&]*)?<<-?\s*[\"']?\w+[\"']?\s*$"
)
# Names of architectures, questions for them, compilers, and what exists for x86 alone.
MATTERS = re.compile(
    r"64|86|386|arm|aarch|ppc|powerpc|s390|riscv|loong|mips|sbsa|ia32|rpi|raspberry|k8|arch|uname|dpkg"
    r"|TARGET|BUILD(?:PLATFORM|OS|VARIANT)|\bgo\s+(?:build|env)|cargo|gcc|g\+\+|clang|cmake|\bcc\b"
    r"|32|multilib|chrome|oracle|mkl|virtualbox|steam|wine|spotify|skype|teamviewer|edge"
    r"|-m(?:tune|cpu|avx|sse|aes|fma|bmi)|tini|cuda|sgerrand",
    re.IGNORECASE,
)
SINGLE_ARCH_NAME = re.compile(
    r"(?:^|[/_.-])(arm64|aarch64|arm64v8|armhf|armv[5678]\w*|arm32v\d|arm|amd64|x86[_-]64|x86|i386|386"
    r"|ppc64le|s390x|riscv64|rpi|raspberry(?:pi\d?)?|raspbian)(?:$|[/_.-])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One instruction: ``scope`` holds before it, ``tainted`` also what its own script sets."""

    instruction: Instruction
    stage: int | None
    scope: Scope
    scripts: tuple[Script, ...]
    tainted: frozenset[str]

    @property
    def node(self) -> Node:
        return self.instruction.node

    @property
    def text(self) -> str:
        return self.instruction.node.original


class Analysis:
    """A Dockerfile as the rules see it. ``platforms`` are those asked for, maybe none."""

    def __init__(self, program: Program, *, platforms: tuple[str, ...] = ()) -> None:
        self.program = program
        self.text = program.document.text
        self.name = program.document.name
        self.platforms = platforms
        self._line_starts = [0, *(m.end() for m in re.finditer("\n", self.text))]
        self.sites: tuple[Site, ...] = tuple(self._walk())

    def line_of(self, offset: int) -> int:
        """The 1-based line of a code point offset."""
        return bisect_right(self._line_starts, offset)

    def range_of(self, span: Span) -> LineRange:
        """Lines and columns of a span."""
        start, end = self.line_of(span.start), self.line_of(max(span.start, span.end - 1))
        return LineRange(
            start,
            end,
            span.start - self._line_starts[start - 1],
            span.end - self._line_starts[end - 1],
        )

    @property
    def stages(self) -> tuple[StageFacts, ...]:
        return self._stages

    def stage_of(self, site: Site) -> StageFacts | None:
        return None if site.stage is None else self._stages[site.stage]

    def runs(self) -> Iterator[Site]:
        """Sites that have shell scripts."""
        return (site for site in self.sites if site.scripts)

    @cached_property
    def single_arch_intent(self) -> str:
        """Why the file is meant for one architecture: its name or folder; empty if it is not."""
        match = SINGLE_ARCH_NAME.search(self.name.replace("\\", "/"))
        return match.group(1) if match else ""

    def _walk(self) -> Iterator[Site]:
        scope = Scope()
        for arg in self.program.meta_args:
            yield Site(
                instruction=arg, stage=None, scope=scope, scripts=(), tainted=scope.following
            )
            scope = self._after(arg, scope, None, Scope())
        globals_ = scope
        self._stages = stage_facts(self.program, globals_)
        finals: list[Scope] = []
        for stage in self.program.stages:
            facts = self._stages[stage.index]
            scope = finals[facts.parents[0]] if len(facts.parents) == 1 else Scope()
            yield Site(
                instruction=stage.from_,
                stage=stage.index,
                scope=globals_,
                scripts=(),
                tainted=globals_.following,
            )
            for command in stage.commands:
                yield self._site(command, stage.index, scope)
                scope = self._after(command, scope, stage.index, globals_)
            finals.append(scope)

    def _site(self, command: Instruction, stage: int, scope: Scope) -> Site:
        scripts: tuple[Script, ...] = ()
        tainted = scope.following
        if isinstance(command, Run | Cmd | Entrypoint) and _matters(command.node):
            scripts = tuple(scripts_of(command))
            for script in scripts:
                tainted = taint(script, tainted)
        return Site(instruction=command, stage=stage, scope=scope, scripts=scripts, tainted=tainted)

    def _after(
        self, command: Instruction, scope: Scope, stage: int | None, globals_: Scope
    ) -> Scope:
        if not isinstance(command, Arg | Env):
            return scope
        before = scope
        for pair in command.node.key_values:
            looked_up = scope if isinstance(command, Arg) else before
            raw = pair.value
            inherited = globals_.get(pair.key) if isinstance(command, Arg) and raw is None else None
            automatic = raw is None and pair.key in PLATFORM_ARGS and inherited is None
            value = inherited.value if inherited else (None if raw is None else raw.strip("\"'"))
            if isinstance(command, Arg) and raw is None and scope.get(pair.key) and not inherited:
                continue
            follows = automatic or (
                inherited.follows if inherited else raw is not None and looked_up.follows(raw)
            )
            if isinstance(command, Env):
                origin = Origin.ENV
            elif automatic:
                origin = Origin.AUTOMATIC
            elif stage is None or inherited:
                origin = Origin.GLOBAL_ARG
            else:
                origin = Origin.ARG
            place = inherited.span if inherited else pair.value_span or pair.key_span
            scope = scope.with_variable(
                Variable(
                    name=pair.key,
                    value=value,
                    origin=origin,
                    follows=follows,
                    line=self.line_of(place.start),
                    span=place,
                    stage=stage,
                )
            )
        return scope


def _matters(node: Node) -> bool:
    """Whether any rule could say anything of the script: most need not be read as shell."""
    return bool(MATTERS.search(node.original)) or any(
        MATTERS.search(heredoc.content) for heredoc in node.heredocs
    )


def scripts_of(command: CommandLine) -> Iterator[Script]:
    """The shell scripts of RUN, CMD or ENTRYPOINT; an exec form becomes one command."""
    node = command.node
    if not command.shell_form:
        if command.command:
            yield _exec_form(command)
        return
    rest = split_command(node.original, node.source.escape).rest
    if node.heredocs and ONLY_HEREDOC.match(rest.text):
        for heredoc in node.heredocs:
            first = heredoc.content.lstrip().split("\n", 1)[0]
            if first.startswith("#!") and "sh" not in first.rsplit("/", 1)[-1]:
                continue
            yield read_script(heredoc.content, _shift(heredoc.span.start))
        return

    yield _read(rest.text, rest.start, node.source)
    for heredoc in node.heredocs:
        # A body that some program reads: its addresses and file names count, its grammar does not.
        if find_tokens(heredoc.content):
            yield _opaque(heredoc.content, heredoc.span)


@lru_cache(maxsize=2048)
def _read(text: str, start: int, source: SourceLine) -> Script:
    """A script of a logical line; kept, because most lines stand where they stood a key ago."""
    return read_script(text, lambda first, last: source.span(start + first, start + last))


def _shift(by: int) -> Callable[[int, int], Span]:
    return lambda start, end: Span(start + by, end + by)


def _opaque(text: str, span: Span) -> Script:
    word = Word(text=text, span=span, variables=())
    command = Command(
        words=(), assignments=(), redirects=(), guards=(), span=span, pipeline=0, heredoc=word
    )
    return Script(commands=(command,), assignments=(), cases=(), text=text, complete=True)


def _exec_form(command: CommandLine) -> Script:
    spans = command.node.arg_spans
    words = tuple(
        Word(text=text, span=Span(span.start + 1, max(span.start + 1, span.end - 1)), variables=())
        for text, span in zip(command.command, spans, strict=False)
    )
    shells = {"sh", "bash", "ash", "dash", "zsh"}
    if (
        len(words) >= 3
        and words[0].text.rsplit("/", 1)[-1] in shells
        and words[-2].text.startswith("-")
        and words[-2].text.endswith("c")
    ):
        return read_script(words[-1].text, _shift(words[-1].span.start))
    made = Command(
        words=words,
        assignments=(),
        redirects=(),
        guards=(),
        span=Span(words[0].span.start, words[-1].span.end) if words else Span(0, 0),
        pipeline=0,
    )
    return Script(commands=(made,), assignments=(), cases=(), text="", complete=True)
