"""This terminal joined to a program that the builder runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from core.client.builder import Builder
from core.errors import BuilderError
from core.wire.pb import engine_pb2
from core.wire.rpc import open_stream
from core.wire.services import Engine

_PIECE = 1 << 15


async def run_interactively(builder: Builder, start: engine_pb2.RunStart) -> int:
    """Run it, typing and output passed on; the program's exit code."""
    start.rows, start.columns = _size()
    async with open_stream(builder.channel, Engine.RUN) as stream:
        await stream.send_message(engine_pb2.RunInput(start=start))
        sending = asyncio.Lock()

        async def send(message: engine_pb2.RunInput) -> None:
            async with sending:
                with suppress(Exception):
                    # The program may have ended meanwhile: its answer is what counts.
                    await stream.send_message(message)

        loop = asyncio.get_running_loop()
        tasks: set[asyncio.Task[None]] = set()

        def resized() -> None:
            rows, columns = _size()
            resize = engine_pb2.Resize(rows=rows, columns=columns)
            task = loop.create_task(send(engine_pb2.RunInput(resize=resize)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        with _raw_terminal(enabled=start.tty):
            if start.tty:
                loop.add_signal_handler(signal.SIGWINCH, resized)
            typing = asyncio.create_task(_type(send))
            code: int | None = None
            try:
                async for output in stream:
                    match output.WhichOneof("output"):
                        case "stdout":
                            _write(1, output.stdout)
                        case "stderr":
                            _write(2, output.stderr)
                        case "exit_code":
                            code = output.exit_code
                        case _:
                            continue
            finally:
                typing.cancel()
                if start.tty:
                    loop.remove_signal_handler(signal.SIGWINCH)
        if code is None:
            raise BuilderError("the program ended without saying how")
        await stream.cancel()
        return code


async def _type(send: Callable[[engine_pb2.RunInput], Awaitable[None]]) -> None:
    """Standard input to the program, to its end."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes] = asyncio.Queue()

    def readable() -> None:
        data = os.read(0, _PIECE)
        queue.put_nowait(data)
        if not data:
            loop.remove_reader(0)

    try:
        loop.add_reader(0, readable)
    except (PermissionError, ValueError):
        # A plain file cannot be waited for; it can be read.
        while data := os.read(0, _PIECE):
            await send(engine_pb2.RunInput(stdin=data))
        await send(engine_pb2.RunInput(end_of_input=True))
        return
    try:
        while data := await queue.get():
            await send(engine_pb2.RunInput(stdin=data))
        await send(engine_pb2.RunInput(end_of_input=True))
    finally:
        loop.remove_reader(0)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


@contextmanager
def _raw_terminal(*, enabled: bool) -> Iterator[None]:
    """Keys go to the program as they are pressed; the terminal is as before afterwards."""
    if not enabled or not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(0)
    try:
        tty.setraw(0)
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


def _size() -> tuple[int, int]:
    size = shutil.get_terminal_size()
    return size.lines, size.columns
