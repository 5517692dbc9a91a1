"""Images out of archives and folders into the store: OCI layouts, and what ``docker save`` wrote.

The latter (before Docker 25) has no OCI index but a ``manifest.json`` that lists configs, layers
and tags by file name (moby ``image/spec/v1.2.md``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from core.content.decompression import detect
from core.content.images import ImageStore
from core.content.reachable import children
from core.content.store import ContentStore
from core.errors import OptionError
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.json_values import ImageFormatError, as_list, as_object, as_text
from core.oci.layout import IMAGE_NAME, REF_NAME, Layout
from core.oci.manifest import Manifest
from core.oci.reference import parse_reference

_CHUNK: Final = 1 << 20
_DOCKER_FILE: Final = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedImage:
    """An image that was loaded and its name, ``<none>@sha256:...`` when it came without one."""

    name: str
    descriptor: Descriptor


def load(path: Path, store: ContentStore, images: ImageStore) -> tuple[LoadedImage, ...]:
    """Load every image of the tar file or folder at ``path``, verified; blocking.

    NotFoundError when there is nothing, ImageFormatError when it is no image or a damaged one; no
    name is given then.
    """
    with Layout(path) as layout:
        if layout.has_index():
            found = _layout(layout, store)
        else:
            found = _docker(layout, store)
    store.flush()
    for image in found:
        images.put(image.name, image.descriptor)
    return tuple(found)


def _layout(layout: Layout, store: ContentStore) -> list[LoadedImage]:
    found = []
    for entry in layout.index().manifests:
        _copy(layout, entry, store)
        name = entry.annotation(IMAGE_NAME) or entry.annotation(REF_NAME)
        plain = Descriptor(
            media_type=entry.media_type,
            digest=entry.digest,
            size=entry.size,
            platform=entry.platform,
        )
        found.append(LoadedImage(name=_name(name, entry.digest), descriptor=plain))
    return found


def _copy(layout: Layout, descriptor: Descriptor, store: ContentStore) -> None:
    """The descriptor's content and all below it, children after their parents' bytes are here."""
    if not store.has(descriptor.digest, descriptor.size):
        with layout.open(descriptor.digest) as file:
            _take(file, store, descriptor.digest, descriptor.size)
    for child in children(store, descriptor):
        if media_types.is_nondistributable(child.media_type):
            continue
        _copy(layout, child, store)


def _take(
    file: IO[bytes], store: ContentStore, digest: Digest | None = None, size: int | None = None
) -> Digest:
    with store.writer(None, expected=digest, total=size) as writer:
        while data := file.read(_CHUNK):
            writer.write(data)
        return writer.commit()


def _docker(layout: Layout, store: ContentStore) -> list[LoadedImage]:
    try:
        entries = as_list(json.loads(layout.document(_DOCKER_FILE)), _DOCKER_FILE)
    except ValueError as error:
        raise ImageFormatError(f"{_DOCKER_FILE} of {layout.path} is not JSON") from error
    found = []
    for value in entries:
        entry = as_object(value, _DOCKER_FILE)
        config = layout.document(as_text(entry.get("Config"), "Config"))
        layers = tuple(
            _docker_layer(layout, as_text(name, "Layers"), store)
            for name in as_list(entry.get("Layers"), "Layers")
        )
        store.put(config)
        manifest = Manifest(
            config=Descriptor.of(media_types.OCI_CONFIG, config), layers=layers
        ).to_bytes()
        store.put(manifest)
        descriptor = Descriptor.of(media_types.OCI_MANIFEST, manifest)
        tags = [as_text(tag, "RepoTags") for tag in as_list(entry.get("RepoTags"), "RepoTags")]
        found += [
            LoadedImage(name=_name(tag, descriptor.digest), descriptor=descriptor)
            for tag in tags or [""]
        ]
    return found


def _docker_layer(layout: Layout, name: str, store: ContentStore) -> Descriptor:
    try:
        with layout.files.open(name) as file:
            digest = _take(file, store)
    except FileNotFoundError as error:
        raise ImageFormatError(f"the layer {name} is not in {layout.path}") from error
    with store.open(digest) as blob:
        compression = detect(blob.read(8))
    return Descriptor(
        media_type=media_types.layer_type(compression, oci=True),
        digest=digest,
        size=store.size(digest),
    )


def _name(text: str, digest: Digest) -> str:
    """The canonical name; an annotation that is a tag and no more names nothing."""
    if "/" in text or ":" in text:
        try:
            return str(parse_reference(text).tagged())
        except OptionError:
            pass
    return f"<none>@{digest}"
