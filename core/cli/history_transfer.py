"""Builds of the history to files and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.client.build_file import SUFFIX, read_builds, write_build
from core.client.builder import Builder
from core.errors import NotFoundError
from core.progress.codec import status_to_wire
from core.wire.pb import engine_pb2
from core.wire.rpc import open_stream
from core.wire.services import Engine


async def export_build(builder: Builder, ref: str, output: str) -> int:
    """Write the build to ``output``, or to a file named after it."""
    build = await builder.call(Engine.GET_BUILD, engine_pb2.GetBuildRequest(ref=ref))
    path = Path(output or f"{ref}{SUFFIX}")
    await write_build(path, build, builder.attach(ref))
    print(path)
    return 0


async def import_builds(builder: Builder, files: Sequence[str]) -> int:
    """Enter every build of the files into the builder's history."""
    for name in files:
        path = Path(name)
        if not path.exists():
            raise NotFoundError(f"{path} cannot be read: it is not there")
        for build, events in read_builds(path):
            async with open_stream(builder.channel, Engine.IMPORT_BUILD) as stream:
                await stream.send_message(engine_pb2.ImportBuildRequest(build=build))
                for event in events:
                    message = engine_pb2.ImportBuildRequest(event=status_to_wire(event))
                    await stream.send_message(message)
                await stream.end()
                reply = await stream.recv_message()
            if reply is not None:
                print(f"{reply.ref}  {build.record.title}")
    return 0
