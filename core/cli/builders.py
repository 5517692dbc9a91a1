"""``viaduct builders``: the embedded builder, Docker's contexts, any other; with platforms."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence

from core.cli.tables import print_table
from core.client.endpoints import Endpoint, docker_contexts, parse_endpoint
from core.errors import Error

_SECONDS = 8.0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="viaduct builders", description=__doc__)
    parser.add_argument("builders", nargs="*", metavar="BUILDER", help="others to ask")
    options = parser.parse_args(arguments)
    endpoints = [Endpoint.embedded(), *docker_contexts(), *map(parse_endpoint, options.builders)]
    return asyncio.run(_list(endpoints))


async def _list(endpoints: Sequence[Endpoint]) -> int:
    rows = await asyncio.gather(*(_row(endpoint) for endpoint in endpoints))
    print_table(("NAME", "ENDPOINT", "VERSION", "PLATFORMS"), rows)
    return 0


async def _row(endpoint: Endpoint) -> tuple[str, str, str, str]:
    from core.client import connect

    name, where = endpoint.name, str(endpoint)
    try:
        async with asyncio.timeout(_SECONDS), await connect(endpoint) as builder:
            version = await builder.info()
            workers = await builder.workers()
    except (Error, TimeoutError) as error:
        return name, where, "", f"({error or 'no answer'})"
    platforms = dict.fromkeys(str(p) for worker in workers for p in worker.platforms)
    return name, where, version, ", ".join(p.removeprefix("linux/") for p in platforms)
