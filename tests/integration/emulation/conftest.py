import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from core.emulation.handlers import RegistryState, read_registry, register, remove, set_enabled
from core.emulation.private import BINFMT_MISC
from core.linux.mounts import mount, unmount

SOURCE = Path(__file__).resolve().parents[3]


@pytest.fixture
def machine_registry() -> Iterator[Path]:
    """The machine's own handlers, mounted; put back as they were."""
    if os.geteuid() != 0:
        pytest.skip("only root may change the machine's handlers")
    mounted = read_registry(BINFMT_MISC).state is not RegistryState.NOT_MOUNTED
    if not mounted:
        mount("binfmt_misc", BINFMT_MISC, "binfmt_misc")
    before = read_registry(BINFMT_MISC)
    try:
        yield BINFMT_MISC
    finally:
        after = read_registry(BINFMT_MISC)
        kept = {one.name for one in after.handlers if one in before.handlers}
        for one in after.handlers:
            if one.name not in kept:
                remove(BINFMT_MISC, one.name)
        for one in before.handlers:
            if one.name not in kept:
                register(BINFMT_MISC, one)
                set_enabled(BINFMT_MISC, one.name, enabled=one.enabled)
        if not mounted:
            unmount(BINFMT_MISC, lazily=True)


class Command:
    """``viaduct`` with a builder of its own."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "root"
        self.environment: Mapping[str, str] = {
            **os.environ,
            "PYTHONPATH": str(SOURCE),
            "VIADUCT_ROOT": str(self.root),
            "VIADUCT_RUNTIME_DIR": str(directory / "run"),
            "XDG_STATE_HOME": str(directory / "state"),
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
            "VIADUCT_IDLE_SECONDS": "120",
        }

    def __call__(self, *arguments: str, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "core.cli.main", *arguments],
            env=dict(self.environment), capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def viaduct(tmp_path: Path) -> Iterator[Command]:
    command = Command(tmp_path)
    yield command
    command("daemon", "stop", "--force")
