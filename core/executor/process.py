"""The runtime's process on the event loop, and how to end the container behind it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from core.executor.crashed import waits_to_die_of

Output = Callable[[bytes], None]

# A container that the runtime is still making has no process id to kill yet.
_GRACE = 0.3
_DEADLINE = 10.0
_POLL = 0.01
_WATCH = 0.5


class Pipes(asyncio.SubprocessProtocol):
    def __init__(self, stdout: Output, stderr: Output) -> None:
        self._outputs = {1: stdout, 2: stderr}
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        if isinstance(data, bytes):
            self._outputs[fd](data)

    def connection_lost(self, exc: Exception | None) -> None:
        # Called once the process has ended and every pipe is closed: all output was delivered.
        if not self.done.done():
            self.done.set_result(None)


async def run_process(
    command: Sequence[str],
    *,
    pid_file: Path,
    stdout: Output,
    stderr: Output,
    emulated: bool = False,
) -> int:
    """Run ``command``, an OCI runtime; its exit status, minus a signal's number.

    An ``emulated`` first process that crashed and cannot die of it is killed, and ends as if it
    had (``core.executor.crashed``).

    Cancelling kills the container's first process, whose id the runtime wrote to ``pid_file``,
    and with it everything in its PID namespace; the call ends when they are gone.
    """
    loop = asyncio.get_running_loop()
    starting = asyncio.ensure_future(
        loop.subprocess_exec(
            lambda: Pipes(stdout, stderr), *command, stdin=asyncio.subprocess.DEVNULL
        )
    )
    try:
        transport, pipes = await asyncio.shield(starting)
    except asyncio.CancelledError:
        transport, pipes = await starting
        await end_process(transport, pipes, pid_file)
        raise
    try:
        if emulated and (fatal := await _watch(pipes, pid_file)):
            await end_process(transport, pipes, pid_file)
            return -fatal
        await asyncio.shield(pipes.done)
    except asyncio.CancelledError:
        await end_process(transport, pipes, pid_file)
        raise
    finally:
        transport.close()
    status = transport.get_returncode()
    return -signal.SIGKILL if status is None else status


async def _watch(pipes: Pipes, pid_file: Path) -> int:
    """Wait for the end, or for a signal that the container's first process cannot die of."""
    while not pipes.done.done():
        await asyncio.wait((pipes.done,), timeout=_WATCH)
        pid = None if pipes.done.done() else read_pid(pid_file)
        if pid is not None and (fatal := waits_to_die_of(pid)):
            return fatal
    return 0


async def end_process(transport: asyncio.SubprocessTransport, pipes: Pipes, pid_file: Path) -> None:
    """Kill until it is gone; further cancellation does not hurry it, the deadline does."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    while not pipes.done.done() and loop.time() - start < _DEADLINE:
        pid = read_pid(pid_file)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        elif loop.time() - start > _GRACE:
            with contextlib.suppress(ProcessLookupError):
                transport.kill()
        with contextlib.suppress(asyncio.CancelledError, TimeoutError):
            async with asyncio.timeout(_POLL):
                await asyncio.shield(pipes.done)
    transport.close()


def read_pid(pid_file: Path) -> int | None:
    """The id of the container's first process, None before there is one."""
    try:
        return int(pid_file.read_text())
    except (OSError, ValueError):
        return None
