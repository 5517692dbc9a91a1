"""OCI image layouts: an image as a folder or a tar file (OCI ``image-layout.md``)."""

from __future__ import annotations

import hashlib
import os
import tarfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Protocol

from core.errors import NotFoundError
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.index import Index
from core.oci.json_values import ImageFormatError, as_text, load_object

VERSION_FILE: Final = "oci-layout"
VERSION: Final = b'{"imageLayoutVersion":"1.0.0"}'
INDEX_FILE: Final = "index.json"
REF_NAME: Final = "org.opencontainers.image.ref.name"
"""Annotation of a descriptor in ``index.json``: a tag, or a whole reference."""
IMAGE_NAME: Final = "io.containerd.image.name"
"""Annotation of a descriptor in ``index.json``: the whole reference."""
_DOCUMENT_LIMIT: Final = 16 << 20


def blob_path(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


class Files(Protocol):
    """Where a layout's files are read from."""

    def open(self, name: str) -> IO[bytes]:
        """FileNotFoundError when there is no such file."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Directory:
    root: Path

    def open(self, name: str) -> IO[bytes]:
        return (self.root / name).open("rb")

    def close(self) -> None:
        return


class _Tar:
    """An uncompressed or compressed tar; members are found by name, hard links followed."""

    def __init__(self, path: Path) -> None:
        try:
            self._tar = tarfile.open(path)  # noqa: SIM115
        except tarfile.TarError as error:
            raise ImageFormatError(f"{path} is neither a folder nor a tar file") from error
        self._members = {os.path.normpath(m.name): m for m in self._tar if not m.isdir()}

    def open(self, name: str) -> IO[bytes]:
        member = self._members.get(os.path.normpath(name))
        file = None if member is None else self._tar.extractfile(member)
        if file is None:
            raise FileNotFoundError(name)
        return file

    def close(self) -> None:
        self._tar.close()


class Layout(AbstractContextManager["Layout"]):
    """A layout opened for reading. Everything that is read whole is verified."""

    def __init__(self, path: Path) -> None:
        """``path`` is a folder or a tar file; NotFoundError when it is not there."""
        self.path = path
        if not path.exists():
            raise NotFoundError(f"there is no OCI layout at {path}")
        self.files: Files = _Directory(path) if path.is_dir() else _Tar(path)

    def has_index(self) -> bool:
        try:
            self.files.open(INDEX_FILE).close()
        except FileNotFoundError:
            return False
        return True

    def document(self, name: str) -> bytes:
        """A small file of the layout; NotFoundError when absent."""
        try:
            with self.files.open(name) as file:
                data = file.read(_DOCUMENT_LIMIT + 1)
        except FileNotFoundError as error:
            raise NotFoundError(f"{self.path} is not an OCI layout: {name} is not there") from error
        if len(data) > _DOCUMENT_LIMIT:
            raise ImageFormatError(f"{name} of {self.path} is too big for what it should be")
        return data

    def index(self) -> Index:
        version = load_object(self.document(VERSION_FILE), VERSION_FILE)
        if as_text(version.get("imageLayoutVersion"), VERSION_FILE).split(".")[0] != "1":
            raise ImageFormatError(f"the version of the OCI layout at {self.path} is not known")
        return Index.parse(self.document(INDEX_FILE))

    def open(self, digest: Digest) -> IO[bytes]:
        """A blob, not verified; NotFoundError when absent."""
        try:
            return self.files.open(blob_path(digest))
        except FileNotFoundError as error:
            raise NotFoundError(f"the blob {digest} is not in {self.path}") from error

    def read(self, digest: Digest) -> bytes:
        """A manifest or config, verified."""
        with self.open(digest) as file:
            data = file.read(_DOCUMENT_LIMIT)
        if hashlib.new(digest.algorithm, data).hexdigest() != digest.hex:
            raise ImageFormatError(f"the blob {digest} in {self.path} is damaged")
        return data

    def find(self, name: str = "") -> Descriptor:
        """The image called ``name`` (a tag, a digest or a whole reference).

        Without a name, the only image there is. NotFoundError lists what there is otherwise.
        """
        entries = self.index().manifests
        if not name and len(entries) == 1:
            return entries[0]
        wanted = {name or "latest"}
        for entry in entries:
            names = {entry.annotation(REF_NAME), entry.annotation(IMAGE_NAME), str(entry.digest)}
            if wanted & (names - {""}):
                return entry
        known = ", ".join(e.annotation(IMAGE_NAME) or e.annotation(REF_NAME) for e in entries)
        raise NotFoundError(
            f"there is no image {name or 'latest'} in the OCI layout at {self.path}",
            hint=f"There is: {known.strip(', ') or 'nothing with a name'}.",
        )

    def close(self) -> None:
        self.files.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
