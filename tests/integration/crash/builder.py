"""A builder that is killed: where it lives, what it leaves."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.integration.people import Person

# What may lie in these folders only while something is being done.
TEMPORARY = ("snapshots/active", "snapshots/trash", "content/ingest", "scratch", "sources/git/tmp")


@dataclass(frozen=True, slots=True)
class Finished:
    """A step that ended well, as the client was told."""

    digest: str
    name: str


class Builder:
    def __init__(self, person: Person) -> None:
        self.person = person
        self.root = person.home / "data" / "viaduct"
        self.socket = person.home / "run" / "viaduct" / "engine.sock"

    def pid(self) -> int:
        """The process that serves the socket, 0 when nobody does."""
        with socket.socket(socket.AF_UNIX) as asking:
            try:
                asking.connect(str(self.socket))
            except OSError:
                return 0
            found = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int(struct.unpack("3i", found)[0])

    def start(self) -> int:
        made = self.person.viaduct("daemon", "start", timeout=60)
        assert made.returncode == 0, made.stderr
        return self.pid()

    def kill(self, *, shadow: bool) -> None:
        """SIGKILL for the daemon, or for the process outside that stands for it."""
        pid = self.pid()
        assert pid > 0
        if shadow:
            for _ in range(2):
                pid = parent(pid)
        os.kill(pid, signal.SIGKILL)

    def build(self, *words: str, output: Path) -> subprocess.Popen[bytes]:
        """A build whose events go to ``output`` as they come."""
        with open(output, "wb") as events:
            return subprocess.Popen(
                [*self.person.command("build", "--progress=rawjson", *words)],
                stdout=events,
                stderr=events,
                env=self.person.environment,
                cwd=self.person.home,
            )

    def inhabitants(self) -> frozenset[str]:
        """Processes that see something mounted below the builder's folders, or run from there."""
        found = set()
        mark = os.fsencode(self.person.home)
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                mounts = (entry / "mountinfo").read_bytes()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if mark in mounts or (
                b"daemon" in command and b"core.cli.main" in command and self._ours(entry)
            ):
                found.add(f"{entry.name}: {command.replace(bytes(1), b' ').decode()}")
        return frozenset(found)

    def _ours(self, process: Path) -> bool:
        try:
            return os.fsencode(self.person.home) in (process / "environ").read_bytes()
        except OSError:
            return False

    def all_gone(self, seconds: float = 5) -> frozenset[str]:
        """Whoever is still there when the time is over."""
        deadline = time.monotonic() + seconds
        while (left := self.inhabitants()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return left

    def temporary_files(self, seconds: float = 10) -> list[str]:
        """What lies where nothing may lie at rest, given time to be cleared away."""
        deadline = time.monotonic() + seconds
        while (left := self._temporary()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left

    def _temporary(self) -> list[str]:
        return [
            str(path)
            for name in TEMPORARY
            if (self.root / name).is_dir()
            for path in (self.root / name).iterdir()
        ]


def answered(output: Path, seconds: float = 10) -> None:
    """Wait until the first event of a build has come."""
    deadline = time.monotonic() + seconds
    while not output.stat().st_size:
        assert time.monotonic() < deadline, "the build does not begin"
        time.sleep(0.002)


def parent(pid: int) -> int:
    text = Path(f"/proc/{pid}/stat").read_text()
    return int(text.rpartition(")")[2].split()[1])


def events(output: Path) -> list[dict[str, object]]:
    found = []
    for line in output.read_bytes().splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        found.extend(event.get("vertexes") or ())
    return found


def finished(output: Path) -> frozenset[Finished]:
    """Steps of the Dockerfile that the client saw end without an error."""
    latest: dict[str, dict[str, object]] = {}
    for vertex in events(output):
        latest[str(vertex["digest"])] = vertex
    return frozenset(
        Finished(digest, str(vertex["name"]))
        for digest, vertex in latest.items()
        if vertex.get("completed")
        and not vertex.get("error")
        and any(f"] {word} " in str(vertex["name"]) for word in ("RUN", "COPY", "ADD", "WORKDIR"))
    )


def ran(output: Path) -> frozenset[Finished]:
    """Steps that were run and not found in the cache."""
    latest: dict[str, dict[str, object]] = {}
    for vertex in events(output):
        latest[str(vertex["digest"])] = vertex
    return frozenset(
        Finished(digest, str(vertex["name"]))
        for digest, vertex in latest.items()
        if vertex.get("started") and not vertex.get("cached")
    )
