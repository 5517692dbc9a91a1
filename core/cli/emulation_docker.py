"""``viaduct emulation --builder``: handlers on the machine that a Docker daemon runs on."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from core.cli.emulation import split
from core.cli.tables import print_table
from core.client import connect
from core.client.docker_privileged import run_privileged
from core.client.endpoints import Endpoint, parse_endpoint
from core.emulation.architectures import ARCHITECTURES, Architecture, architecture_of
from core.emulation.images import QemuImage, image_named
from core.errors import OptionError
from core.oci.platform import parse_platform


async def status(builder: str) -> int:
    """The platforms that the daemon says it runs."""
    endpoint = parse_endpoint(builder)
    async with await connect(endpoint) as connected:
        workers = await connected.workers()
    rows = [(str(platform), worker.id) for worker in workers for platform in worker.platforms]
    print_table(("PLATFORM", "WORKER"), rows)
    return 0


async def enable(builder: str, image: str, platforms: Sequence[str]) -> int:
    """Register handlers there. Raises BuilderError, OptionError."""
    return await _run(builder, image_named(image), platforms, on=True)


async def disable(builder: str, image: str, platforms: Sequence[str]) -> int:
    """Take them away again."""
    return await _run(builder, image_named(image), platforms, on=False)


async def _run(builder: str, image: QemuImage, platforms: Sequence[str], *, on: bool) -> int:
    endpoint = parse_endpoint(builder)
    if endpoint == Endpoint.embedded():
        raise OptionError(
            "the embedded builder needs no image for this", hint="Leave out --builder."
        )
    for words in image.container_arguments(_architectures(platforms), on=on):
        print(f"privileged run of {image.reference} {' '.join(words)}", file=sys.stderr)
        output = await run_privileged(
            endpoint, image.reference, words, lambda line: print(line, file=sys.stderr)
        )
        _tell(output)
    return 0


def _architectures(platforms: Sequence[str]) -> tuple[Architecture, ...]:
    names = split(platforms)
    if not names:
        return ARCHITECTURES
    found = {}
    for name in names:
        architecture = architecture_of(parse_platform(name))
        if architecture is None:
            raise OptionError(f"there is no emulation for {name}")
        found[architecture.qemu] = architecture
    return tuple(found.values())


def _tell(output: str) -> None:
    """The images' last word is a JSON document or plain lines."""
    start = output.find("{")
    try:
        document = json.loads(output[start:]) if start >= 0 else {}
    except ValueError:
        document = {}
    if isinstance(document, dict) and "emulators" in document:
        print(f"supported: {', '.join(document.get('supported') or ())}")
        print(f"emulators: {', '.join(document.get('emulators') or ())}")
    elif output.strip():
        print(output.strip())
