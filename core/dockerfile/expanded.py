"""Instructions with their variables replaced: which fields of each are expanded, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from core.dockerfile.commands import (
    Add,
    Arg,
    ArgDefinition,
    Env,
    Instruction,
    KeyValue,
    Label,
    SourceContent,
    StopSignal,
    Transfer,
    User,
    Volume,
    Workdir,
)

Expander = Callable[[str], str]
_I = TypeVar("_I", bound=Instruction)


def expand_instruction(instruction: _I, expand: Expander) -> _I:
    """The instruction with ``expand`` applied to every field that BuildKit expands.

    ``expand`` is called in the order in which BuildKit looks the words up. EXPOSE is not here: it
    is expanded and split at once (``expand_words``); nor are the mounts of RUN (``parse_mount``).
    """
    match instruction:
        case Env() | Label():
            return replace(instruction, pairs=_pairs(instruction.pairs, expand))
        case Arg():
            return replace(instruction, args=tuple(_arg(arg, expand) for arg in instruction.args))
        case Transfer():
            chown, chmod = expand(instruction.chown), expand(instruction.chmod)
            if isinstance(instruction, Add):
                instruction = replace(instruction, checksum=expand(instruction.checksum))
            return replace(
                instruction,
                chown=chown,
                chmod=chmod,
                sources=tuple(expand(source) for source in instruction.sources),
                destination=expand(instruction.destination),
            )
        case Workdir():
            return replace(instruction, path=expand(instruction.path))
        case User():
            return replace(instruction, user=expand(instruction.user))
        case Volume():
            return replace(instruction, volumes=tuple(expand(v) for v in instruction.volumes))
        case StopSignal():
            return replace(instruction, signal=expand(instruction.signal))
        case _:
            return instruction


def expand_contents(instruction: Transfer, expand: Expander) -> tuple[SourceContent, ...]:
    """The here-documents of COPY or ADD with their bodies expanded, unless their name is quoted.

    ``expand`` has to leave quotes alone (``expand_word(..., keep_quotes=True)``).
    """
    return tuple(
        replace(content, content=expand(content.content)) if content.expand else content
        for content in instruction.contents
    )


def _pairs(pairs: tuple[KeyValue, ...], expand: Expander) -> tuple[KeyValue, ...]:
    return tuple(replace(p, key=expand(p.key), value=expand(p.value)) for p in pairs)


def _arg(arg: ArgDefinition, expand: Expander) -> ArgDefinition:
    key = expand(arg.key)
    return replace(arg, key=key, value=None if arg.value is None else expand(arg.value))
