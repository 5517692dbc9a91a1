"""What steps are called in progress: ``[linux/arm64 build 2/4] RUN make``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from core.dockerfile.expand import expand_word
from core.errors import DockerfileError, OptionError
from core.oci.platform import Platform, parse_platform

if TYPE_CHECKING:
    from core.frontend.stage import StageState


def next_step_name(
    stage: StageState, text: str, platform: Platform | None, env: Mapping[str, str]
) -> str:
    """The name of the next step of ``stage``, which is counted by this."""
    if stage.step_total == 0:
        return text
    stage.step_index += 1
    return step_name(stage, text, platform, env)


def step_name(
    stage: StageState, text: str, platform: Platform | None, env: Mapping[str, str]
) -> str:
    """The name of the step that was counted last."""
    if stage.step_total == 0:
        return text
    prefix = ""
    if stage.shows_platform and platform is not None:
        prefix = f"{platform.format_all()}{_cross(platform, target_of(env))} "
    if stage.name:
        prefix += f"{stage.name} "
    width = int(1 + math.log10(stage.step_total))
    onbuild = "ONBUILD " if stage.in_onbuild else ""
    return f"[{prefix}{stage.step_index:>{width}}/{stage.step_total}] {onbuild}{text}"


def target_of(env: Mapping[str, str]) -> Platform | None:
    """The platform that the TARGET... variables of a step's environment speak of."""
    os = architecture = variant = ""
    found = False
    for key in env:
        match key:
            case "TARGETPLATFORM":
                try:
                    return parse_platform(env[key], normalize=False)
                except OptionError:
                    continue
            case "TARGETOS":
                os, found = env[key], True
            case "TARGETARCH":
                architecture, found = env[key], True
            case "TARGETVARIANT":
                variant, found = env[key], True
            case _:
                pass
    return Platform(os=os, architecture=architecture, variant=variant) if found else None


def _cross(base: Platform, target: Platform | None) -> str:
    if target is None:
        return ""
    target = replace(
        target,
        os=target.os or base.os,
        architecture=target.architecture or base.architecture,
    ).normalized()
    if target.os != base.os:
        return f"->{target.format_all()}"
    if target.architecture != base.architecture:
        variant = f"/{target.variant}" if target.variant else ""
        return f"->{target.architecture}{variant}"
    return ""


def expanded_code(
    code: str, env: Mapping[str, str], escape: str, *, for_shell: bool = False
) -> str:
    """The text of an instruction with the variables it has replaced, keyword in upper case.

    ``for_shell`` keeps quotes and what the shell will replace.
    """
    try:
        text = expand_word(
            code, env, escape=escape, raw_quotes=for_shell, keep_unset=for_shell
        ).text
    except DockerfileError:
        text = code
    keyword, space, rest = text.partition(" ")
    return f"{keyword.upper()}{space}{rest}"


def heredoc_summary(text: str) -> str:
    """The first line of a here-document, with dots when there are more."""
    lines = text.strip().replace("\r\n", "\n").split("\n")
    return f"{lines[0]}{'...' if len(lines) > 1 else ''}"
