"""A container that somebody types to."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from collections.abc import Callable, Sequence
from pathlib import Path

from core.executor.process import Output, Pipes, end_process, read_pid
from core.executor.request import ExitStatus


class _Screen(asyncio.Protocol):
    """What a terminal shows."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self._output(data)

    def connection_lost(self, exc: Exception | None) -> None:
        # A terminal ends with EIO once nobody has its other side open.
        if not self.closed.done():
            self.closed.set_result(None)


class InteractiveProcess:
    """Made by ``Executor.interactive``. Its methods are called on the loop."""

    def __init__(
        self,
        transport: asyncio.SubprocessTransport,
        pipes: Pipes,
        pid_file: Path,
        status: Callable[[int], ExitStatus],
    ) -> None:
        self._transport = transport
        self._pipes = pipes
        self._pid_file = pid_file
        self._status = status
        self._terminal: int | None = None
        self._keyboard: asyncio.WriteTransport | None = None
        self._screen: _Screen | None = None
        self._reading: asyncio.ReadTransport | None = None

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        pid_file: Path,
        output: Output,
        tty: bool,
        status: Callable[[int], ExitStatus],
    ) -> InteractiveProcess:
        loop = asyncio.get_running_loop()
        if not tty:
            transport, pipes = await loop.subprocess_exec(
                lambda: Pipes(output, output), *command, stdin=asyncio.subprocess.PIPE
            )
            process = cls(transport, pipes, pid_file, status)
            keyboard = transport.get_pipe_transport(0)
            assert isinstance(keyboard, asyncio.WriteTransport)
            process._keyboard = keyboard
            return process
        terminal, other = os.openpty()
        try:
            transport, pipes = await loop.subprocess_exec(
                lambda: Pipes(output, output), *command, stdin=other, stdout=other, stderr=other
            )
        except BaseException:
            os.close(terminal)
            raise
        finally:
            os.close(other)
        process = cls(transport, pipes, pid_file, status)
        process._terminal = terminal
        process._reading, process._screen = await loop.connect_read_pipe(
            lambda: _Screen(output), os.fdopen(os.dup(terminal), "rb", buffering=0)
        )
        process._keyboard, _ = await loop.connect_write_pipe(
            asyncio.Protocol, os.fdopen(os.dup(terminal), "wb", buffering=0)
        )
        return process

    def write(self, data: bytes) -> None:
        """Type ``data``."""
        if self._keyboard is not None and not self._keyboard.is_closing():
            self._keyboard.write(data)

    def close_input(self) -> None:
        """Say that nothing more will be typed: end of file, or ^D on a terminal."""
        if self._terminal is not None:
            self.write(b"\x04")
        elif self._keyboard is not None:
            self._keyboard.close()

    def resize(self, rows: int, columns: int) -> None:
        """Tell the terminal its size in characters."""
        pid = read_pid(self._pid_file)
        if self._terminal is None or pid is None:
            return
        # The runtime stands between this terminal and the container's own, and passes sizes on
        # only in some versions: set that one.
        with contextlib.suppress(OSError):
            terminal = os.open(f"/proc/{pid}/root/dev/console", os.O_RDWR | os.O_NOCTTY)
            try:
                size = struct.pack("HHHH", rows, columns, 0, 0)
                fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
            finally:
                os.close(terminal)

    async def wait(self) -> ExitStatus:
        """How it ended, once all output was handed on. Cancelling does not end it."""
        await asyncio.shield(self._pipes.done)
        if self._screen is not None:
            await asyncio.shield(self._screen.closed)
        return self._status(self._transport.get_returncode() or 0)

    async def end(self) -> None:
        """Kill it unless it has ended, and let go of everything."""
        if not self._pipes.done.done():
            await end_process(self._transport, self._pipes, self._pid_file)
        self._transport.close()
        for transport in (self._keyboard, self._reading):
            if transport is not None:
                transport.close()
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None
