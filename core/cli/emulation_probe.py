"""``viaduct emulation probe``: a build that runs busybox of each platform, on any builder."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from core.cli.emulation import split
from core.cli.tables import print_table
from core.client import Builder, connect
from core.client.endpoints import parse_endpoint
from core.client.request import BuildRequest
from core.emulation.capability import Capability, probe_dockerfile, read_answers
from core.oci.platform import Platform, parse_platform

_DEFAULT = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386")


async def probe(builder: str, image: str, names: Sequence[str]) -> int:
    """Build it and print the answers; 0 when every platform gave the right one."""
    platforms = tuple(parse_platform(name) for name in split(names) or _DEFAULT)
    async with await connect(parse_endpoint(builder)) as connected:
        answers = await capabilities(connected, platforms, image)
    print_table(
        ("PLATFORM", "RUNS", "UNAME -M"),
        [(str(one.platform), "yes" if one.works else "no", one.answer) for one in answers],
    )
    return 0 if all(one.works for one in answers) else 1


async def capabilities(
    connected: Builder, platforms: Sequence[Platform] = (), image: str = "busybox"
) -> tuple[Capability, ...]:
    """What a builder runs of ``platforms``, the usual four when none is named."""
    platforms = tuple(platforms) or tuple(parse_platform(name) for name in _DEFAULT)
    asked = platforms
    if connected.embedded:
        # It knows for sure what it runs; a step of any other platform would end the build.
        runs = {p for worker in await connected.workers() for p in worker.platforms}
        asked = tuple(p for p in platforms if p in runs)
    dockerfile = probe_dockerfile(asked, image, apart=connected.embedded)
    lines = await _lines(connected, dockerfile) if asked else []
    return read_answers(lines, platforms)


async def _lines(builder: Builder, dockerfile: str) -> list[str]:
    output = bytearray()
    with tempfile.TemporaryDirectory(prefix="viaduct-probe-") as directory:
        (Path(directory) / "Dockerfile").write_text(dockerfile)
        request = BuildRequest(
            # Whether it runs must be seen now, not remembered.
            attrs={"filename": "Dockerfile", "no-cache": ""},
            local_dirs={"context": directory, "dockerfile": directory},
            title="capability probe",
        )
        build = builder.start(request)
        try:
            async for status in build.statuses():
                for log in status.logs:
                    output += log.data
            await build.result()
        finally:
            await build.aclose()
    return output.decode(errors="replace").splitlines()
