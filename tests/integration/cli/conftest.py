"""A small application, built once for each person, and a registry for it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.people import Person

PLATFORMS = "linux/amd64,linux/arm64,linux/arm/v7"


@pytest.fixture
def application(person: Person, open_folder: Path) -> Path:
    """A context; its image test/cli is in the store for three platforms."""
    folder = Path(tempfile.mkdtemp(dir=open_folder))
    (folder / "Dockerfile").write_text("FROM busybox\nCOPY note /note\nRUN cat /note > /copy\n")
    (folder / "note").write_text("carried\n")
    person.own(folder)
    built = person.viaduct(
        "build", "--platform", PLATFORMS, "-t", "test/cli", "--progress=quiet", str(folder)
    )
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Debian's docker-registry, empty; its host and port."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    config = tmp_path / "registry.yml"
    config.write_text(
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {tmp_path}/registry}}}}\n"
        f"http: {{addr: {host}, secret: x}}\n"
    )
    process = subprocess.Popen(
        [program, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        name, _, port = host.partition(":")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection((name, int(port)), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.02)
        yield host
    finally:
        process.terminate()
        process.wait()
