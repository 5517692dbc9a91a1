"""Finding base images: in the local store by name, else at their registry."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from core.content.images import ImageStore
from core.content.store import ContentStore
from core.daemon.build_run import BuildRun
from core.errors import Error, NotFoundError
from core.frontend.inputs import ImageMissing, ImageRequest, ResolvedImage
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.index import Index
from core.oci.platform import Platform
from core.oci.reference import Reference, parse_reference
from core.registry.client import RegistryClient, RemoteImage


class ImageLookup:
    """Answers a frontend's image requests for one build; a tag is resolved once in it."""

    def __init__(self, *, client: RegistryClient, store: ContentStore, images: ImageStore) -> None:
        self._client = client
        self._store = store
        self._images = images
        self._resolved: dict[tuple[str, str], asyncio.Task[Descriptor]] = {}

    async def find_all(
        self, requests: Iterable[ImageRequest], run: BuildRun
    ) -> dict[ImageRequest, ResolvedImage | ImageMissing]:
        """Look all up at the same time, each name shown as one vertex."""
        by_name: dict[str, list[ImageRequest]] = {}
        for request in requests:
            name = request.log_name or f"load metadata for {request.reference}"
            by_name.setdefault(name, []).append(request)
        found: dict[ImageRequest, ResolvedImage | ImageMissing] = {}

        async def look(name: str, wanted: list[ImageRequest]) -> None:
            title = name if name.startswith("[") else f"[internal] {name}"
            try:
                with run.step(title):
                    for request in wanted:
                        found[request] = await self.find(request)
            except Error as error:
                for request in wanted:
                    found.setdefault(request, ImageMissing(error=error))

        async with asyncio.TaskGroup() as group:
            for name, wanted in by_name.items():
                group.create_task(look(name, wanted))
        return found

    async def find(self, request: ImageRequest) -> ResolvedImage:
        """The image and its config. Raises NotFoundError, RegistryError."""
        reference = parse_reference(request.reference).tagged()
        image = await self.image(reference, request.platform, request.resolve_mode)
        pinned = reference.with_digest(image.resolved.digest)
        return ResolvedImage(reference=str(pinned), config=image.config)

    async def image(
        self, reference: Reference, platform: Platform, mode: str = "default"
    ) -> RemoteImage:
        """Manifest and config for a platform. ``mode`` is default, local or pull."""
        if mode != "pull":
            local = self._local(reference)
            if local is not None and self._suits(local, platform):
                return await self._client.image(reference, platform, self._store, resolved=local)
        resolved = await self._resolve(reference, mode)
        return await self._client.image(reference, platform, self._store, resolved=resolved)

    async def _resolve(self, reference: Reference, mode: str) -> Descriptor:
        key = (str(reference), mode)
        if key not in self._resolved:
            self._resolved[key] = asyncio.create_task(self._client.resolve(reference))
        try:
            return await asyncio.shield(self._resolved[key])
        except Error as error:
            local = self._local(reference)
            if local is None or isinstance(error, NotFoundError):
                raise
            raise type(error)(
                error.message,
                hint=f"The local store has {reference.familiar()}, but not for this platform.",
                temporary=error.temporary,
                phrase=error.phrase,
            ) from error

    def _local(self, reference: Reference) -> Descriptor | None:
        """What the local store has under the name, or under the digest itself."""
        if reference.digest is not None and self._store.has(reference.digest):
            return describe(self._store, reference)
        found = self._images.get(str(reference))
        return found if found is not None and self._store.has(found.digest) else None

    def _suits(self, descriptor: Descriptor, platform: Platform) -> bool:
        """Whether an index has the platform, manifest included. A lone manifest always suits."""
        if not media_types.is_index(descriptor.media_type):
            return True
        index = Index.parse(self._store.read(descriptor.digest), descriptor.media_type)
        manifest = index.select(platform)
        return manifest is not None and self._store.has(manifest.digest)


def describe(store: ContentStore, reference: Reference) -> Descriptor | None:
    """The descriptor of a stored manifest or index, by the digest of ``reference``."""
    import json

    if reference.digest is None:
        return None
    data = store.read(reference.digest)
    try:
        document = json.loads(data)
    except ValueError:
        return None
    media_type = document.get("mediaType") or (
        media_types.OCI_INDEX if "manifests" in document else media_types.OCI_MANIFEST
    )
    return Descriptor(media_type=media_type, digest=reference.digest, size=len(data))
