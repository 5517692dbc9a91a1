"""What is measured: our builder in a process of its own, and Docker's BuildKit beside it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.client import Builder
from core.client.request import BuildRequest, ExportRequest
from core.client.session import SessionServices
from core.progress.messages import Vertex
from tests.integration.dockerd import Docker
from tests.integration.people import Person

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Timed:
    seconds: float
    vertices: Mapping[str, Vertex]


class Ours:
    """The embedded builder of ``person``; ``builder`` is a connection to it."""

    def __init__(self, person: Person, builder: Builder, pid: int) -> None:
        self.person = person
        self.builder = builder
        self.pid = pid

    async def build(
        self,
        folder: Path,
        *,
        args: Mapping[str, str] | None = None,
        exports: tuple[ExportRequest, ...] = (),
        no_cache: bool = False,
        platform: str = "",
    ) -> Timed:
        """Seconds from the request to the result, over a connection that is there."""
        attrs = {f"build-arg:{name}": value for name, value in (args or {}).items()}
        if no_cache:
            attrs["no-cache"] = ""
        if platform:
            attrs["platform"] = platform
        request = BuildRequest(
            attrs={**attrs, "filename": "Dockerfile"},
            local_dirs={"context": str(folder), "dockerfile": str(folder)},
            exports=exports,
        )
        vertices: dict[str, Vertex] = {}
        begun = time.perf_counter()
        build = self.builder.start(request, SessionServices())
        async for status in build.statuses():
            vertices.update({vertex.digest: vertex for vertex in status.vertexes})
        await build.result()
        return Timed(time.perf_counter() - begun, vertices)

    def command(self, folder: Path, *words: str) -> float:
        """Seconds of the whole command, its own start included."""
        begun = time.perf_counter()
        done = self.person.viaduct("build", "--progress=plain", *words, str(folder))
        assert done.returncode == 0, done.stderr[-2000:]
        return time.perf_counter() - begun


def docker_build(docker: Docker, folder: Path, *words: str) -> float:
    begun = time.perf_counter()
    done = docker.run("buildx", "build", "--progress=plain", "--network=host", *words, str(folder))
    assert done.returncode == 0, done.stderr[-2000:]
    return time.perf_counter() - begun


def memory(pid: int, key: str = "VmRSS") -> float:
    """MiB that a process holds; ``VmHWM`` for the most it held since ``forget_peak``."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(key)


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def drop(path: Path) -> None:
    subprocess.run(["rm", "-rf", "--", os.fspath(path)], check=True)
