"""The registry client (OCI distribution specification, Docker registry HTTP API v2)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Final, TypeVar

import aiohttp

from core.content.sources import BlobSources
from core.content.store import ContentStore
from core.errors import RegistryError
from core.errors.groups import single
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.json_values import ImageFormatError
from core.oci.manifest import Manifest
from core.oci.platform import Platform
from core.oci.reference import Reference
from core.registry.credentials import Anonymous, CredentialSource
from core.registry.documents import (
    known_type,
    parse_index,
    parse_manifest,
    select_platform,
    wrong_digest,
)
from core.registry.hosts import Endpoint, Hosts, is_local
from core.registry.pull import BlobPuller
from core.registry.push import Pusher
from core.registry.refusals import Call
from core.registry.retry import RetryPolicy
from core.registry.threads import in_thread
from core.registry.tokens import repository_scope
from core.registry.transfers import OnTransfer, silent
from core.registry.transport import Transport

T = TypeVar("T")

_MANIFEST_LIMIT: Final = 8 << 20
_CONNECT_SECONDS: Final = 15.0
_SILENCE_SECONDS: Final = 60.0
_PARALLEL: Final = 4
_READ_BUFFER: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteImage:
    """One platform's image as a registry has it.

    ``resolved`` is what the reference points at (an index, or the manifest itself).
    """

    reference: Reference
    resolved: Descriptor
    descriptor: Descriptor
    manifest: Manifest
    config: bytes


class RegistryClient(AbstractAsyncContextManager["RegistryClient"]):
    """Resolves, pulls and pushes. Use as an async context manager, in one event loop.

    ``sources`` lets pushes mount blobs that another repository of the same registry holds.
    """

    def __init__(
        self,
        credentials: CredentialSource | None = None,
        *,
        hosts: Hosts | None = None,
        sources: BlobSources,
        retry: RetryPolicy | None = None,
        parallel: int = _PARALLEL,
        user_agent: str = "viaduct",
    ) -> None:
        self._credentials = credentials or Anonymous()
        self._hosts = hosts or Hosts()
        self._sources = sources
        self._retry = retry or RetryPolicy()
        self._agent = user_agent
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._transports: dict[Endpoint, Transport] = {}
        self._pool = ThreadPoolExecutor(
            max_workers=max(2, os.cpu_count() or 1), thread_name_prefix="registry"
        )
        self._puller = BlobPuller(self._pool, self._retry, parallel=parallel)
        self._push_slots = asyncio.Semaphore(parallel)

    async def __aenter__(self) -> RegistryClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection. The client cannot be used afterwards."""
        for session in self._sessions.values():
            await session.close()
        self._pool.shutdown(cancel_futures=True)

    async def resolve(self, reference: Reference, *, insecure: bool = False) -> Descriptor:
        """What the tag or digest points at.

        ImageNotFoundError, AuthenticationError or RegistryError tell why not.
        """
        reference = reference.tagged()
        return await self._ask(reference, partial(self._resolve, reference), insecure=insecure)

    async def _resolve(self, reference: Reference, transport: Transport) -> Descriptor:
        target = str(reference.digest or reference.tag)
        async with transport.request(
            "HEAD",
            f"{transport.endpoint.repository(reference)}/manifests/{target}",
            call=_call(transport, reference),
            scopes=_pull_scopes(transport, reference),
            expected=(200, 404, 405),
            headers={"Accept": ", ".join(media_types.ACCEPTED)},
        ) as response:
            media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
            digest = response.headers.get("Docker-Content-Digest", "")
            length = response.headers.get("Content-Length", "")
            whole = response.status == 200
        if whole and media_type in media_types.ACCEPTED and length.isdigit() and digest:
            found = Digest.parse(digest)
            if reference.digest is not None and found != reference.digest:
                raise wrong_digest(transport.endpoint.host, reference, found)
            return Descriptor(media_type=media_type, digest=found, size=int(length))
        # Not every registry answers HEAD in full; the manifest itself leaves no doubt.
        media_type, data = await self._document(transport, reference, target)
        return Descriptor.of(media_type, data)

    async def manifest(
        self, reference: Reference, digest: Digest, *, insecure: bool = False
    ) -> bytes:
        """The verified bytes of a manifest or index of the repository."""
        wanted = reference.with_digest(digest)
        _, data = await self._ask(
            wanted,
            lambda transport: self._document(transport, wanted, str(digest)),
            insecure=insecure,
        )
        return data

    async def _document(
        self, transport: Transport, reference: Reference, target: str
    ) -> tuple[str, bytes]:
        async with transport.request(
            "GET",
            f"{transport.endpoint.repository(reference)}/manifests/{target}",
            call=_call(transport, reference),
            scopes=_pull_scopes(transport, reference),
            expected=(200,),
            headers={"Accept": ", ".join(media_types.ACCEPTED)},
        ) as response:
            media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
            try:
                data = await response.content.readexactly(_MANIFEST_LIMIT)
            except asyncio.IncompleteReadError as error:
                data = error.partial
            else:
                host = transport.endpoint.host
                raise RegistryError(f"the manifest of {reference.familiar()} on {host} is too big")
        if reference.digest is not None and Digest.of(data) != reference.digest:
            raise wrong_digest(transport.endpoint.host, reference, Digest.of(data))
        return known_type(transport.endpoint.host, reference, media_type, data), data

    async def fetch(
        self,
        reference: Reference,
        descriptor: Descriptor,
        store: ContentStore,
        on_transfer: OnTransfer = silent,
        *,
        insecure: bool = False,
    ) -> None:
        """Have one blob of the repository in ``store``; continues what was begun earlier."""
        transports = self._for(reference, push=False, insecure=insecure)
        await self._puller.fetch(transports, reference, descriptor, store, on_transfer)
        if media_types.is_layer(descriptor.media_type):
            self._sources.note(descriptor.digest, reference.domain, reference.path)

    async def image(
        self,
        reference: Reference,
        platform: Platform,
        store: ContentStore,
        *,
        resolved: Descriptor | None = None,
        insecure: bool = False,
    ) -> RemoteImage:
        """Manifest and config of the image for ``platform``, without its layers.

        Both are kept in ``store``. NotFoundError says which platforms there are when none suits.
        """
        resolved = resolved or await self.resolve(reference, insecure=insecure)
        descriptor = resolved
        if media_types.is_index(resolved.media_type):
            index = parse_index(
                reference,
                resolved,
                await self._stored(reference, resolved, store, insecure=insecure),
            )
            descriptor = select_platform(reference, index, platform)
        data = await self._stored(reference, descriptor, store, insecure=insecure)
        manifest = parse_manifest(reference, descriptor, data)
        await self.fetch(reference, manifest.config, store, insecure=insecure)
        config = await in_thread(self._pool, partial(store.read, manifest.config.digest))
        return RemoteImage(
            reference=reference,
            resolved=resolved,
            descriptor=descriptor,
            manifest=manifest,
            config=config,
        )

    async def pull(
        self,
        reference: Reference,
        platform: Platform | None,
        store: ContentStore,
        on_transfer: OnTransfer = silent,
        *,
        insecure: bool = False,
    ) -> Descriptor:
        """Everything of one platform, or of all (None), into ``store``; what it resolved to."""
        resolved = await self.resolve(reference, insecure=insecure)
        manifests = [resolved]
        if media_types.is_index(resolved.media_type):
            index = parse_index(
                reference,
                resolved,
                await self._stored(reference, resolved, store, insecure=insecure),
            )
            manifests = list(index.manifests)
            if platform is not None:
                manifests = [select_platform(reference, index, platform)]
        blobs: dict[Digest, Descriptor] = {}
        for descriptor in manifests:
            data = await self._stored(reference, descriptor, store, insecure=insecure)
            for blob in parse_manifest(reference, descriptor, data).children:
                blobs.setdefault(blob.digest, blob)
        try:
            async with asyncio.TaskGroup() as group:
                for blob in blobs.values():
                    group.create_task(
                        self.fetch(reference, blob, store, on_transfer, insecure=insecure)
                    )
        except BaseExceptionGroup as errors:
            raise single(errors) from errors
        return resolved

    async def push(
        self,
        reference: Reference,
        root: Descriptor,
        store: ContentStore,
        on_transfer: OnTransfer = silent,
        *,
        tags: Iterable[str] = (),
        by_digest: bool = False,
        insecure: bool = False,
        origins: Mapping[Digest, Reference] | None = None,
    ) -> None:
        """Send ``root`` and all below it, then name it with the reference's tag and ``tags``.

        ``origins`` tells where blobs are that the store may lack; they are mounted where the
        registry can, and fetched only when it has to be.
        On failure or cancellation the tag is where it was.
        """
        names = tuple(dict.fromkeys([reference.tagged().tag or "", *tags]))
        (transport,) = self._for(reference, push=True, insecure=insecure)
        known = dict(origins or {})

        async def provide(descriptor: Descriptor) -> None:
            if (origin := known.get(descriptor.digest)) is not None:
                await self.fetch(origin, descriptor, store, on_transfer)

        pusher = Pusher(
            transport,
            reference,
            store,
            self._sources,
            self._pool,
            self._retry,
            on_transfer,
            slots=self._push_slots,
            origins=known,
            provide=provide,
        )
        await pusher.push(root, tags=() if by_digest else tuple(filter(None, names)))

    async def _stored(
        self,
        reference: Reference,
        descriptor: Descriptor,
        store: ContentStore,
        *,
        insecure: bool,
    ) -> bytes:
        """A manifest from the store, or from the registry into it."""
        if store.has(descriptor.digest, descriptor.size):
            return await in_thread(self._pool, partial(store.read, descriptor.digest))
        data = await self.manifest(reference, descriptor.digest, insecure=insecure)
        await in_thread(self._pool, partial(store.put, data))
        return data

    def _for(self, reference: Reference, *, push: bool, insecure: bool) -> list[Transport]:
        found = []
        for endpoint in self._hosts.endpoints(reference, push=push, insecure=insecure):
            if endpoint not in self._transports:
                self._transports[endpoint] = Transport(
                    endpoint, self._http(endpoint), self._credentials, self._retry
                )
            found.append(self._transports[endpoint])
        return found

    def _http(self, endpoint: Endpoint) -> aiohttp.ClientSession:
        # A proxy of the environment is not for this machine's own registries.
        proxied = not is_local(endpoint.host)
        if proxied not in self._sessions:
            self._sessions[proxied] = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS
                ),
                # Digests are of what is stored, not of what a server packs for the way.
                headers={"User-Agent": self._agent, "Accept-Encoding": "identity"},
                connector=aiohttp.TCPConnector(limit_per_host=16),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=proxied,
                read_bufsize=_READ_BUFFER,
                auto_decompress=False,
            )
        return self._sessions[proxied]

    async def _ask(
        self,
        reference: Reference,
        call: Callable[[Transport], Awaitable[T]],
        *,
        insecure: bool,
    ) -> T:
        """The answer of the first server that has one; the last server's refusal otherwise."""
        transports = self._for(reference, push=False, insecure=insecure)
        for transport in transports[:-1]:
            try:
                return await call(transport)
            except (RegistryError, ImageFormatError):
                continue
        return await call(transports[-1])


def _call(transport: Transport, reference: Reference) -> Call:
    return Call(action="pull", host=transport.endpoint.host, reference=reference)


def _pull_scopes(transport: Transport, reference: Reference) -> frozenset[str]:
    return frozenset({repository_scope(transport.endpoint.repository(reference), "pull")})
