"""Debian's Docker pulls what we push, loads what we archive and runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.content.images import ImageStore
from core.content.loading import load
from core.content.reachable import missing
from core.content.store import ContentStore

pytestmark = pytest.mark.integration

Docker = Callable[..., str]


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    """A Docker daemon of these tests' own."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None or shutil.which("docker") is None:
        pytest.skip("no Docker engine can be started here")
    with tempfile.TemporaryDirectory(prefix="vd", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        host = f"unix://{folder}/d.sock"
        with open(folder / "log", "wb") as log:
            daemon = subprocess.Popen(
                ["dockerd", "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec",
                 "-H", host, "--pidfile", f"{folder}/pid", "--storage-driver", "vfs",
                 "--iptables=false", "--ip6tables=false", "--bridge=none"],
                stdout=log, stderr=log,
            )  # fmt: skip

        def run(*arguments: str) -> str:
            done = subprocess.run(
                ["docker", "-H", host, *arguments],
                capture_output=True, text=True, check=False,
                env=os.environ | {"DOCKER_CONFIG": str(folder), "DOCKER_CLI_HINTS": "false"},
            )  # fmt: skip
            assert done.returncode == 0, f"docker {' '.join(arguments)}\n{done.stderr}"
            return done.stdout

        try:
            deadline = time.monotonic() + 30
            while not (folder / "d.sock").exists():
                if daemon.poll() is not None or time.monotonic() > deadline:
                    pytest.skip("dockerd does not start: " + (folder / "log").read_text()[-500:])
                time.sleep(0.05)
            yield run
        finally:
            daemon.terminate()
            daemon.wait()


async def test_docker_pulls_what_we_push(
    open_registry: Any, client: Any, bench: Any, docker: Docker, tmp_path: Path
) -> None:
    name = f"{open_registry.host}/app:1"
    source = bench.source("linux/amd64", "linux/arm64")
    for options in ({}, {"oci_mediatypes": "false"}):
        await bench.export(
            client(open_registry), "image", source, tmp_path, name=name, push="true", **options
        )
        docker("pull", "--quiet", name)
        assert docker("inspect", "-f", "{{.Architecture}} {{.Config.Cmd}}", name).split() == [
            "amd64",
            "[/bin/app]",
        ]
        docker("rmi", name)


async def test_docker_loads_what_we_archive(
    open_registry: Any, client: Any, bench: Any, docker: Docker, tmp_path: Path
) -> None:
    archive = tmp_path / "image.tar"
    await bench.export(
        client(open_registry), "docker", bench.source("linux/amd64"), archive, name="viaduct/app:7"
    )
    assert "viaduct/app:7" in docker("load", "-i", str(archive))
    assert docker("inspect", "-f", "{{len .RootFS.Layers}}", "viaduct/app:7").strip() == "2"
    saved = tmp_path / "saved.tar"
    docker("save", "-o", str(saved), "viaduct/app:7")
    store = ContentStore(tmp_path / "again")
    (loaded,) = load(saved, store, ImageStore(tmp_path / "images2"))
    assert loaded.name == "docker.io/viaduct/app:7"
    assert missing(store, loaded.descriptor) == ()
