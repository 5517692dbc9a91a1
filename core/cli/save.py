"""``viaduct save``: images of the local store to an archive."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from core.cli.arguments import command_parser
from core.errors import OptionError, StorageError

_DESCRIPTION = (
    "Write images of the local store to one archive. The format oci keeps every platform; docker "
    "is one platform, in the form that `docker load` of any age reads. FILE appears when it is "
    "complete."
)


def main(arguments: Sequence[str]) -> int:
    parser = command_parser("save", _DESCRIPTION)
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="as `viaduct images` lists them")
    parser.add_argument("-o", "--output", default="-", metavar="FILE", help="(standard output)")
    parser.add_argument("--format", choices=("oci", "docker"), default="oci")
    parser.add_argument(
        "--platform", default="", metavar="OS/ARCH", help="of a docker archive (this machine's)"
    )
    options = parser.parse_args(arguments)
    if options.output == "-" and sys.stdout.isatty():
        raise OptionError("an archive would be written to the terminal", hint="Use -o FILE.")
    if options.platform and options.format == "oci":
        raise OptionError(
            "an oci archive holds every platform", hint="Leave --platform out, or --format docker."
        )
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
        except OSError as error:
            raise StorageError(f"{target} cannot be written: {error.strerror}") from error
        finally:
            with suppress(OSError):
                partial.unlink()
    return 0
