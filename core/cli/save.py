"""``viaduct save``: images of the local store to an archive."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from core.errors import OptionError


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="viaduct save", description=__doc__)
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("-o", "--output", default="-", metavar="FILE", help="(standard output)")
    parser.add_argument(
        "--format",
        choices=("oci", "docker"),
        default="oci",
        help="oci keeps all platforms; docker is one platform, for `docker load`",
    )
    parser.add_argument("--platform", default="", help="the platform of a docker archive")
    options = parser.parse_args(arguments)
    if options.output == "-" and sys.stdout.isatty():
        raise OptionError("an archive would be written to the terminal", hint="Use -o FILE.")
    return asyncio.run(_save(options))


async def _save(options: argparse.Namespace) -> int:
    from core.client import connect
    from core.wire.pb import engine_pb2
    from core.wire.services import Engine

    request = engine_pb2.SaveImageRequest(
        references=options.images,
        format=options.format,
        platforms=[options.platform] if options.platform else [],
    )
    async with await connect() as builder:
        chunks = builder.iterate(Engine.SAVE_IMAGE, request)
        if options.output == "-":
            async for chunk in chunks:
                await asyncio.to_thread(sys.stdout.buffer.write, chunk.data)
            sys.stdout.buffer.flush()
            return 0
        target = Path(options.output)
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        try:
            with await asyncio.to_thread(partial.open, "xb") as file:
                async for chunk in chunks:
                    await asyncio.to_thread(file.write, chunk.data)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    return 0
