"""Running the command as somebody: as the one who runs the tests, or as nobody in particular."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
USER = "viaduct-test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a home of their own. ``python`` and ``project`` are readable to them."""

    name: str
    home: Path
    python: str
    project: Path
    prefix: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """An environment in which nothing of the caller's own is seen or changed."""
        return {
            "HOME": str(self.home),
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(self.project),
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
        }

    def command(self, *words: str) -> list[str]:
        """The words of a process that runs ``viaduct WORDS`` as this person."""
        return [*self.prefix, self.python, "-m", "core.cli.main", *words]

    def viaduct(
        self,
        *words: str,
        timeout: float = 300,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``viaduct WORDS`` to its end, output captured."""
        return self.run(self.command(*words)[len(self.prefix) :], timeout=timeout, cwd=cwd, env=env)

    def run(
        self,
        words: Sequence[str],
        *,
        timeout: float = 300,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.prefix, *words],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=cwd or self.home,
            env={**self.environment, **(env or {})},
        )

    def own(self, *paths: Path) -> None:
        """Give files to this person, so that they may read and change them."""
        if not self.prefix:
            return
        entry = pwd.getpwnam(self.name)
        for path in paths:
            for found in (path, *path.rglob("*")):
                os.chown(found, entry.pw_uid, entry.pw_gid, follow_symlinks=False)


def myself(home: Path) -> Person:
    """Whoever runs the tests, with a home of the test's own."""
    _folders(home)
    return Person(
        name=pwd.getpwuid(os.geteuid()).pw_name,
        home=home,
        python=sys.executable,
        project=PROJECT,
        prefix=(),
    )


def unprivileged(home: Path, shared: Path) -> Person:
    """A user without rights. As root: the one that ``tests/machine.py`` made.

    Where the project or its Python cannot be read by that user, copies in ``shared`` are used.
    """
    if os.geteuid() != 0:
        return myself(home)
    entry = pwd.getpwnam(USER)
    prefix = (
        "setpriv",
        f"--reuid={entry.pw_uid}",
        f"--regid={entry.pw_gid}",
        "--init-groups",
        "--",
    )
    _folders(home)
    for path in (home, *home.rglob("*")):
        os.chown(path, entry.pw_uid, entry.pw_gid)
    python, project = sys.executable, PROJECT

    def usable(candidate: str, folder: Path) -> bool:
        # A shell in between: setpriv itself may still read what its user may not.
        script = 'exec "$0" -c "import core.version, grpclib, aiohttp"'
        tried = subprocess.run(
            [*prefix, "/bin/sh", "-c", script, candidate],
            capture_output=True,
            check=False,
            env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "HOME": str(home)},
            cwd=home,
        )
        return tried.returncode == 0

    if not usable(python, project):
        project = _copied_project(shared)
        if not usable(python, project):
            python = _copied_python(shared)
        if not usable(python, project):
            raise RuntimeError(
                f"{USER} can run neither {sys.executable} nor a copy of it; "
                "set VIADUCT_PYTHON to a Python that all users can read"
            )
    return Person(name=USER, home=home, python=python, project=project, prefix=prefix)


def _folders(home: Path) -> None:
    for name in ("run", "config", "data", "state", "cache"):
        (home / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    home.chmod(0o700)


def _copied_project(shared: Path) -> Path:
    target = shared / "project"
    for name in ("core", "desktop", "resources"):
        if not (target / name).exists():
            shutil.copytree(
                PROJECT / name, target / name, ignore=shutil.ignore_patterns("__pycache__")
            )
    return target


def _copied_python(shared: Path) -> str:
    """A virtual environment of the system's Python with the packages of ours."""
    target = shared / "venv"
    python = target / "bin" / "python"
    if not python.exists():
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", target], check=True)
        source = next(Path(sys.prefix, "lib").glob("python3.*/site-packages"))
        packages = next((target / "lib").glob("python3.*/site-packages"))
        for entry in source.iterdir():
            if entry.name.startswith(("PySide6", "__pycache__", "mypy", "ruff", "_viaduct")):
                continue
            if entry.is_dir():
                shutil.copytree(entry, packages / entry.name, dirs_exist_ok=True)
            else:
                shutil.copy2(entry, packages / entry.name)
    return str(python)
