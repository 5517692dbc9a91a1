"""What hangs on a manifest or index that is in the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.content.store import ContentStore
from core.errors import NotFoundError
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.index import Index
from core.oci.manifest import Manifest


def children(store: ContentStore, descriptor: Descriptor) -> tuple[Descriptor, ...]:
    """What the descriptor's content refers to, in its order; nothing for configs and layers.

    NotFoundError when the manifest itself is absent, ImageFormatError when it is broken.
    """
    if media_types.is_index(descriptor.media_type):
        return Index.parse(store.read(descriptor.digest), descriptor.media_type).manifests
    if media_types.is_manifest(descriptor.media_type):
        return Manifest.parse(store.read(descriptor.digest), descriptor.media_type).children
    return ()


def tree(store: ContentStore, root: Descriptor) -> Iterator[Descriptor]:
    """``root`` and all below it that can be followed, parents first, each digest once."""
    seen: set[Digest] = set()
    pending = [root]
    while pending:
        descriptor = pending.pop()
        if descriptor.digest in seen:
            continue
        seen.add(descriptor.digest)
        yield descriptor
        try:
            below = children(store, descriptor)
        except NotFoundError:
            continue
        pending.extend(reversed(below))


def reachable(store: ContentStore, roots: Iterable[Descriptor]) -> frozenset[Digest]:
    """Digests that must stay for ``roots`` to stay whole."""
    return frozenset(d.digest for root in roots for d in tree(store, root))


def missing(store: ContentStore, root: Descriptor) -> tuple[Descriptor, ...]:
    """What a complete copy of ``root`` would need and the store does not have."""
    return tuple(
        d
        for d in tree(store, root)
        if not store.has(d.digest, d.size) and not media_types.is_nondistributable(d.media_type)
    )
