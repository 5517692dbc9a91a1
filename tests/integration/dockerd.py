"""A Docker daemon for tests and measurements, with Debian's buildx to drive its BuildKit."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.integration.people import PROJECT

PLUGINS = PROJECT / ".viaduct" / "test" / "docker"


class UnavailableError(Exception):
    """No Docker engine can be had here; why."""


@dataclass(frozen=True, slots=True)
class Docker:
    """A daemon behind ``host``, process ``pid``; ``config`` holds the buildx plugin."""

    host: str
    config: Path
    pid: int

    def run(self, *words: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.config),
                "DOCKER_HOST": self.host,
                "DOCKER_CONFIG": str(self.config),
                "DOCKER_CLI_HINTS": "false",
                "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
            },
        )


@contextmanager
def docker_daemon() -> Iterator[Docker]:
    """Start one with data of its own. Raises UnavailableError."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None or shutil.which("docker") is None:
        raise UnavailableError("no Docker engine can be started here")
    if not PLUGINS.exists():
        raise UnavailableError("no docker-buildx: python -m tests.machine fetches it")
    # Not below /tmp, which may be a file system that overlays cannot lie on.
    folder = Path(tempfile.mkdtemp(prefix="vdd-", dir="/var/tmp"))
    socket = folder / "d.sock"
    with open(folder / "log", "wb") as log:
        daemon = subprocess.Popen(
            ["dockerd", "--data-root", folder / "data", "--exec-root", folder / "exec",
             "-H", f"unix://{socket}", "--pidfile", folder / "pid",
             "--iptables=false", "--ip6tables=false", "--bridge=none"],
            stdout=log, stderr=log, env=os.environ | {"HOME": str(folder)},
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 30
        while not socket.exists():
            if daemon.poll() is not None or time.monotonic() > deadline:
                said = (folder / "log").read_text()[-500:]
                raise UnavailableError(f"dockerd does not start: {said}")
            time.sleep(0.05)
        config = folder / "config"
        shutil.copytree(PLUGINS, config)
        yield Docker(f"unix://{socket}", config, daemon.pid)
    finally:
        daemon.terminate()
        daemon.wait()
        shutil.rmtree(folder, ignore_errors=True)
