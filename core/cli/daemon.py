"""``viaduct daemon``: the embedded builder's process."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from core.errors import BuilderError


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="viaduct daemon", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="be the builder, in the foreground")
    run.add_argument("--ready-fd", type=int, default=-1, help=argparse.SUPPRESS)
    run.add_argument("--background", action="store_true", help=argparse.SUPPRESS)
    run.add_argument(
        "--idle",
        type=float,
        default=float(os.environ.get("VIADUCT_IDLE_SECONDS", "900")),
        metavar="SECONDS",
        help="leave after so long without a client (0: never)",
    )
    run.add_argument("--parallel", type=int, default=0, help="steps at once")
    run.add_argument("--parallel-emulated", type=int, default=0, help="emulated steps at once")
    run.add_argument(
        "--step-memory",
        type=int,
        default=int(os.environ.get("VIADUCT_STEP_MEMORY", "0")),
        metavar="BYTES",
        help="what one step may use (0: no limit)",
    )
    run.add_argument(
        "--step-processes",
        type=int,
        default=int(os.environ.get("VIADUCT_STEP_PROCESSES", "0")),
        metavar="NUMBER",
        help="processes and threads of one step (0: no limit)",
    )
    commands.add_parser("start", help="start it in the background")
    stop = commands.add_parser("stop", help="end it")
    stop.add_argument("--force", action="store_true", help="end running builds too")
    commands.add_parser("status", help="say whether it runs and what it can do")
    commands.add_parser("dial-stdio", help="connect its socket to standard input and output")
    options = parser.parse_args(arguments)
    match options.command:
        case "run":
            return _run(options)
        case "start":
            return asyncio.run(_start())
        case "stop":
            return asyncio.run(_stop(force=options.force))
        case "status":
            return asyncio.run(_status())
        case _:
            return asyncio.run(_dial())


def _run(options: argparse.Namespace) -> int:
    if sys.platform != "linux":
        raise BuilderError("the embedded builder needs Linux")
    from core.daemon.options import DaemonOptions
    from core.daemon.run import run

    return run(
        DaemonOptions(
            ready_fd=options.ready_fd,
            background=options.background,
            idle_seconds=options.idle,
            parallel=options.parallel,
            parallel_emulated=options.parallel_emulated,
            step_memory=options.step_memory,
            step_processes=options.step_processes,
        )
    )


async def _start() -> int:
    from core.client import connect

    async with await connect() as builder:
        hello = await builder.hello()
    print(f"the builder runs (process {hello.pid})")
    return 0


async def _stop(*, force: bool) -> int:
    from core.client import Builder, Endpoint
    from core.client.embedded import has_process, is_running
    from core.client.locations import locations
    from core.client.transports import Dialer
    from core.wire.pb import engine_pb2
    from core.wire.services import Engine

    places = locations()
    if not await is_running(places):
        print("the builder does not run")
        return 0
    endpoint = Endpoint.embedded()
    dialer = Dialer(endpoint, socket_path=str(places.socket))
    async with Builder(endpoint, dialer) as builder:
        await builder.call(Engine.SHUTDOWN, engine_pb2.ShutdownRequest(force=force))
    for _ in range(200):
        if not await is_running(places) and not has_process(places):
            print("the builder has ended")
            return 0
        await asyncio.sleep(0.05)
    raise BuilderError("the builder does not end", hint=f"Its log: {places.log_file}")


async def _status() -> int:
    from core.client import connect
    from core.client.embedded import is_running
    from core.client.locations import locations

    places = locations()
    if not await is_running(places):
        print("the builder does not run; it is started when it is needed")
        print(f"data: {places.root}")
        return 1
    async with await connect() as builder:
        hello = await builder.hello()
    print(f"version:   {hello.version} (process {hello.pid})")
    print(f"socket:    {places.socket}")
    print(f"data:      {hello.root}")
    print(f"log:       {hello.log_file}")
    print(f"runtime:   {hello.runtime}{', without root' if hello.rootless else ''}")
    print(f"native:    {', '.join(hello.native)}")
    emulated = ", ".join(entry.platform for entry in hello.emulated)
    print(f"emulated:  {emulated or 'none'}")
    print(f"builds:    {hello.builds} running")
    for note in hello.notes:
        print(f"note:      {note}")
    return 0


async def _dial() -> int:
    """Both directions at once; ends when either side does."""
    from core.client.embedded import ensure_running
    from core.client.transports import connect_unix

    places = await ensure_running()
    sock = await connect_unix(str(places.socket))
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_unix_connection(sock=sock)
    stdin = asyncio.StreamReader()
    source, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stdin), os.fdopen(0, "rb", buffering=0)
    )

    async def inward() -> None:
        while data := await stdin.read(1 << 16):
            writer.write(data)
            await writer.drain()

    async def outward() -> None:
        while data := await reader.read(1 << 16):
            await _write(1, data)

    tasks = [asyncio.create_task(inward()), asyncio.create_task(outward())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    source.close()
    writer.close()
    return 0


async def _write(fd: int, data: bytes) -> None:
    """Write all of it. Standard input and output may be one socket, which does not block since
    it is read from; asyncio's pipes cannot write to what can also be read."""
    loop = asyncio.get_running_loop()
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            ready = asyncio.Event()
            loop.add_writer(fd, ready.set)
            try:
                await ready.wait()
            finally:
                loop.remove_writer(fd)
