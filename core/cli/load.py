"""``viaduct load``: images from an OCI or Docker archive into the local store."""

from __future__ import annotations

import argparse
import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from typing import BinaryIO

from core.cli.arguments import OutputFormat, add_format, command_parser, print_json
from core.errors import NotFoundError, OptionError

_PIECE = 1 << 20
_DESCRIPTION = (
    "Read images, all their platforms, from an archive into the local store: an OCI layout in a "
    "tar or what `docker save` writes, compressed or not. Standard output is the images' names."
)


def main(arguments: Sequence[str]) -> int:
    parser = command_parser("load", _DESCRIPTION)
    parser.add_argument("file", nargs="?", default="", metavar="FILE", help="(standard input)")
    parser.add_argument("-i", "--input", default="", metavar="FILE", help="the same")
    add_format(parser)
    options = parser.parse_args(arguments)
    name = options.input or options.file or "-"
    with ExitStack() as stack:
        source: BinaryIO = sys.stdin.buffer
        if name == "-" and sys.stdin.isatty():
            raise OptionError(
                "an archive is expected on standard input", hint="Name a FILE or redirect one."
            )
        if name != "-":
            try:
                source = stack.enter_context(open(name, "rb"))
            except OSError as error:
                raise NotFoundError(f"{name} cannot be read: {error.strerror}") from error
        return asyncio.run(_load(source, options))


async def _load(source: BinaryIO, options: argparse.Namespace) -> int:
    from core.client import connect
    from core.wire.pb import engine_pb2
    from core.wire.rpc import open_stream
    from core.wire.services import Engine

    async with (
        await connect() as builder,
        open_stream(builder.channel, Engine.LOAD_IMAGE) as stream,
    ):
        await stream.send_request()
        async for data in pieces(source):
            await stream.send_message(engine_pb2.Chunk(data=data))
        await stream.end()
        reply = await stream.recv_message()
    names = list(reply.names) if reply is not None else []
    if options.format is OutputFormat.JSON:
        print_json(names)
        return 0
    for name in names:
        print(name)
    return 0


async def pieces(source: BinaryIO) -> AsyncIterator[bytes]:
    """All of a file or a pipe; a pipe that has nothing to say yet can be interrupted."""
    if stat.S_ISREG(os.fstat(source.fileno()).st_mode):
        while data := await asyncio.to_thread(source.read, _PIECE):
            yield data
        return
    reader = asyncio.StreamReader(limit=_PIECE)
    loop = asyncio.get_running_loop()
    copy = os.fdopen(os.dup(source.fileno()), "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), copy)
    try:
        while data := await reader.read(_PIECE):
            yield data
    finally:
        transport.close()
