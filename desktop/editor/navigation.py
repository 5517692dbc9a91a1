"""Outline, definitions and uses of stages and variables, read from a typed Dockerfile."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from core.dockerfile.commands import Arg, Copy, Env, From, Instruction, Program, Run, Stage
from core.dockerfile.nodes import Node
from core.dockerfile.source import Span
from core.errors import LineRange


class SymbolKind(Enum):
    STAGE = "stage"
    VARIABLE = "variable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A name at a place. ``scope`` is the index of the stage, -1 before the first FROM.

    The scope of a stage's name is the whole file.
    """

    name: str
    kind: SymbolKind
    span: Span
    scope: int = -1
    definition: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineEntry:
    """A line of the outline: a stage with its instructions, or the arguments before them."""

    title: str
    detail: str
    range: LineRange
    icon: str
    children: tuple[OutlineEntry, ...] = ()


_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)[^}]*\}|\$([A-Za-z_][A-Za-z0-9_]*)")
_FROM_FLAG = re.compile(r"--from=([^\s,]+)")
_MOUNT_FROM = re.compile(r"(?:=|,)from=([^\s,]+)")


def outline(program: Program) -> tuple[OutlineEntry, ...]:
    """Stages in order, each with what it does."""
    entries: list[OutlineEntry] = []
    for arg in program.meta_args:
        names = ", ".join(definition.key for definition in arg.args)
        entries.append(OutlineEntry(title=f"ARG {names}", detail="", range=arg.range, icon="tag"))
    for stage in program.stages:
        entries.append(
            OutlineEntry(
                title=stage_title(stage),
                detail=stage.base_name,
                range=stage.range,
                icon="images",
                children=tuple(_step(command) for command in stage.commands),
            )
        )
    return tuple(entries)


def stage_title(stage: Stage) -> str:
    return stage.name or f"stage {stage.index}"


def _step(command: Instruction) -> OutlineEntry:
    detail = " ".join(command.code.split()[1:])
    return OutlineEntry(
        title=command.name.upper(), detail=detail[:80], range=command.range, icon="editor"
    )


def symbols(program: Program) -> tuple[Symbol, ...]:
    """Every name of a stage or a variable, definitions and uses, in the order of the text."""
    found: list[Symbol] = []
    text = program.document.text
    names = {stage.name for stage in program.stages if stage.name}
    for arg in program.meta_args:
        found += _variables(arg, text, -1)
    for stage in program.stages:
        found += _from_symbols(stage.from_, text, names)
        for command in stage.commands:
            found += _variables(command, text, stage.index)
            if isinstance(command, Copy | Run):
                found += _stage_uses(command.node, text, names)
    return tuple(sorted(found, key=lambda symbol: symbol.span))


def _from_symbols(from_: From, text: str, names: set[str]) -> list[Symbol]:
    spans = from_.node.arg_spans
    found = _references(from_.node, text, -1)
    if spans and spans[0].of(text).lower() in names:
        found.append(_stage(spans[0], text, definition=False))
    if from_.stage_name and len(spans) >= 3:
        found.append(_stage(spans[2], text, definition=True))
    return found


def _stage(span: Span, text: str, *, definition: bool) -> Symbol:
    name = span.of(text).lower()
    return Symbol(name=name, kind=SymbolKind.STAGE, span=span, definition=definition)


def _stage_uses(node: Node, text: str, names: set[str]) -> list[Symbol]:
    found: list[Symbol] = []
    for flag in node.flag_spans:
        pattern = _MOUNT_FROM if flag.of(text).startswith("--mount") else _FROM_FLAG
        for match in pattern.finditer(flag.of(text)):
            if match.group(1).lower() in names:
                span = Span(flag.start + match.start(1), flag.start + match.end(1))
                found.append(_stage(span, text, definition=False))
    return found


def _variables(command: Instruction, text: str, scope: int) -> list[Symbol]:
    found = _references(command.node, text, scope)
    if isinstance(command, Arg | Env):
        found += [
            Symbol(
                name=pair.key,
                kind=SymbolKind.VARIABLE,
                span=pair.key_span,
                scope=scope,
                definition=True,
            )
            for pair in command.node.key_values
        ]
    return found


def _references(node: Node, text: str, scope: int) -> list[Symbol]:
    span = node.span
    found: list[Symbol] = []
    for match in _REFERENCE.finditer(text, span.start, span.end):
        group = 1 if match.group(1) else 2
        if text[match.start() - 1 : match.start()] == "\\":
            continue
        found.append(
            Symbol(
                name=match.group(group),
                kind=SymbolKind.VARIABLE,
                span=Span(match.start(group), match.end(group)),
                scope=scope,
            )
        )
    return found


def symbol_at(program: Program, offset: int) -> Symbol | None:
    """The name under an offset; a variable's ``$`` and brace count as part of it."""
    text = program.document.text

    def covers(symbol: Symbol) -> bool:
        start = symbol.span.start
        for sign in ("${", "$"):
            if text.startswith(sign, start - len(sign)):
                start -= len(sign)
                break
        return start <= offset <= symbol.span.end

    return next((symbol for symbol in symbols(program) if covers(symbol)), None)


def definition_of(program: Program, symbol: Symbol) -> Symbol | None:
    """Where a name comes from: the last definition before its use that it can see."""
    candidates = [s for s in symbols(program) if s.definition and _same(s, symbol)]
    own = [s for s in candidates if s.scope == symbol.scope and s.span <= symbol.span]
    if own:
        return own[-1]
    inherited = _ancestors(program, symbol.scope)
    for scope in (*inherited, -1):
        earlier = [s for s in candidates if s.scope == scope]
        if earlier:
            return earlier[-1]
    return candidates[0] if candidates else None


def _ancestors(program: Program, scope: int) -> list[int]:
    """The stages that a stage is built from, nearest first."""
    found: list[int] = []
    while 0 <= scope < len(program.stages):
        base = program.find_stage(program.stages[scope].base_name, before=scope)
        if base is None:
            break
        found.append(base.index)
        scope = base.index
    return found


def occurrences(program: Program, symbol: Symbol) -> tuple[Symbol, ...]:
    """Every place that must change when the name changes.

    A variable's name is the same thing in the stages that are built from one another, and in the
    global scope when a stage declares it again with a bare ARG.
    """
    everywhere = symbols(program)
    if symbol.kind is SymbolKind.STAGE:
        return tuple(s for s in everywhere if _same(s, symbol))
    scopes = _linked_scopes(program, symbol)
    return tuple(s for s in everywhere if _same(s, symbol) and s.scope in scopes)


def _linked_scopes(program: Program, symbol: Symbol) -> set[int]:
    linked = {symbol.scope}
    bare = {
        stage.index
        for stage in program.stages
        for command in stage.commands
        if isinstance(command, Arg)
        and any(d.key == symbol.name and d.value is None for d in command.args)
    }
    declared_globally = any(
        definition.key == symbol.name for arg in program.meta_args for definition in arg.args
    )
    while True:
        grown = set(linked)
        for stage in program.stages:
            line = {stage.index, *_ancestors(program, stage.index)}
            if line & linked:
                grown |= line
        if declared_globally and (grown & bare or -1 in grown):
            grown |= bare | {-1}
        if grown == linked:
            return linked
        linked = grown


def _same(one: Symbol, other: Symbol) -> bool:
    return one.kind is other.kind and one.name == other.name


def instruction_at(program: Program, line: int) -> Instruction | None:
    """The instruction that covers a 1-based line."""
    return next((i for i in program.instructions() if i.range.start <= line <= i.range.end), None)
