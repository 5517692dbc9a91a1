"""Starting the embedded builder when it does not run, and finding it when it does."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

from core.client.locations import Locations, locations, make_private
from core.client.transports import connect_unix
from core.errors import BuilderError
from core.wire.failure import from_message
from core.wire.pb import failure_pb2

_START_SECONDS = 60.0


async def ensure_running(places: Locations | None = None) -> Locations:
    """The places of a builder that answers, started if need be.

    Raises BuilderError or what the start failed of: one sentence, with the log's path as a hint.
    """
    if sys.platform != "linux":
        raise BuilderError(
            "the embedded builder needs Linux",
            hint="Choose Docker or a builder over ssh (--builder ssh://HOST).",
        )
    places = places or locations()
    if await is_running(places):
        return places
    make_private(places.runtime, os.getuid())
    try:
        async with asyncio.timeout(_START_SECONDS):
            while not await _start(places):
                # Another builder was there: a client's that was quicker, or one on its way out.
                while has_process(places):
                    if await is_running(places):
                        return places
                    await asyncio.sleep(0.02)
    except TimeoutError as error:
        raise BuilderError(
            "an embedded builder runs but does not answer",
            hint=f"`viaduct daemon stop --force` ends it. Its log: {places.log_file}",
        ) from error
    return places


def has_process(places: Locations) -> bool:
    """Whether a builder's process is there, also before it listens and after it stopped to."""
    try:
        lock = os.open(places.lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


async def is_running(places: Locations) -> bool:
    """Whether somebody listens on the socket."""
    try:
        sock = await connect_unix(str(places.socket))
    except OSError:
        return False
    sock.close()
    return True


async def _start(places: Locations) -> bool:
    """Start one and wait until it serves; False when another holds the lock."""
    places.log_dir.mkdir(parents=True, exist_ok=True)
    read_end, write_end = os.pipe()
    try:
        with places.log_file.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *daemon_command(),
                "--background",
                "--ready-fd",
                str(write_end),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(write_end,),
                start_new_session=True,
                cwd="/",
                env=_environment(),
            )
    except OSError as error:
        os.close(read_end)
        raise BuilderError(f"the embedded builder cannot be started: {error}") from error
    finally:
        os.close(write_end)
    try:
        async with asyncio.timeout(_START_SECONDS):
            answer = await _read_line(read_end)
            # It forks at once; the daemon itself is nobody's child and outlives this program.
            await process.wait()
    except TimeoutError as error:
        raise BuilderError(
            f"the embedded builder was not ready within {_START_SECONDS:.0f} s",
            hint=f"Its log: {places.log_file}",
        ) from error
    _judge(answer, places.log_file)
    return answer.strip() == b"ready"


def _judge(answer: bytes, log_file: Path) -> None:
    """The daemon's word: ``ready``, ``running`` (another was quicker), or a failure in JSON."""
    if answer.strip() in {b"ready", b"running"}:
        return
    if answer.startswith(b"{"):
        document = json.loads(answer)
        error = from_message(failure_pb2.Failure.FromString(bytes.fromhex(document["failure"])))
        error.hint = error.hint or f"Its log: {log_file}"
        raise error
    raise BuilderError(
        f"the embedded builder ended while it started: {_last_line(log_file)}",
        hint=f"Its log: {log_file}",
    )


def _last_line(log_file: Path) -> str:
    try:
        with log_file.open("rb") as log:
            log.seek(max(0, log_file.stat().st_size - 4096))
            lines = log.read().decode(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else "it left no word"


async def _read_line(fd: int) -> bytes:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", buffering=0)
    )
    try:
        return await reader.readline()
    finally:
        transport.close()


def daemon_command() -> list[str]:
    """What starts the builder: this interpreter, or the command beside a frozen program."""
    if getattr(sys, "frozen", False):
        return [str(Path(sys.executable).with_name("viaduct")), "daemon", "run"]
    return [sys.executable, "-m", "core.cli.main", "daemon", "run"]


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    # Programs frozen with their own libraries must not hand them to the system's tools.
    if "LD_LIBRARY_PATH_ORIG" in environment:
        environment["LD_LIBRARY_PATH"] = environment.pop("LD_LIBRARY_PATH_ORIG")
    elif getattr(sys, "frozen", False):
        environment.pop("LD_LIBRARY_PATH", None)
    if not getattr(sys, "frozen", False):
        root = str(Path(__file__).resolve().parents[2])
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{root}{os.pathsep}{known}" if known else root
    return environment
