"""``viaduct daemon run``: the process from its first line to its last.

Order matters: fork into the background, take the lock, enter the namespaces (all single-threaded),
then the event loop. Whoever started it is told one line on ``ready_fd``: ``ready``, ``running``
(there is one already) or a failure as JSON.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import signal
import sys
from pathlib import Path

from core.client.locations import Locations, locations, make_private
from core.daemon.options import DaemonOptions
from core.errors import BuilderError, Error
from core.wire.failure import to_message

log = logging.getLogger(__name__)

_LOG_BYTES = 8 << 20


def run(options: DaemonOptions) -> int:
    """Be the daemon; the exit status."""
    if options.background and os.fork() > 0:
        os._exit(0)
    places = locations()
    tell = _Teller(options.ready_fd)
    try:
        for directory in (places.runtime, places.log_dir):
            directory.mkdir(parents=True, exist_ok=True)
        make_private(places.runtime, os.getuid())
        places.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        _shorten(places.log_file)
        lock = _lock(places.lock)
        if lock is None:
            tell("running")
            return 0
        _log_to_standard_error()
        return _confined(options, places, tell)
    except Error as error:
        tell.failure(error)
        print(f"viaduct daemon: {error}", file=sys.stderr)
        if error.hint:
            print(f"  {error.hint}", file=sys.stderr)
        return 1
    except OSError as error:
        tell.failure(BuilderError(f"the embedded builder cannot start: {error}"))
        print(f"viaduct daemon: {error}", file=sys.stderr)
        return 1


def _confined(options: DaemonOptions, places: Locations, tell: _Teller) -> int:
    from core.daemon.namespace import enter

    confinement = enter()
    from core.daemon.app import Engine

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        async with Engine.open(places, confinement, options, stop=stop) as engine:
            await engine.listen(places.socket)
            log.info("ready on %s", places.socket)
            tell("ready")
            await engine.serve_until_told()
            log.info("leaving")

    asyncio.run(main())
    return 0


class _Teller:
    """Says one thing to whoever started the daemon."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __call__(self, word: str) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                os.write(fd, f"{word}\n".encode())
            except OSError:
                log.warning("whoever started this builder did not wait for it")
            finally:
                os.close(fd)

    def failure(self, error: Error) -> None:
        self(json.dumps({"failure": to_message(error).SerializeToString().hex()}))


def _lock(path: Path) -> int | None:
    """The lock's descriptor, None when another daemon has it. It goes with the process."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _shorten(path: Path) -> None:
    """Keep the last half of a log that has grown; the file stays the one that is written to."""
    try:
        size = path.stat().st_size
        if size <= _LOG_BYTES:
            return
        with path.open("r+b") as file:
            file.seek(size - _LOG_BYTES // 2)
            rest = file.read()
            file.seek(0)
            file.write(rest)
            file.truncate()
    except OSError:
        return


def _log_to_standard_error() -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if os.environ.get("VIADUCT_DEBUG") else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # A call that its caller gave up is no event.
    logging.getLogger("grpclib").setLevel(logging.WARNING)
    for name in ("asyncio", "hpack", "h2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.excepthook = _log_uncaught


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: object) -> None:
    log.critical("the builder ends by a defect", exc_info=error)
