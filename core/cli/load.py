"""``viaduct load``: images from an OCI or Docker archive into the local store."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import BinaryIO

from core.errors import NotFoundError

_PIECE = 1 << 20


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="viaduct load", description=__doc__)
    parser.add_argument("file", nargs="?", default="-", help="(standard input)")
    parser.add_argument("-i", "--input", default="", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    name = options.input or options.file
    with ExitStack() as stack:
        source: BinaryIO = sys.stdin.buffer
        if name != "-":
            try:
                source = stack.enter_context(open(name, "rb"))
            except OSError as error:
                raise NotFoundError(f"{name} cannot be read: {error.strerror}") from error
        return asyncio.run(_load(source))


async def _load(source: BinaryIO) -> int:
    from core.client import connect
    from core.wire.pb import engine_pb2
    from core.wire.rpc import open_stream
    from core.wire.services import Engine

    async with (
        await connect() as builder,
        open_stream(builder.channel, Engine.LOAD_IMAGE) as stream,
    ):
        await stream.send_request()
        while data := await asyncio.to_thread(source.read, _PIECE):
            await stream.send_message(engine_pb2.Chunk(data=data))
        await stream.end()
        reply = await stream.recv_message()
    for name in reply.names if reply is not None else ():
        print(name)
    return 0
