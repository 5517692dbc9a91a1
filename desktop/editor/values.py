"""What a variable is worth at a line, for each platform: what the hover shows.

A reading of ARG and ENV in file order, not the build's own evaluation: base images are not looked
into, so a variable that only an image sets has no value here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from core.dockerfile.commands import Arg, Env, Program, Stage
from core.dockerfile.expand import expand_word
from core.errors import Error
from core.oci.platform import Platform, host_platform, parse_platform


def automatic_arguments(target: Platform, build: Platform) -> dict[str, str]:
    """The platform arguments that every build has (dockerfile reference, "ARG")."""
    values: dict[str, str] = {}
    for prefix, platform in (("TARGET", target), ("BUILD", build)):
        values[f"{prefix}PLATFORM"] = str(platform)
        values[f"{prefix}OS"] = platform.os
        values[f"{prefix}ARCH"] = platform.architecture
        values[f"{prefix}VARIANT"] = platform.variant
    return values


def value_at(
    program: Program,
    name: str,
    line: int,
    platforms: Iterable[str],
    build_args: Mapping[str, str],
) -> dict[str, str]:
    """Platform to value of ``name`` as the instruction on ``line`` sees it; unset ones left out."""
    found: dict[str, str] = {}
    for text in platforms:
        try:
            target = parse_platform(text)
        except Error:
            continue
        value = _evaluate(program, line, target, build_args).get(name)
        if value is not None:
            found[text] = value
    return found


def _evaluate(
    program: Program, line: int, target: Platform, build_args: Mapping[str, str]
) -> dict[str, str]:
    automatic = automatic_arguments(target, host_platform())
    escape = program.document.escape
    meta = dict(automatic)
    declared: dict[str, str] = {}
    for arg in program.meta_args:
        if arg.range.start > line:
            return meta
        _take_arg(arg, meta, build_args, {}, escape)
        declared |= {d.key: meta[d.key] for d in arg.args if d.key in meta}
    stage = next((s for s in program.stages if s.range.start <= line <= s.range.end), None)
    if stage is None or line <= stage.from_.range.end:
        return meta
    return _stage(program, stage, line, automatic | declared, build_args, escape)


def _stage(
    program: Program,
    stage: Stage,
    line: int | None,
    outer: Mapping[str, str],
    build_args: Mapping[str, str],
    escape: str,
) -> dict[str, str]:
    base = program.find_stage(stage.base_name, before=stage.index)
    env = _stage(program, base, None, outer, build_args, escape) if base is not None else {}
    for command in stage.commands:
        if line is not None and command.range.start > line:
            break
        if isinstance(command, Arg):
            _take_arg(command, env, build_args, outer, escape)
        elif isinstance(command, Env):
            before = dict(env)
            for pair in command.pairs:
                with suppress(Error):
                    env[pair.key] = expand_word(pair.value, before, escape=escape).text
    return env


def _take_arg(
    arg: Arg,
    env: dict[str, str],
    build_args: Mapping[str, str],
    outer: Mapping[str, str],
    escape: str,
) -> None:
    for definition in arg.args:
        if definition.key in build_args:
            env[definition.key] = build_args[definition.key]
        elif definition.value is not None:
            with suppress(Error):
                env[definition.key] = expand_word(definition.value, env, escape=escape).text
        elif definition.key in outer:
            env.setdefault(definition.key, outer[definition.key])
