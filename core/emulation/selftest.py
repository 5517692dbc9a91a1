"""Find out what runs by running it.

Programs run in an empty root directory where this process may make one: a handler whose
interpreter is looked up by path (no F flag) would work outside and fail in every container.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from core.emulation.programs import EXIT_STATUS, counting_program, tiny_program
from core.oci.platform import Platform

_TIMEOUT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """``problem`` is "" when the program ran and ended well."""

    platform: Platform
    problem: str = ""

    @property
    def passed(self) -> bool:
        return not self.problem


class SelfTest:
    """Tiny programs in a directory, ready to be run. Use ``self_test``."""

    def __init__(self, root: Path, *, confined: bool) -> None:
        self._root = root
        self._confined = confined

    def run(self, platform: Platform, *, prefix: Sequence[str] = ()) -> Trial:
        """Run one program; ``prefix`` is a command that runs what follows it, as nsenter does."""
        path = self._program(platform)
        if path is None:
            return Trial(platform=platform, problem="there is no test program for it")
        command = [*prefix, str(path)]
        if self._confined:
            command = [*prefix, "chroot", str(self._root), f"/{path.name}"]
        return Trial(platform=platform, problem=_problem(command))

    def run_with(self, interpreter: Path, platform: Platform) -> Trial:
        """Run a program through ``interpreter`` directly."""
        path = self._program(platform)
        if path is None:
            return Trial(platform=platform, problem="there is no test program for it")
        return Trial(platform=platform, problem=_problem([str(interpreter), str(path)]))

    def seconds(self, command: Sequence[str], platform: Platform, *, counting: bool) -> float:
        """How long a program takes with ``command`` in front: the best of three; inf if it fails.

        ``counting`` takes the one with a loop in it.
        """
        path = self._program(platform, counting=counting)
        if path is None:
            return float("inf")
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            if _problem([*command, str(path)]):
                return float("inf")
            best = min(best, time.perf_counter() - start)
        return best

    def answering(self, platform: Platform) -> Path | None:
        """The program that the kernel starts: the interpreter, or the test program itself, see
        ``is_test_program``. None when that cannot be seen.

        With several handlers for one format only the kernel knows which comes first, and a
        handler may be registered where no registry can be seen.
        """
        path = self._program(platform)
        if path is None:
            return None
        for _ in range(5):
            try:
                process = subprocess.Popen(path, stdin=subprocess.DEVNULL)
            except OSError:
                return None
            # It may have ended already: then there is no link any more.
            with process, suppress(OSError):
                link = os.readlink(f"/proc/{process.pid}/exe")
                return Path(link.removesuffix(" (deleted)"))
        return None

    def is_test_program(self, path: Path) -> bool:
        return path.parent == Path(os.path.realpath(self._root))

    def _program(self, platform: Platform, *, counting: bool = False) -> Path | None:
        path = self._root / (str(platform).replace("/", "-") + ("-counts" if counting else ""))
        if not path.exists():
            program = counting_program(platform) if counting else tiny_program(platform)
            if program is None:
                return None
            path.write_bytes(program)
            path.chmod(0o755)
        return path


@contextmanager
def self_test(directory: Path | None = None) -> Iterator[SelfTest]:
    """Programs live in a new directory below ``directory`` (or the system's temporary one)."""
    with tempfile.TemporaryDirectory(prefix="viaduct-test-", dir=directory) as made:
        os.chmod(made, 0o755)
        confined = os.geteuid() == 0 and shutil.which("chroot") is not None
        yield SelfTest(Path(made), confined=confined)


def _problem(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "it hung"
    except OSError as error:
        return os.strerror(error.errno or 0)
    if done.returncode == EXIT_STATUS:
        return ""
    said = done.stderr.strip().splitlines()
    if said:
        return said[-1]
    if done.returncode < 0:
        return f"signal {-done.returncode} ended it"
    return f"it ended with status {done.returncode}"
