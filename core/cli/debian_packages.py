"""Debian packages of any architecture, downloaded by apt without touching this system's apt state.

The host's sources, keyrings and proxy settings are used; lists, cache and state are our own, so it
works for an unprivileged user, and no foreign architecture is added to the system.
"""

from __future__ import annotations

import io
import lzma
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

import zstandard

from core.errors import MachineError, UserInputError

_KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_MIRROR: Final = "http://deb.debian.org/debian"
_SOURCES: Final = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))
_URI: Final = re.compile(r"^(?:URIs:\s*|deb\s+(?:\[[^\]]*\]\s+)?)(\S+/debian)/?(?:\s|$)", re.M)
_AR_MAGIC: Final = b"!<arch>\n"
_SECONDS: Final = 600


def download(
    package: str, architecture: str, folder: Path, *, later_suites: tuple[str, ...]
) -> Path:
    """The path of the package's .deb in ``folder``, from the first suite that has it.

    The host's own suites come first, then ``later_suites`` of the same mirror. MachineError when
    there is no apt, no network, or no such package.
    """
    if shutil.which("apt-get") is None:
        raise MachineError(
            "base images are made from Debian's packages, and there is no apt-get here",
            hint="Run this on a Debian or Ubuntu system, or pull images from a registry.",
        )
    failures: list[MachineError] = []
    for suite in ("", *later_suites):
        try:
            return _download(package, architecture, folder / (suite or "host"), suite)
        except MachineError as error:
            failures.append(error)
    reasons = "; ".join(dict.fromkeys(error.message for error in failures))
    raise MachineError(reasons, hint=failures[0].hint, temporary=True)


def _download(package: str, architecture: str, folder: Path, suite: str) -> Path:
    for name in ("state/lists/partial", "cache/archives/partial", "debs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    debs = folder / "debs"
    for old in debs.glob("*.deb"):
        old.unlink()
    (folder / "state/status").touch()
    options = [
        f"APT::Architecture={architecture}",
        f"APT::Architectures::={architecture}",
        f"Dir::State={folder}/state",
        f"Dir::State::lists={folder}/state/lists",
        f"Dir::State::status={folder}/state/status",
        f"Dir::Cache={folder}/cache",
        "Acquire::Languages=none",
        "Acquire::Retries=3",
        # The folders are ours alone: apt's own user may not write there.
        "APT::Sandbox::User=root",
        "Debug::NoLocking=1",
    ]
    if suite:
        sources = folder / "sources.list"
        signed = f"[signed-by={_KEYRING}] " if _KEYRING.exists() else ""
        sources.write_text(f"deb {signed}{mirror()} {suite} main\n", encoding="utf-8")
        options += [f"Dir::Etc::SourceList={sources}", "Dir::Etc::SourceParts=-"]
    flags = [part for option in options for part in ("-o", option)]
    apt = ["apt-get", *flags, "--quiet=2"]
    # One index of several may be out of step on a mirror: the package may still be had.
    update = _run([*apt, "update"], debs)
    failure = _run([*apt, "download", package], debs)
    if failure:
        raise MachineError(
            f"apt-get cannot get {package} for {architecture}: {update or failure}",
            hint="Check the network and the sources in /etc/apt.",
            temporary=True,
        )
    found = next(iter(sorted(debs.glob("*.deb"))), None)
    if found is None:
        raise MachineError(f"apt-get downloaded no {package} for {architecture}")
    return found


def _run(command: list[str], folder: Path) -> str:
    """Why the command failed, empty when it did not."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"it took more than {_SECONDS} seconds"
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.startswith("E:")]
    reason = "; ".join(line.removeprefix("E:").strip() for line in lines[:2])
    return reason or done.stderr.strip() or f"it ended with status {done.returncode}"


def mirror() -> str:
    """The Debian mirror that this system uses, or Debian's own."""
    for place in _SOURCES:
        files = sorted(place.iterdir()) if place.is_dir() else [place]
        for path in files:
            if path.suffix not in {".list", ".sources"}:
                continue
            try:
                text = path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            if match := _URI.search(text):
                return match[1]
    return _MIRROR


def data_of(package: Path) -> tarfile.TarFile:
    """The files of a .deb (deb(5)): an ar archive with a compressed tar in it.

    UserInputError when it is none.
    """
    for name, data in _members(package.read_bytes(), package):
        match name:
            case "data.tar.xz":
                return tarfile.open(fileobj=io.BytesIO(lzma.decompress(data)))
            case "data.tar.zst":
                plain = zstandard.ZstdDecompressor().stream_reader(data).read()
                return tarfile.open(fileobj=io.BytesIO(plain))
            case "data.tar" | "data.tar.gz" | "data.tar.bz2":
                return tarfile.open(fileobj=io.BytesIO(data))
            case _:
                continue
    raise UserInputError(f"{package} is no Debian package: it has no data.tar")


def _members(archive: bytes, path: Path) -> list[tuple[str, bytes]]:
    """Names and contents of an ar archive's members (ar(5))."""
    if not archive.startswith(_AR_MAGIC):
        raise UserInputError(f"{path} is no Debian package")
    found = []
    position = len(_AR_MAGIC)
    while position + 60 <= len(archive):
        header = archive[position : position + 60]
        size = header[48:58].strip()
        if header[58:60] != b"`\n" or not size.isdigit():
            raise UserInputError(f"{path} is a damaged Debian package")
        start = position + 60
        name = header[:16].decode("ascii", "replace").strip().rstrip("/")
        found.append((name, archive[start : start + int(size)]))
        position = start + int(size) + int(size) % 2
    return found
