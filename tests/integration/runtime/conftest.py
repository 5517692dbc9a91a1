"""Cases that run in the builder's namespaces, as root and as a user with subordinate ids."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.cli.base_images import make_base
from core.oci.platform import parse_platform

REPOSITORY = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("inside.py")
PLATFORMS = ("linux/amd64", "linux/386", "linux/arm64", "linux/arm/v7", "linux/s390x")


class Runner:
    """Starts ``inside.py`` as ``user`` (None: as whoever runs the tests)."""

    def __init__(self, user: pwd.struct_passwd | None, tars: Path) -> None:
        self._user = user
        self._tars = tars
        self.state = Path(tempfile.mkdtemp(prefix="viaduct-runtime-"))
        if user is not None:
            os.chown(self.state, user.pw_uid, user.pw_gid)

    def command(self, case: str) -> list[str]:
        command = [_python(self._user), str(SCRIPT), case, str(self.state), str(self._tars)]
        if self._user is None:
            return command
        ids = [f"--reuid={self._user.pw_uid}", f"--regid={self._user.pw_gid}", "--init-groups"]
        return ["setpriv", *ids, *command]

    def start(self, case: str) -> subprocess.Popen[str]:
        packages = Path(pytest.__file__).parents[1]
        environment = dict(os.environ, PYTHONPATH=f"{REPOSITORY}:{packages}")
        return subprocess.Popen(
            self.command(case),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd="/",
        )

    def run(self, case: str) -> dict[str, Any]:
        with self.start(case) as process:
            output = process.communicate(timeout=120)[0]
        assert process.returncode == 0, output
        found: dict[str, Any] = json.loads(output.splitlines()[-1])
        assert "error" not in found, found
        return found


@pytest.fixture(scope="session")
def tars() -> Iterator[Path]:
    """Root trees of busybox, readable by everybody."""
    if shutil.which("apt-get") is None:
        pytest.skip("base images are made with apt")
    with tempfile.TemporaryDirectory(prefix="viaduct-base-") as folder:
        os.chmod(folder, 0o755)
        context = make_base(Path(folder), platforms=[parse_platform(text) for text in PLATFORMS])
        yield context.folder


@pytest.fixture(params=["root", "user"])
def inside(request: pytest.FixtureRequest, tars: Path) -> Iterator[Runner]:
    runner = Runner(_user_for(request.param), tars)
    yield runner
    shutil.rmtree(runner.state, ignore_errors=True)


@pytest.fixture
def start_inside(inside: Runner) -> Callable[[str], subprocess.Popen[str]]:
    return inside.start


def _user_for(kind: str) -> pwd.struct_passwd | None:
    if kind == "root":
        if os.geteuid() != 0:
            pytest.skip("this is not root")
        return None
    if os.geteuid() != 0:
        return None
    for line in Path("/etc/subuid").read_text().splitlines():
        try:
            entry = pwd.getpwnam(line.split(":")[0])
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return entry
    pytest.skip("no user but root has subordinate ids: useradd one")


def _python(user: pwd.struct_passwd | None) -> str:
    """An interpreter of this version that the user may execute."""
    if user is None:
        return sys.executable
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/python{version}"):
        ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        command = ["setpriv", *ids, candidate, "-c", "pass"]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode == 0:
            return candidate
    pytest.skip(f"no Python {version} that another user may run")
