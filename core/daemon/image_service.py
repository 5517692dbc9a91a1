"""Images of the local store and of registries, for Engine's clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from core.content.images import ImageStore, NamedImage
from core.content.reachable import missing
from core.content.store import ContentStore
from core.daemon.context import SessionCredentials
from core.daemon.sessions import Sessions
from core.errors import Error, NotFoundError
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.image_config import ImageConfig
from core.oci.index import Index
from core.oci.manifest import Manifest
from core.oci.platform import Platform
from core.oci.reference import Reference, parse_reference
from core.progress.codec import timestamp
from core.registry.client import RegistryClient
from core.registry.credentials import CredentialSource
from core.registry.transfers import Transfer
from core.wire.pb import engine_pb2
from core.wire.rpc import Incoming, Routes, answer, join, route
from core.wire.services import Engine as Methods

_PIECE = 1 << 20


class ImageService:
    """``registry`` makes a client that signs in with the given credentials."""

    def __init__(
        self,
        *,
        content: ContentStore,
        images: ImageStore,
        sessions: Sessions,
        registry: Callable[[CredentialSource], RegistryClient],
    ) -> None:
        self._content = content
        self._images = images
        self._sessions = sessions
        self._registry = registry

    def routes(self) -> Routes:
        return join(
            answer(Methods.LIST_IMAGES, self._list),
            answer(Methods.INSPECT_IMAGE, self._inspect),
            answer(Methods.TAG_IMAGE, self._tag),
            answer(Methods.REMOVE_IMAGE, self._remove),
            route(Methods.PUSH_IMAGE, self._push),
            route(Methods.READ_BLOB, self._read_blob),
        )

    @asynccontextmanager
    async def _client(self, session: str) -> AsyncIterator[RegistryClient]:
        found = await self._sessions.get(session) if session else None
        async with self._registry(SessionCredentials(found)) as client:
            yield client

    async def _list(self, request: engine_pb2.ListImagesRequest) -> engine_pb2.ListImagesResponse:
        images = await asyncio.to_thread(
            lambda: [self._message(image) for image in self._images.list()]
        )
        return engine_pb2.ListImagesResponse(images=images)

    def _message(self, image: NamedImage) -> engine_pb2.Image:
        platforms = _local_platforms(self._content, image.descriptor)
        return engine_pb2.Image(
            name=image.name,
            digest=image.descriptor.digest,
            media_type=image.descriptor.media_type,
            size=sum(p.size for p in platforms),
            created=timestamp(image.updated),
            platforms=platforms,
        )

    async def _inspect(
        self, request: engine_pb2.InspectImageRequest
    ) -> engine_pb2.InspectImageResponse:
        reference = parse_reference(request.reference).tagged()
        local = None if request.remote else self._local(reference)
        if local is not None:
            image = NamedImage(name=str(reference), descriptor=local, updated=0)
            message, raw = await asyncio.to_thread(
                lambda: (self._message(image), self._content.read(local.digest))
            )
            return engine_pb2.InspectImageResponse(image=message, raw=raw, local=True)
        async with self._client(request.session) as client:
            resolved = await client.resolve(reference)
            raw = await client.manifest(reference, resolved.digest)
            image_message = engine_pb2.Image(
                name=str(reference), digest=resolved.digest, media_type=resolved.media_type
            )
            image_message.platforms.extend(
                await self._remote_platforms(client, reference, resolved, raw, request.details)
            )
            image_message.size = sum(p.size for p in image_message.platforms)
        return engine_pb2.InspectImageResponse(image=image_message, raw=raw)

    async def _remote_platforms(
        self,
        client: RegistryClient,
        reference: Reference,
        resolved: Descriptor,
        raw: bytes,
        details: bool,
    ) -> list[engine_pb2.ImagePlatform]:
        if media_types.is_index(resolved.media_type):
            manifests = Index.parse(raw, resolved.media_type).images
            if not details:
                return [
                    engine_pb2.ImagePlatform(
                        platform=str(m.platform) if m.platform else "",
                        digest=m.digest,
                        media_type=m.media_type,
                    )
                    for m in manifests
                ]
        else:
            manifests = (resolved,)
        documents = await asyncio.gather(
            *(self._document(client, reference, m, raw, resolved) for m in manifests)
        )
        return [
            _platform(descriptor, manifest, config)
            for descriptor, (manifest, config) in zip(manifests, documents, strict=True)
        ]

    async def _document(
        self,
        client: RegistryClient,
        reference: Reference,
        descriptor: Descriptor,
        raw: bytes,
        resolved: Descriptor,
    ) -> tuple[bytes, bytes]:
        data = raw
        if descriptor.digest != resolved.digest:
            data = await client.manifest(reference, descriptor.digest)
        manifest = Manifest.parse(data, descriptor.media_type)
        await client.fetch(reference, manifest.config, self._content)
        config = await asyncio.to_thread(self._content.read, manifest.config.digest)
        return data, config

    def _local(self, reference: Reference) -> Descriptor | None:
        found = self._images.get(str(reference))
        return found if found is not None and self._content.has(found.digest) else None

    async def _tag(self, request: engine_pb2.TagImageRequest) -> engine_pb2.TagImageResponse:
        descriptor = self.need(parse_reference(request.source).tagged())
        target = parse_reference(request.target).tagged()
        await asyncio.to_thread(self._images.put, str(target), descriptor)
        return engine_pb2.TagImageResponse()

    async def _remove(
        self, request: engine_pb2.RemoveImageRequest
    ) -> engine_pb2.RemoveImageResponse:
        reference = parse_reference(request.reference).tagged()
        self.need(reference)
        await asyncio.to_thread(self._images.delete, str(reference))
        return engine_pb2.RemoveImageResponse()

    def need(self, reference: Reference) -> Descriptor:
        """What the local store has under a name. Raises NotFoundError."""
        found = self._local(reference)
        if found is None:
            raise NotFoundError(
                f"the local store has no image {reference.familiar()}",
                hint="`viaduct images` lists what it has.",
            )
        return found

    async def _push(
        self, call: Incoming[engine_pb2.PushImageRequest, engine_pb2.PushImageResponse]
    ) -> None:
        request = await call.request()
        source = parse_reference(request.reference).tagged()
        target = parse_reference(request.target).tagged() if request.target else source
        descriptor = self.need(source)
        absent = await asyncio.to_thread(missing, self._content, descriptor)
        progress: asyncio.Queue[engine_pb2.PushImageResponse | None] = asyncio.Queue()

        def on_transfer(transfer: Transfer) -> None:
            progress.put_nowait(
                engine_pb2.PushImageResponse(
                    id=f"{transfer.digest} {transfer.detail}".strip(),
                    current=transfer.current,
                    total=transfer.total,
                )
            )

        await call.start()
        async with self._client(request.session) as client:

            async def push() -> bytes:
                try:
                    for blob in absent:
                        await client.fetch(source, blob, self._content, on_transfer)
                    await client.push(
                        target,
                        descriptor,
                        self._content,
                        on_transfer,
                        tags=[target.tag] if target.tag else [],
                        insecure=request.insecure,
                    )
                    return await client.manifest(
                        target, descriptor.digest, insecure=request.insecure
                    )
                finally:
                    progress.put_nowait(None)

            task = asyncio.create_task(push())
            try:
                while (message := await progress.get()) is not None:
                    await call.send(message)
                raw = await task
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await call.send(engine_pb2.PushImageResponse(digest=descriptor.digest, raw=raw))

    async def _read_blob(
        self, call: Incoming[engine_pb2.ReadBlobRequest, engine_pb2.Chunk]
    ) -> None:
        request = await call.request()
        digest = Digest.parse(request.digest)
        with self._content.open(digest) as blob:
            blob.seek(request.offset)
            left = request.length or self._content.size(digest)
            while left > 0:
                data = await asyncio.to_thread(blob.read, min(_PIECE, left))
                if not data:
                    return
                left -= len(data)
                await call.send(engine_pb2.Chunk(data=data))


def _local_platforms(
    content: ContentStore, descriptor: Descriptor
) -> list[engine_pb2.ImagePlatform]:
    """Blocking; platforms whose manifest is not here have no more than their name."""
    try:
        if media_types.is_index(descriptor.media_type):
            data = content.read(descriptor.digest)
            manifests: Iterable[Descriptor] = Index.parse(data, descriptor.media_type).images
        else:
            manifests = (descriptor,)
        return [_local_platform(content, manifest) for manifest in manifests]
    except NotFoundError:
        return []


def _local_platform(content: ContentStore, descriptor: Descriptor) -> engine_pb2.ImagePlatform:
    try:
        data = content.read(descriptor.digest)
        manifest = Manifest.parse(data, descriptor.media_type)
        config = content.read(manifest.config.digest)
    except Error:
        return engine_pb2.ImagePlatform(
            platform=str(descriptor.platform) if descriptor.platform else "",
            digest=descriptor.digest,
            media_type=descriptor.media_type,
        )
    return _platform(descriptor, data, config)


def _platform(
    descriptor: Descriptor, manifest_data: bytes, config: bytes
) -> engine_pb2.ImagePlatform:
    manifest = Manifest.parse(manifest_data, descriptor.media_type)
    platform: Platform | None = descriptor.platform
    if platform is None:
        platform = ImageConfig.parse(config).platform
    total: Any = descriptor.size + manifest.config.size + sum(x.size for x in manifest.layers)
    return engine_pb2.ImagePlatform(
        platform=str(platform) if platform else "",
        digest=descriptor.digest,
        media_type=descriptor.media_type,
        size=total,
        manifest=manifest_data,
        config=config,
    )
