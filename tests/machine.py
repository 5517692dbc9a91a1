"""What the tests need of the machine beyond packages; ``./test`` runs it before pytest.

As root: an unprivileged user with subordinate ids, to build as. For everybody: docker-buildx, which
Debian has from trixie on and which runs on older systems as it is. Everything lands below
``.viaduct/test`` in the project, and a second run finds it there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from core.cli.debian_packages import data_of, download

PROJECT = Path(__file__).resolve().parents[1]
STATE = PROJECT / ".viaduct" / "test"
USER = "viaduct-test"
PLUGIN = STATE / "docker" / "cli-plugins" / "docker-buildx"
IDS = "100000-165535"


def main() -> int:
    """Prepare what is missing; 1 when something could not be had, with the reason."""
    STATE.mkdir(parents=True, exist_ok=True)
    failures = [failure for step in (user, buildx) if (failure := step())]
    for failure in failures:
        print(f"viaduct tests: {failure}", file=sys.stderr)
    return 1 if failures else 0


def user() -> str:
    """The unprivileged user; where we are not root, we are it ourselves."""
    if os.geteuid() != 0:
        return ""
    found = subprocess.run(["id", "-u", USER], capture_output=True, check=False)
    if found.returncode:
        made = subprocess.run(
            ["useradd", "--create-home", "--shell", "/bin/sh", USER],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            return f"the user {USER} cannot be made: {made.stderr.strip()}"
    for name, flag in (("/etc/subuid", "--add-subuids"), ("/etc/subgid", "--add-subgids")):
        path = Path(name)
        if path.exists() and f"{USER}:" in path.read_text():
            continue
        subprocess.run(["usermod", flag, IDS, USER], check=False)
    return ""


def buildx() -> str:
    """Debian's docker-buildx as a plugin of the docker command."""
    if PLUGIN.exists():
        return ""
    architecture = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=False
    ).stdout.strip()
    if not architecture:
        return "" if shutil.which("docker-buildx") else "docker-buildx is not installed"
    folder = STATE / "debian"
    try:
        package = download("docker-buildx", architecture, folder, later_suites=("trixie",))
        with data_of(package) as archive:
            member = next(m for m in archive.getmembers() if m.name.endswith("/docker-buildx"))
            content = archive.extractfile(member)
            if content is None:
                return "Debian's docker-buildx holds no program"
            PLUGIN.parent.mkdir(parents=True, exist_ok=True)
            beside = PLUGIN.with_suffix(".new")
            beside.write_bytes(content.read())
            beside.chmod(0o755)
            beside.rename(PLUGIN)
    except Exception as error:
        return f"docker-buildx cannot be had: {error}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return ""


if __name__ == "__main__":
    sys.exit(main())
