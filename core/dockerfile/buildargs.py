"""Build arguments before the first FROM: the automatic ones and those that are declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from core.dockerfile.commands import Arg, ArgDefinition
from core.dockerfile.expand import errors_at, expand_word
from core.dockerfile.lines import line_ranges
from core.errors import LineRange
from core.oci.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgInfo:
    """A build argument; ``dependencies`` are the arguments its default is made of."""

    definition: ArgDefinition
    value: str = ""
    dependencies: frozenset[str] = frozenset()
    ranges: tuple[LineRange, ...] = ()


def automatic_args(
    build: Platform, target: Platform, overrides: Mapping[str, str], target_stage: str
) -> dict[str, str]:
    """The arguments that exist without being declared, for a build on ``build`` for ``target``."""
    values = {
        "BUILDPLATFORM": str(build),
        "BUILDOS": build.os,
        "BUILDOSVERSION": build.os_version,
        "BUILDARCH": build.architecture,
        "BUILDVARIANT": build.variant,
        "TARGETPLATFORM": target.format_all(),
        "TARGETOS": target.os,
        "TARGETOSVERSION": target.os_version,
        "TARGETARCH": target.architecture,
        "TARGETVARIANT": target.variant,
        "TARGETSTAGE": target_stage or "default",
    }
    return {key: overrides.get(key, value) for key, value in values.items()}


def global_args(
    automatic: Mapping[str, str],
    declared: Iterable[Arg],
    build_args: Mapping[str, str],
    escape: str,
) -> tuple[dict[str, str], dict[str, ArgInfo]]:
    """The values of global arguments in order of assignment, and what is known of each.

    Defaults see the automatic arguments and the declarations above them. Raises
    ``DockerfileError`` for a default that cannot be expanded.
    """
    env = dict(automatic)
    infos: dict[str, ArgInfo] = {}
    for instruction in declared:
        ranges = line_ranges(instruction.node.start, instruction.node.end)
        for definition in instruction.args:
            key, value = definition.key, definition.value
            dependencies: frozenset[str] = frozenset()
            if key in build_args:
                value = build_args[key]
            elif value is not None:
                with errors_at((instruction.range,)):
                    expansion = expand_word(value, env, escape=escape)
                value, dependencies = expansion.text, expansion.used
                if key in dependencies:
                    earlier = infos[key].dependencies if key in infos else frozenset()
                    dependencies = (dependencies - {key}) | earlier
            if value is not None:
                env.pop(key, None)
                env[key] = value
            infos[key] = ArgInfo(
                definition=replace(definition, value=value),
                value=value or "",
                dependencies=dependencies,
                ranges=ranges,
            )
    return env, infos
