"""Finding images: the local store first, then the registry; one answer a build for each name."""

from __future__ import annotations

from enum import Enum

from core.content.images import ImageStore
from core.content.store import ContentStore
from core.errors import Error, NotFoundError
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.json_values import load_object
from core.oci.platform import Platform
from core.oci.reference import Reference
from core.ops.contexts import BuildContext
from core.ops.threads import in_thread
from core.registry.client import RemoteImage


class ResolveMode(Enum):
    """Where a tag is looked up; digests are taken from wherever they are."""

    DEFAULT = "default"
    """The local store, then the registry."""
    PULL = "pull"
    """The registry only."""
    LOCAL = "local"
    """As DEFAULT."""


class Images:
    """Images for builds: the frontend's questions and the image sources' answers are the same."""

    def __init__(self, content: ContentStore, images: ImageStore) -> None:
        self._content = content
        self._images = images

    async def resolve(
        self, build: BuildContext, reference: Reference, mode: ResolveMode = ResolveMode.DEFAULT
    ) -> Descriptor:
        """What ``reference`` points at, the same for all of a build.

        NotFoundError, RegistryError or AuthenticationError tell why there is nothing.
        """
        name = str(reference.tagged())
        found = build.resolved.get(name)
        if found is None:
            found = await self._local(reference) if mode is not ResolveMode.PULL else None
            if found is None:
                found = await build.client.resolve(reference)
            # Whoever came first decides.
            found = build.resolved.setdefault(name, found)
        return found

    async def image(
        self,
        build: BuildContext,
        reference: Reference,
        platform: Platform,
        mode: ResolveMode = ResolveMode.DEFAULT,
    ) -> RemoteImage:
        """Manifest and config of the image for ``platform``; no layers are fetched.

        An image in the local store that lacks the platform gives way to the registry's, if that
        has it. NotFoundError names the platforms that there are.
        """
        # ``client.image`` takes from the store what is there: no registry is asked for it.
        resolved = await self.resolve(build, reference, mode)
        try:
            return await build.client.image(reference, platform, self._content, resolved=resolved)
        except NotFoundError as error:
            if reference.digest is not None or mode is ResolveMode.PULL:
                raise
            if self._images.get(str(reference.tagged())) != resolved:
                raise
            try:
                remote = await build.client.resolve(reference)
                found = await build.client.image(
                    reference, platform, self._content, resolved=remote
                )
            except Error:
                raise error from None
            return found

    async def _local(self, reference: Reference) -> Descriptor | None:
        if reference.digest is None:
            return self._images.get(str(reference.tagged()))
        digest = reference.digest
        if not self._content.has(digest):
            return None
        data = await in_thread(lambda: self._content.read(digest))
        value = load_object(data, "manifest")
        default = media_types.OCI_INDEX if "manifests" in value else media_types.OCI_MANIFEST
        media_type = value.get("mediaType") or default
        return Descriptor.of(str(media_type), data)
