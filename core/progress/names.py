"""Platform, stage and mode from the step names of builders that tell nothing else.

BuildKit's Dockerfile frontend writes ``[linux/arm64 build 2/4] RUN ...``, and
``[linux/amd64->arm64 build 2/4] ...`` where a stage's own platform is not the target's: left the
platform that the step runs on, right the target (its OS left out where it is the same).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from core.progress.messages import Mode

_PREFIX = re.compile(
    r"""\[
    (?:(?P<platform>[a-z0-9]+/[\w.-]+(?:/[\w.-]+)?)(?:->(?P<target>[\w./-]+))?\ )?
    (?:(?P<stage>[\w.-]+)\ )?
    \ *(?P<number>\d+)/(?P<total>\d+)
    \]\ ?(?P<text>.*)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepName:
    """What a vertex name says. ``platform`` is the requested one, ``runs_on`` the stage's."""

    text: str
    platform: str = ""
    runs_on: str = ""
    stage: str = ""
    number: int = 0
    total: int = 0
    internal: bool = False

    def mode(self, native: Collection[str]) -> Mode:
        """How a RUN of this name runs on a builder whose native platforms are given."""
        if not self.runs_on or not native or not self.text.startswith("RUN "):
            return Mode.NONE
        if self.runs_on not in native:
            return Mode.EMULATED
        return Mode.NATIVE if self.platform == self.runs_on else Mode.CROSS


def parse_name(name: str) -> StepName:
    """Read a vertex name; one of another form comes back as text alone."""
    match = _PREFIX.match(name)
    if match is None:
        return StepName(text=name, internal=_is_internal(name))
    runs_on = match["platform"] or ""
    target = match["target"] or ""
    if target and not _names_an_os(target, runs_on):
        target = f"{runs_on.partition('/')[0]}/{target}"
    return StepName(
        text=match["text"],
        platform=target or runs_on,
        runs_on=runs_on,
        stage=match["stage"] or "",
        number=int(match["number"]),
        total=int(match["total"]),
    )


def _names_an_os(target: str, runs_on: str) -> bool:
    # "arm/v7" and "windows/amd64" look alike: an OS is followed by an architecture.
    first, _, rest = target.partition("/")
    if not rest:
        return False
    return first == runs_on.partition("/")[0] or not re.fullmatch(r"v\d+(\.\d+)?", rest)


def _is_internal(name: str) -> bool:
    return name.startswith(("[internal]", "[auth]", "exporting ", "importing cache", "resolve "))
