"""Build arguments before the first FROM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from core.dockerfile.commands import Arg
from core.dockerfile.expand import errors_at, expand_word
from core.frontend.outline import ArgInfo
from core.lint.buildkit.checks import line_ranges
from core.llb.ops import ProxyEnv


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


def proxy_env(build_args: Mapping[str, str]) -> ProxyEnv | None:
    """The proxy variables among the build arguments, in either case; None when there is none."""
    found: dict[str, str] = {}
    for key in sorted(build_args):
        if key.lower() in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"):
            found[key.lower()] = build_args[key]
    return ProxyEnv(**found) if found else None
