"""Stages by what they are for: which platform they run on, and where their files end up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from core.dockerfile.commands import Copy, Program, Run, Stage
from core.lint.scope import PLATFORM_ARGS, Scope, references

FROM_IN_MOUNT = re.compile(r"(?:^|,)from=([^,]+)")


class Role(Enum):
    """Whose programs a stage runs."""

    TARGET = "target"
    BUILD = "build"
    CONSTANT = "constant"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFacts:
    """What the graph of stages says of one of them.

    ``parents`` are the stages its FROM may mean (several for ``FROM x-${TARGETARCH}``);
    ``constant`` is the platform of a constant ``--platform``; ``copies`` are the stages its
    COPY --from and bind mounts name; ``exported``: its file system is the result's, or below it;
    ``contributes``: some of its files may reach the result.
    """

    stage: Stage
    role: Role
    constant: str
    own_platform: bool
    parents: tuple[int, ...]
    copies: tuple[int, ...]
    exported: bool
    contributes: bool


def stage_facts(program: Program, scope: Scope) -> tuple[StageFacts, ...]:
    """Facts of all stages; ``scope`` is the one before the first FROM."""
    parents = [_parents(program, stage, scope) for stage in program.stages]
    copies = [_copies(program, stage) for stage in program.stages]
    roles: list[tuple[Role, str, bool]] = []
    for stage in program.stages:
        roles.append(_role(stage, parents[stage.index], roles, scope))
    exported: set[int] = set()
    contributes: set[int] = set()
    if program.stages:
        _climb(len(program.stages) - 1, parents, exported)
        pending = list(exported)
        while pending:
            index = pending.pop()
            if index in contributes:
                continue
            contributes.add(index)
            pending.extend((*parents[index], *copies[index]))
    return tuple(
        StageFacts(
            stage=stage,
            role=roles[stage.index][0],
            constant=roles[stage.index][1],
            own_platform=roles[stage.index][2],
            parents=parents[stage.index],
            copies=copies[stage.index],
            exported=stage.index in exported,
            contributes=stage.index in contributes,
        )
        for stage in program.stages
    )


def _climb(index: int, parents: list[tuple[int, ...]], seen: set[int]) -> None:
    pending = [index]
    while pending:
        at = pending.pop()
        if at not in seen:
            seen.add(at)
            pending.extend(parents[at])


def _parents(program: Program, stage: Stage, scope: Scope) -> tuple[int, ...]:
    base = scope.resolve(stage.base_name)
    found = program.find_stage(base, before=stage.index)
    if found is not None:
        return (found.index,)
    if not any(name in PLATFORM_ARGS or scope.follows(f"${name}") for name in references(base)):
        return ()
    # FROM build-${TARGETARCH}: any stage whose name fits may be the base of some platform.
    pattern = re.compile(
        "".join(
            "[a-z0-9_.-]*" if part.startswith("$") else re.escape(part)
            for part in re.split(r"(\$\{[^}]*\}|\$[A-Za-z_][A-Za-z0-9_]*)", base.lower())
        )
    )
    return tuple(
        other.index
        for other in program.stages[: stage.index]
        if other.name and pattern.fullmatch(other.name)
    )


def _copies(program: Program, stage: Stage) -> tuple[int, ...]:
    found: list[int] = []
    for command in stage.commands:
        names: list[str] = []
        if isinstance(command, Copy) and command.from_:
            names.append(command.from_)
        elif isinstance(command, Run):
            names.extend(m for mount in command.mounts for m in FROM_IN_MOUNT.findall(mount))
        for name in names:
            other = program.find_stage(name, before=stage.index)
            if other is not None:
                found.append(other.index)
            elif name.isdigit() and int(name) < stage.index:
                found.append(int(name))
    return tuple(dict.fromkeys(found))


def _role(
    stage: Stage, parents: tuple[int, ...], roles: list[tuple[Role, str, bool]], scope: Scope
) -> tuple[Role, str, bool]:
    if stage.platform:
        text = scope.resolve(stage.platform)
        names = references(text)
        if any(name.startswith("BUILD") for name in names):
            return (Role.BUILD, "", True)
        if "$" not in text:
            return (Role.CONSTANT, text.strip("\"'"), True)
        return (Role.TARGET, "", True)
    if len(parents) == 1:
        role, constant, _ = roles[parents[0]]
        return (role, constant, False)
    return (Role.TARGET, "", False)
