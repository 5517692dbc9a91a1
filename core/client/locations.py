"""Where the embedded builder keeps its socket, its log and its data."""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from core.errors import BuilderError


@dataclass(frozen=True, slots=True, kw_only=True)
class Locations:
    """``runtime`` is private to the user (0700) and goes at reboot, ``root`` stays."""

    runtime: Path
    root: Path
    log_dir: Path

    @property
    def socket(self) -> Path:
        return self.runtime / "engine.sock"

    @property
    def lock(self) -> Path:
        return self.runtime / "engine.lock"

    @property
    def log_file(self) -> Path:
        return self.log_dir / "engine.log"


def locations() -> Locations:
    """This user's places, from VIADUCT_RUNTIME_DIR, VIADUCT_ROOT and the XDG variables."""
    home = Path(os.environ.get("HOME") or "/")
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    state = Path(os.environ.get("XDG_STATE_HOME") or home / ".local" / "state")
    return Locations(
        runtime=_runtime_dir(),
        root=Path(os.environ.get("VIADUCT_ROOT") or data / "viaduct"),
        log_dir=state / "viaduct",
    )


def _runtime_dir() -> Path:
    if named := os.environ.get("VIADUCT_RUNTIME_DIR"):
        return Path(named)
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and Path(base).is_dir():
        return Path(base) / "viaduct"
    return Path(tempfile.gettempdir()) / f"viaduct-{os.getuid()}"


def make_private(directory: Path, owner: int) -> None:
    """Make a directory that nobody but ``owner`` can enter, or raise BuilderError."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    check_private(directory, owner)


def check_private(directory: Path, owner: int) -> None:
    """Raise BuilderError unless the directory is ``owner``'s alone and no symbolic link."""
    found = os.lstat(directory)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
        raise BuilderError(
            f"{directory} is not a directory of this user's",
            hint="Somebody else made it. Remove it, or set XDG_RUNTIME_DIR to a private directory.",
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        directory.chmod(0o700)
