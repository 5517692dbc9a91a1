"""Images that carry static QEMU programs, pinned by digest, and how to get a program out of one.

Nothing in an image is run: the one file is read from its layers.
"""

from __future__ import annotations

import os
import posixpath
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from core.content.decompression import DecompressedFile
from core.emulation.architectures import Architecture
from core.emulation.interpreters import QemuProgram, describe
from core.emulation.selftest import self_test
from core.errors import EmulationError, OptionError
from core.oci.platform import Platform
from core.oci.reference import parse_reference

_MOST_LINKS = 5
_LARGEST = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class QemuImage:
    """``program`` is the path in the image, with {} for QEMU's name of the architecture.

    ``install`` and ``uninstall`` are the arguments with which a privileged container of it
    registers handlers on the machine it runs on, {} standing for that name. ``reference`` is
    pinned, or "" where whoever wants the image has to name a digest.
    """

    name: str
    program: str
    install: tuple[str, ...]
    uninstall: tuple[str, ...]
    reference: str = ""
    version: str = ""

    def container_arguments(
        self, architectures: Sequence[Architecture], *, on: bool
    ) -> tuple[tuple[str, ...], ...]:
        """The arguments of each privileged run that registers or takes away their handlers."""
        pattern = self.install if on else self.uninstall
        # The images know architectures by QEMU's names or by Docker's; one run for each is
        # plainest, and one is enough where the image does all of them at once.
        each = any("{}" in word for word in pattern)
        docker = on and self.name.endswith("/binfmt")
        return tuple(
            tuple(
                word.format(one.platforms[0].architecture if docker else one.qemu)
                for word in pattern
            )
            for one in (architectures if each else architectures[:1])
        )


IMAGES: tuple[QemuImage, ...] = (
    QemuImage(
        name="tonistiigi/binfmt",
        reference="docker.io/tonistiigi/binfmt:qemu-v10.2.3@sha256:"
        "400a4873b838d1b89194d982c45e5fb3cda4593fbfd7e08a02e76b03b21166f0",
        version="10.2.3",
        program="usr/bin/qemu-{}",
        install=("--install", "{}"),
        uninstall=("--uninstall", "qemu-{}"),
    ),
    QemuImage(
        name="multiarch/qemu-user-static",
        reference="docker.io/multiarch/qemu-user-static:latest@sha256:"
        "fe60359c92e86a43cc87b3d906006245f77bfc0565676b80004cc666e4feb9f0",
        version="7.2.0",
        program="usr/bin/qemu-{}-static",
        install=("--persistent", "yes"),
        uninstall=("--reset",),
    ),
    QemuImage(
        name="aptman/qus",
        program="qus/bin/qemu-{}-static",
        install=("-s", "--", "-p", "{}"),
        uninstall=("--", "-r", "{}"),
    ),
)


def image_named(text: str) -> QemuImage:
    """The image of a name of the table or of a reference with a digest; the first for "".

    A copy elsewhere (``registry.example/tonistiigi/binfmt@sha256:…``) is known by the end of its
    repository's name. Raises OptionError for a reference without digest.
    """
    if not text:
        return IMAGES[0]
    for image in IMAGES:
        if text == image.name and image.reference:
            return image
    reference = parse_reference(text)
    if reference.digest is None:
        raise OptionError(
            f"the image {text} is not pinned: what it holds could change",
            hint="Name it with its digest: NAME@sha256:…",
        )
    name = "/".join(reference.path.split("/")[-2:])
    known = next((image for image in IMAGES if image.name == name), IMAGES[0])
    return replace(known, name=name, reference=str(reference), version="")


def find_in_layers(
    path: str, layers: Sequence[Callable[[], BinaryIO]], target: Path, *, limit: int = _LARGEST
) -> bool:
    """Copy the file ``path`` of an image to ``target``; whether there is one.

    ``layers`` open their blobs (gzip, zstd or plain tar), the lowest layer first.
    """
    wanted = posixpath.normpath(path.lstrip("/"))
    for _ in range(_MOST_LINKS):
        link = _search(wanted, layers, target, limit)
        if link is None:
            return target.exists()
        wanted = link
    return False


def _search(
    wanted: str, layers: Sequence[Callable[[], BinaryIO]], target: Path, limit: int
) -> str | None:
    """Look from the top layer down; the path that a link leads to, None when done."""
    whiteout = posixpath.join(posixpath.dirname(wanted), f".wh.{posixpath.basename(wanted)}")
    for opened in reversed(layers):
        gone = False
        with opened() as blob, tarfile.open(fileobj=DecompressedFile(blob), mode="r|") as archive:
            for member in archive:
                name = posixpath.normpath(member.name.lstrip("/"))
                if name == whiteout:
                    gone = True
                if name != wanted:
                    continue
                if member.islnk():
                    return posixpath.normpath(member.linkname.lstrip("/"))
                if member.issym():
                    joined = posixpath.join("/", posixpath.dirname(name), member.linkname)
                    return posixpath.normpath(joined).lstrip("/")
                if member.isfile():
                    _copy(archive, member, target, limit)
                    return None
        if gone:
            return None
    return None


def _copy(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, limit: int) -> None:
    if member.size > limit:
        raise EmulationError(f"{member.name} is too large for an emulator: {member.size} bytes")
    source = archive.extractfile(member)
    assert source is not None
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(f".{target.name}.new")
    with new.open("wb") as file:
        while data := source.read(1 << 20):
            file.write(data)
    new.chmod(0o755)
    os.replace(new, target)


def accept(
    program: Path, architecture: Architecture, native: Sequence[Platform], source: str
) -> QemuProgram:
    """Try a program that was taken from an image; it is deleted when it does not work.

    Raises EmulationError: no program, one for another machine, one that needs libraries, one
    that does not run what it should.
    """
    problem = ""
    found = describe(program)
    if found is None:
        problem = "it is no program"
    elif found.platform is not None and found.platform not in native:
        problem = f"it is a {found.platform} program, which this machine does not run"
    elif not found.static:
        problem = "it needs libraries that containers do not have"
    else:
        with self_test() as test:
            trials = [test.run_with(program, platform) for platform in architecture.platforms]
        if not any(trial.passed for trial in trials):
            problem = f"its self-test failed: {trials[0].problem}"
    if problem or found is None:
        program.unlink(missing_ok=True)
        raise EmulationError(
            f"The emulator qemu-{architecture.qemu} of {source} cannot be used: {problem}",
            hint="Nothing was changed. Try another image, or the distribution's package.",
        )
    return found
