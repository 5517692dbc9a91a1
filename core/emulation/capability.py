"""A build that shows what a builder can execute: one stage of each platform, all run in turn.

For builders whose machine is out of reach (a Docker daemon in a virtual machine, a remote one);
where programs of our own can be executed, ``core.emulation.selftest`` needs no image.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.oci.platform import Platform

_LINE = re.compile(r"^(?:#\d+ )?(?:[\d.]+ )?viaduct-probe (\S+) => (.*)$")
_RUN = (
    "cd /probe && for A in *; do "
    'echo "viaduct-probe $A => $($A/busybox uname -m 2>&1 | tail -n 1)"; done'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """``answer`` is what the platform's ``uname -m`` said, or why it could not."""

    platform: Platform
    answer: str
    works: bool


def probe_dockerfile(
    platforms: Sequence[Platform], image: str = "busybox", *, apart: bool = False
) -> str:
    """Copies busybox of each platform beside each other, then runs every one of them.

    ``image`` must be there for all of ``platforms`` and have /bin/busybox, static. ``apart`` runs
    each in a step of its own platform instead, as a build for that platform would: all of them
    must run then.
    """
    lines = []
    for platform in platforms:
        name = _stage(platform)
        lines.append(f"FROM --platform={platform} {image} AS {name}")
        if apart:
            lines.append(f'RUN echo "viaduct-probe {name} => $(/bin/busybox uname -m)"')
    lines.append("FROM scratch" if apart else f"FROM {image}")
    for platform in platforms:
        name = _stage(platform)
        lines.append(f"COPY --from={name} /bin/busybox /probe/{name}/busybox")
    if not apart:
        lines.append(f"RUN {_RUN}")
    return "\n".join(lines) + "\n"


def read_answers(lines: Iterable[str], platforms: Sequence[Platform]) -> tuple[Capability, ...]:
    """What the RUN wrote, in the order of ``platforms``; those without a line did not run."""
    said: dict[str, str] = {}
    for line in lines:
        match = _LINE.match(line.strip())
        if match:
            said[match[1]] = match[2].strip()
    found = []
    for platform in platforms:
        answer = said.get(_stage(platform), "")
        names = _MACHINES.get(platform.architecture, ())
        found.append(
            Capability(
                platform=platform,
                answer=answer or "no answer",
                works=any(answer.startswith(name) for name in names),
            )
        )
    return tuple(found)


# 32-bit programs on a 64-bit kernel are told the kernel's machine unless it says otherwise.
_MACHINES: Mapping[str, tuple[str, ...]] = {
    "amd64": ("x86_64",),
    "386": ("i386", "i486", "i586", "i686", "x86_64"),
    "arm64": ("aarch64",),
    "arm": ("arm", "aarch64"),
    "ppc64le": ("ppc64le",),
    "s390x": ("s390x",),
    "riscv64": ("riscv64",),
    "mips64le": ("mips64",),
    "loong64": ("loongarch64",),
}


def _stage(platform: Platform) -> str:
    # A stage's name begins with a letter: "on-386".
    return "-".join(part for part in ("on", platform.architecture, platform.variant) if part)
