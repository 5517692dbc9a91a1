"""The names of images in the local store.

One file for each name, ``<root>/<sha256 of the name>.json``, replaced atomically: a damaged entry
costs one name, and two builds that finish together lose none.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from core.content.files import storage_errors, write_atomically
from core.errors import StorageError
from core.oci.descriptor import Descriptor
from core.oci.json_values import ImageFormatError, JsonObject, as_text, dump, load_object


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedImage:
    """A name, what it points at, and since when (nanoseconds since the epoch)."""

    name: str
    descriptor: Descriptor
    updated: int


class ImageStore:
    """Names to descriptors. Names are canonical references (``docker.io/library/busybox:latest``).

    The caller sees to it that the content is in the blob store, flushed, before it gets a name.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        with storage_errors("the image store cannot be made"):
            root.mkdir(parents=True, exist_ok=True)

    def get(self, name: str) -> Descriptor | None:
        """None when no image has the name; StorageError when its entry is damaged."""
        path = self._path(name)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return _parse(data).descriptor
        except ImageFormatError as error:
            raise StorageError(
                f"the entry of the image {name} is damaged: {path}",
                hint="Delete that file, then build or pull the image again.",
            ) from error

    def put(self, name: str, descriptor: Descriptor) -> None:
        """Give or move the name; durable on return."""
        value: JsonObject = {
            "name": name,
            "updated": time.time_ns(),
            "descriptor": descriptor.to_json(),
        }
        with storage_errors(f"the image {name} cannot be named"):
            write_atomically(self._path(name), dump(value))

    def delete(self, name: str) -> bool:
        """Whether there was such a name."""
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            return False
        return True

    def list(self) -> tuple[NamedImage, ...]:
        """All names in order; damaged entries are left out."""
        found = []
        for path in self._root.glob("*.json"):
            try:
                found.append(_parse(path.read_bytes()))
            except (FileNotFoundError, ImageFormatError):
                continue
        return tuple(sorted(found, key=lambda image: image.name))

    def _path(self, name: str) -> Path:
        return self._root / f"{hashlib.sha256(name.encode()).hexdigest()}.json"


def _parse(data: bytes) -> NamedImage:
    value = load_object(data, "the image's entry")
    updated = value.get("updated")
    return NamedImage(
        name=as_text(value.get("name"), "name"),
        descriptor=Descriptor.from_json(value.get("descriptor")),
        updated=updated if isinstance(updated, int) else 0,
    )
