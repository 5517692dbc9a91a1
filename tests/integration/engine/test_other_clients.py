"""Other builders through our client, and other clients at our builder."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.client import BuildRequest, Endpoint, ExportRequest, connect
from core.client.secret_sources import SecretSource
from core.client.session import SessionServices
from core.errors import BuilderError, ExecError
from core.progress.state import BuildState, StepState
from tests.machine import PLUGIN

pytestmark = pytest.mark.integration

Project = Callable[..., Path]


@pytest.fixture(scope="module")
def docker_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Docker daemon of the tests' own."""
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        pytest.skip("dockerd needs to be installed and root")
    folder = tmp_path_factory.mktemp("dockerd")
    socket = folder / "d.sock"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                "dockerd",
                *("--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")),
                *("-H", f"unix://{socket}", "--pidfile", str(folder / "pid")),
                *("--bridge=none", "--iptables=false"),
            ],
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for_docker(socket, process)
        yield socket
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_for_docker(socket: Path, process: subprocess.Popen[bytes]) -> None:
    async def ready() -> bool:
        try:
            async with await connect(Endpoint.docker(str(socket))) as builder:
                return bool(await builder.workers())
        except BuilderError:
            return False

    for _ in range(120):
        if process.poll() is not None:
            pytest.skip("dockerd does not start here")
        if socket.exists() and asyncio.run(ready()):
            return
        asyncio.run(asyncio.sleep(0.25))
    pytest.fail("dockerd is not ready within 30 s")


async def test_docker_builds_for_our_client(
    docker_socket: Path, project: Project, tmp_path: Path
) -> None:
    context = project("FROM scratch\nCOPY a /dir/a\nCOPY l /l\n", a="x" * 300_000)
    (context / "l").symlink_to("a")
    (context / ".dockerignore").write_text("ignored\n")
    (context / "ignored").write_text("no")
    out = tmp_path / "out"
    state = BuildState(platforms=("linux/amd64",))
    async with await connect(Endpoint.docker(str(docker_socket))) as builder:
        build = builder.start(
            BuildRequest(
                attrs={"filename": "Dockerfile"},
                local_dirs={"context": str(context), "dockerfile": str(context)},
                exports=(ExportRequest(type="local", destination=str(out)),),
            )
        )
        async for status in build.statuses():
            state.apply(status)
        await build.result()
    assert sorted(p.name for p in out.rglob("*")) == ["a", "dir", "l"]
    assert (out / "dir" / "a").read_text() == "x" * 300_000
    assert all(step.state.finished for step in state.vertices.values())


async def test_dockers_failures_are_ours(docker_socket: Path, project: Project) -> None:
    context = project('FROM scratch\nCOPY a /a\nRUN ["/none"]\n', a="x")
    state = BuildState()
    async with await connect(Endpoint.docker(str(docker_socket))) as builder:
        build = builder.start(
            BuildRequest(
                attrs={"filename": "Dockerfile"},
                local_dirs={"context": str(context), "dockerfile": str(context)},
            ),
            SessionServices(secrets=(SecretSource(id="s", value=b"x"),)),
        )
        async for status in build.statuses():
            state.apply(status)
        with pytest.raises(Exception, match="/none") as caught:
            await build.result()
    assert caught.type.__module__.startswith("core.errors")
    assert not isinstance(caught.value, ExecError) or caught.value.exit_code
    failed = state.failed
    assert failed is not None
    assert failed.state is StepState.FAILED


@pytest.fixture
def buildx(viaduct: Any, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Debian's docker-buildx with our builder as its remote one."""
    if not PLUGIN.exists() or shutil.which("docker") is None:
        pytest.skip("docker-buildx is not here: ./test fetches it")
    config = tmp_path / "docker-config"
    (config / "cli-plugins").mkdir(parents=True)
    (config / "cli-plugins" / "docker-buildx").symlink_to(PLUGIN)
    viaduct("daemon", "start")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", "buildx", *arguments],
            env=os.environ | {"DOCKER_CONFIG": str(config)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    made = run("create", "--name", "via", "--driver", "remote", f"unix://{viaduct.socket}")
    assert made.returncode == 0, made.stderr
    return run


def test_buildx_lists_our_platforms(
    buildx: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    listed = buildx("inspect", "via").stdout
    assert "Status:           running" in listed
    assert "linux/amd64" in listed
    assert "linux/arm64" in listed


def test_buildx_builds_with_us(
    buildx: Callable[..., subprocess.CompletedProcess[str]], project: Project, tmp_path: Path
) -> None:
    context = project("FROM busybox\nCOPY a /a\nRUN uname -m > /arch\n", a="x")
    (context / "ünï-cödé").write_text("named beyond ASCII")
    out = tmp_path / "out"
    done = buildx(
        *("build", "--builder", "via", "--platform", "linux/amd64,linux/arm64"),
        *("--progress", "plain", "-o", f"type=local,dest={out}", str(context)),
    )
    assert done.returncode == 0, done.stderr
    assert (out / "linux_arm64" / "arch").read_text() == "aarch64\n"
    assert (out / "linux_amd64" / "a").read_text() == "x"


def test_buildx_shows_our_errors_at_their_line(
    buildx: Callable[..., subprocess.CompletedProcess[str]], project: Project
) -> None:
    context = project("FROM busybox\nRUN echo oops; exit 4\n")
    done = buildx("build", "--builder", "via", "--progress", "plain", str(context))
    assert done.returncode != 0
    assert "exit code: 4" in done.stderr
    assert ">>> RUN echo oops; exit 4" in done.stderr


async def test_a_builder_behind_ssh_builds_what_the_session_sends(
    viaduct: Any, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What stands in for ssh runs the remote command here: the stream is what counts.
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    context = project("FROM busybox\nCOPY a /a\nRUN cat /a\n", a="over ssh")
    command = (sys.executable, "-m", "core.cli.main", "daemon", "dial-stdio")
    out = tmp_path / "out"
    state = BuildState()
    async with await connect(Endpoint.ssh("far", command=command)) as builder:
        assert not builder.endpoint.shares_files
        assert await builder.workers()
        build = builder.start(
            BuildRequest(
                attrs={"filename": "Dockerfile"},
                local_dirs={"context": str(context), "dockerfile": str(context)},
                exports=(ExportRequest(type="local", destination=str(out)),),
            )
        )
        async for status in build.statuses():
            state.apply(status)
        await build.result()
    assert (out / "a").read_text() == "over ssh"
    assert any(b"over ssh" in step.tail for step in state.vertices.values())
