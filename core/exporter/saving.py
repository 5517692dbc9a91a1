"""Images of the local store as archives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.content.reachable import tree
from core.content.store import ContentStore
from core.errors import NotFoundError, OptionError
from core.exporter.archive import archive_documents, archive_tar
from core.exporter.files import send
from core.exporter.image_writer import Committed
from core.exporter.options import ArchiveKind
from core.exporter.outputs import FileOutput
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.index import Index
from core.oci.json_values import Json, JsonObject, as_list, dump, load_object
from core.oci.layout import INDEX_FILE
from core.oci.platform import Platform
from core.oci.reference import parse_reference


async def save(
    store: ContentStore,
    images: Sequence[tuple[str, Descriptor]],
    output: FileOutput,
    *,
    kind: ArchiveKind,
    platform: Platform,
) -> None:
    """Write named images as one tar: all platforms (``oci``) or the one for ``platform``.

    NotFoundError when an image lacks content or the platform.
    """
    if kind is ArchiveKind.DOCKER and len(images) != 1:
        raise OptionError("a docker archive takes one image", hint="Save type=oci for several.")
    digests: list[Digest] = []
    entries: list[Json] = []
    documents: dict[str, bytes] = {}
    for name, found in images:
        root = _for_platform(store, name, found, platform) if kind is ArchiveKind.DOCKER else found
        content = tuple(descriptor.digest for descriptor in tree(store, root))
        lacking = next((digest for digest in content if not store.has(digest)), None)
        if lacking is not None:
            raise NotFoundError(
                f"the image {name} is not complete here: {lacking} is missing",
                hint="Pull or build it again.",
            )
        digests += content
        committed = Committed(
            descriptor=replace(root, annotations=()), config=None, digests=content, created=0
        )
        names = [] if name.startswith("<none>") else [parse_reference(name)]
        documents = archive_documents(store, committed, names, kind=kind)
        index = load_object(documents[INDEX_FILE], INDEX_FILE)
        entries += as_list(index["manifests"], INDEX_FILE)
    whole: JsonObject = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_INDEX,
        "manifests": entries,
    }
    documents |= {INDEX_FILE: dump(whole)}
    async with output.open({}) as sink:
        await send(sink, archive_tar(store, tuple(dict.fromkeys(digests)), documents))


def _for_platform(
    store: ContentStore, name: str, descriptor: Descriptor, platform: Platform
) -> Descriptor:
    if not media_types.is_index(descriptor.media_type):
        return descriptor
    index = Index.parse(store.read(descriptor.digest), descriptor.media_type)
    found = index.select(platform)
    if found is None:
        there = ", ".join(str(p) for p in index.platforms)
        raise NotFoundError(f"{name} has no image for {platform}", hint=f"It has: {there}.")
    return found
