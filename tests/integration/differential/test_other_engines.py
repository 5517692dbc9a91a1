"""Docker and Podman take our images and run what is in them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.differential.contexts import make
from tests.integration.dockerd import Docker
from tests.integration.people import Person
from tests.integration.registry.conftest import serve

pytestmark = pytest.mark.integration

DOCKERFILE = """\
FROM busybox
RUN echo said by the image > /words
USER 1234
CMD ["cat", "/words"]
"""


@pytest.fixture
def folder(open_folder: Path) -> Path:
    path = open_folder / "speaking"
    if not path.exists():
        make(path, {"Dockerfile": DOCKERFILE})
    return path


def _build(me: Person, folder: Path, *words: str) -> None:
    built = me.viaduct("build", *words, str(folder))
    assert built.returncode == 0, built.stderr


@pytest.mark.parametrize("kind", ["docker", "oci"])
def test_docker_loads_and_runs_an_archive(
    me: Person, docker: Docker, folder: Path, tmp_path: Path, kind: str
) -> None:
    archive = tmp_path / "image.tar"
    name = f"speaking/{kind}:1"
    _build(me, folder, "-t", name, "-o", f"type={kind},dest={archive}")
    if kind == "oci":
        # Docker 20.10 reads its own form only; skopeo turns one into the other.
        if shutil.which("skopeo") is None:
            pytest.skip("skopeo is not installed")
        turned = tmp_path / "turned.tar"
        subprocess.run(
            ["skopeo", "copy", "-q", f"oci-archive:{archive}", f"docker-archive:{turned}:{name}"],
            check=True,
        )
        archive = turned
    loaded = docker.run("load", "-i", str(archive))
    assert loaded.returncode == 0, loaded.stderr
    ran = docker.run("run", "--rm", "--network=none", name)
    assert (ran.returncode, ran.stdout) == (0, "said by the image\n"), ran.stderr


def test_docker_pulls_and_runs_what_was_pushed(
    me: Person, docker: Docker, folder: Path, tmp_path: Path
) -> None:
    with serve(tmp_path / "registry") as host:
        name = f"{host}/speaking:1"
        _build(me, folder, "--platform=linux/amd64,linux/arm64", "-t", name, "--push")
        pulled = docker.run("pull", "-q", name)
        assert pulled.returncode == 0, pulled.stderr
        ran = docker.run("run", "--rm", "--network=none", name)
    assert (ran.returncode, ran.stdout) == (0, "said by the image\n"), ran.stderr


@pytest.mark.parametrize("kind", ["docker", "oci"])
def test_podman_loads_and_runs_an_archive(
    me: Person, folder: Path, tmp_path: Path, open_folder: Path, kind: str
) -> None:
    if os.geteuid() != 0 or shutil.which("podman") is None:
        pytest.skip("podman as root is not to be had")
    archive = tmp_path / "image.tar"
    _build(me, folder, "-t", "speaking:1", "-o", f"type={kind},dest={archive}")
    store = open_folder / f"podman-{kind}"
    # crun refuses machines with both cgroup versions; an empty folder in their place suits it.
    script = (
        'mount -t tmpfs none /sys/fs/cgroup; podman="podman --root $0/root --runroot $0/run '
        '--cgroup-manager=cgroupfs"; $podman load -q -i "$1" >&2 && $podman run --rm '
        "--network=none --cgroups=disabled --ulimit=nofile=512:512 --ulimit=nproc=1000:1000 "
        "speaking:1; status=$?; $podman rmi -f speaking:1 >&2; "
        "exit $status"
    )
    ran = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, str(store), str(archive)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    assert (ran.returncode, ran.stdout) == (0, "said by the image\n"), ran.stderr
