"""Where a build's files come from: a directory, standard input, an OCI layout."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from core.errors import NotFoundError, OptionError

_MAGIC = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardInput:
    context: Path
    dockerfile: Path


def local_context(text: str) -> Path:
    """An existing directory as an absolute path. Raises NotFoundError, OptionError."""
    path = Path(text).expanduser().absolute()
    if not path.exists():
        raise NotFoundError(
            f"the directory {text} is not there",
            phrase=f'unable to prepare context: path "{text}" not found',
        )
    if not path.is_dir():
        raise OptionError(
            f"{text} is a file; the build context is a directory",
            hint=f"Use -f {text} and name the directory.",
        )
    return path


def read_standard_input(stack: ExitStack, *, only_dockerfile: bool = False) -> StandardInput:
    """A Dockerfile, or a tar with the whole context, into a directory that ``stack`` removes."""
    if sys.stdin.isatty():
        raise OptionError("standard input is a terminal, not a Dockerfile or an archive")
    data = sys.stdin.buffer.read()
    place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="viaduct-context-")))
    is_tar = data.startswith(_MAGIC) or data[257:262] == b"ustar"
    if is_tar and not only_dockerfile:
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                _unpack(archive, place)
        except (tarfile.TarError, OSError) as error:
            raise OptionError(f"the archive on standard input cannot be read: {error}") from error
        return StandardInput(context=place, dockerfile=place)
    files, empty = place / "files", place / "context"
    files.mkdir()
    empty.mkdir()
    (files / "Dockerfile").write_bytes(data)
    return StandardInput(context=empty, dockerfile=files)


def _unpack(archive: tarfile.TarFile, place: Path) -> None:
    """Unpack into ``place`` and nowhere else; OptionError names a member that leads out of it."""
    # Python 3.11.4 and later bring the check along; Debian's 3.11.2 does not.
    if hasattr(tarfile, "tar_filter"):
        archive.extractall(place, filter="tar")
        return
    root = place.resolve()
    for member in archive:
        for name in (member.name, *((member.linkname,) if member.islnk() else ())):
            target = root / name.lstrip("/")
            inside = target == root or target.parent.resolve().is_relative_to(root)
            if ".." in target.parts or not inside:
                raise OptionError(f"the archive on standard input leads out of itself: {name}")
        member.name = member.name.lstrip("/")
        archive.extract(member, root)


def layout_reference(source: str) -> tuple[Path, str]:
    """``oci-layout://DIR[:TAG|@DIGEST]`` as directory and digest. Raises OptionError."""
    rest = source.removeprefix("oci-layout://")
    place, at, digest = rest.partition("@")
    tag = ""
    if not at and not Path(place).exists():
        place, _, tag = place.rpartition(":")
    directory = Path(place).expanduser().absolute()
    if at:
        return directory, digest
    try:
        index = json.loads((directory / "index.json").read_bytes())
    except (OSError, ValueError) as error:
        raise OptionError(f"{directory} is not an OCI layout: {error}") from error
    for entry in index.get("manifests", ()):
        name = (entry.get("annotations") or {}).get("org.opencontainers.image.ref.name", "")
        if not tag or name == tag or name.endswith(f":{tag}"):
            return directory, str(entry["digest"])
    raise OptionError(f"the OCI layout {directory} has no image {tag}".rstrip())
