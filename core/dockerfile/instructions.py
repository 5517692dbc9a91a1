"""From nodes to a program: typed instructions in their stages."""

from __future__ import annotations

from core.dockerfile.builders import BUILDERS
from core.dockerfile.commands import (
    Add,
    Arg,
    ArgDefinition,
    Cmd,
    Command,
    CommandLine,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    InlineFile,
    Instruction,
    KeyValue,
    Label,
    Maintainer,
    OnBuild,
    Program,
    Run,
    Shell,
    SourceContent,
    Stage,
    StopSignal,
    Transfer,
    User,
    Volume,
    Workdir,
)
from core.dockerfile.nodes import Document, Node
from core.dockerfile.suggest import suggest
from core.errors import DockerfileError

__all__ = [
    "Add",
    "Arg",
    "ArgDefinition",
    "Cmd",
    "Command",
    "CommandLine",
    "Copy",
    "Entrypoint",
    "Env",
    "Expose",
    "From",
    "Healthcheck",
    "InlineFile",
    "Instruction",
    "KeyValue",
    "Label",
    "Maintainer",
    "OnBuild",
    "Program",
    "Run",
    "Shell",
    "SourceContent",
    "Stage",
    "StopSignal",
    "Transfer",
    "User",
    "Volume",
    "Workdir",
    "instructions",
    "parse_single",
]


def parse_single(node: Node) -> Instruction:
    """The typed value of one node. Raises DockerfileError with the node's lines."""
    build = BUILDERS.get(node.name)
    try:
        if build is None:
            raise _unknown(node)
        return build(node)
    except DockerfileError as error:
        if not error.ranges:
            error.ranges = (node.range,)
        raise


def _unknown(node: Node) -> DockerfileError:
    names = [name.upper() for name in BUILDERS]
    near = suggest(node.keyword, names, case_sensitive=False)
    return DockerfileError(
        f"There is no instruction {node.keyword}",
        hint=f"Did you mean {near}?" if near else "",
        phrase=f"unknown instruction: {node.keyword}"
        + (f" (did you mean {near}?)" if near else ""),
    )


def instructions(document: Document, *, lenient: bool = False) -> Program:
    """The program of a document.

    Raises DockerfileError at the first instruction that cannot be; if ``lenient``, leaves such
    instructions out and lists the errors in ``Program.errors``, those of parsing first.
    """
    meta_args: list[Arg] = []
    stages: list[tuple[From, list[Command]]] = []
    errors: list[DockerfileError] = list(document.errors)
    for node in document.nodes:
        try:
            match _typed(node, document.name):
                case From() as from_:
                    stages.append((from_, []))
                case Arg() as arg if not stages:
                    meta_args.append(arg)
                case instruction:
                    if not stages:
                        raise _no_stage(node, document.name)
                    stages[-1][1].append(instruction)
        except DockerfileError as error:
            if not lenient:
                raise
            errors.append(error)
    return Program(
        document=document,
        meta_args=tuple(meta_args),
        stages=tuple(
            Stage(index=index, from_=from_, commands=tuple(commands))
            for index, (from_, commands) in enumerate(stages)
        ),
        errors=tuple(errors),
    )


def _typed(node: Node, source_name: str) -> Command | From:
    try:
        instruction = parse_single(node)
    except DockerfileError as error:
        phrase = error.phrase or error.message
        error.phrase = f"dockerfile parse error on line {node.start}: {phrase}"
        error.source_name = source_name
        raise
    assert isinstance(instruction, Command | From)
    return instruction


def _no_stage(node: Node, source_name: str) -> DockerfileError:
    return DockerfileError(
        f"{node.name.upper()} stands before the first FROM",
        hint="Only ARG may. Begin with FROM and a base image.",
        ranges=[node.range],
        source_name=source_name,
        phrase="no build stage in current context",
    )
