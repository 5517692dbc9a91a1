"""A builder of the tests' own with a base image, and things to push to."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.cli.base_images import build_base, make_base
from core.client import connect

PROJECT = Path(__file__).resolve().parents[3]
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Viaduct:
    """The command with the environment of one builder."""

    folder: Path
    env: dict[str, str]

    @property
    def socket(self) -> Path:
        return self.folder / "runtime_dir" / "viaduct" / "engine.sock"

    @property
    def log(self) -> str:
        path = self.folder / "state_home" / "viaduct" / "engine.log"
        return path.read_text() if path.exists() else ""

    def __call__(
        self, *arguments: str, stdin: str | bytes | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [sys.executable, "-m", "core.cli.main", *arguments],
            input=data if data is not None else b"",
            capture_output=True,
            env=self.env | {"PYTHONPATH": str(PROJECT)},
            timeout=_SECONDS,
            check=False,
            cwd=cwd or PROJECT,
        )
        return subprocess.CompletedProcess(
            done.args,
            done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "core.cli.main", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.env | {"PYTHONPATH": str(PROJECT)},
            cwd=PROJECT,
        )


@pytest.fixture(scope="session")
def base_context(tmp_path_factory: pytest.TempPathFactory) -> object:
    if shutil.which("apt-get") is None:
        pytest.skip("there is no apt here")
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def viaduct(base_context: object) -> Iterator[Viaduct]:
    """One builder for a module, ended with it."""
    # Unix sockets have short names.
    with tempfile.TemporaryDirectory(prefix="vd") as name:
        folder = Path(name)
        env = dict(os.environ)
        for variable in ("RUNTIME_DIR", "DATA_HOME", "STATE_HOME", "CACHE_HOME", "CONFIG_HOME"):
            place = folder / variable.lower()
            place.mkdir(mode=0o700)
            env[f"XDG_{variable}"] = str(place)
        env["DOCKER_CONFIG"] = str(folder / "docker")
        made = Viaduct(folder, env)
        before = {key: os.environ.get(key) for key in env}
        os.environ.update(env)
        try:
            asyncio.run(_with_base(base_context))
            yield made
        finally:
            made("daemon", "stop", "--force")
            # Shown with a test that failed.
            print(made.log[-4000:])
            for key, value in before.items():
                if value is None:
                    os.environ.pop(key, None)
                else:
                    os.environ[key] = value


async def _with_base(context: object) -> None:
    async with await connect() as builder:
        await build_base(builder, context)  # type: ignore[arg-type]


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """``project("FROM ...", name="content")`` makes a directory to build."""

    def make(dockerfile: str, **files: str) -> Path:
        (tmp_path / "Dockerfile").write_text(dockerfile)
        for name, content in files.items():
            (tmp_path / name).write_text(content)
        return tmp_path

    return make


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def unused_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a registry of the tests' own."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    folder = tmp_path_factory.mktemp("registry")
    port = free_port()
    config = folder / "config.yml"
    config.write_text(
        "version: 0.1\nlog: {level: error}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / 'data'}}}}}\n"
        f"http: {{addr: 127.0.0.1:{port}}}\n"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(config)], stdout=log, stderr=log)
    try:
        wait_for(lambda: _answers(port), "the registry")
        yield f"localhost:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def wait_for(happened: Callable[[], bool], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.05)


@pytest.fixture
def until() -> Callable[..., None]:
    return wait_for
