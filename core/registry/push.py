"""An image from the store to a registry: blobs, then manifests, then the tag."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import quote

import aiohttp

from core.content.reachable import children
from core.content.sources import BlobSources
from core.content.store import ContentStore
from core.errors import Error, NotFoundError, RegistryError
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.reference import Reference
from core.registry.refusals import Call, unreachable
from core.registry.retry import RetryPolicy
from core.registry.threads import in_thread
from core.registry.tokens import Scopes, repository_scope
from core.registry.transfers import OnTransfer, Transfer, TransferState
from core.registry.transport import Transport

_PIECE: Final = 1 << 20
_CLEANUP_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    """What a push sends: each digest once, manifests with children before parents."""

    blobs: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]


def plan(store: ContentStore, root: Descriptor) -> _Tree:
    """The order of a push. NotFoundError names a manifest that the store lacks."""
    blobs: dict[Digest, Descriptor] = {}
    manifests: dict[Digest, Descriptor] = {}

    def visit(descriptor: Descriptor) -> None:
        is_parent = media_types.is_index(descriptor.media_type) or media_types.is_manifest(
            descriptor.media_type
        )
        if not is_parent:
            if not media_types.is_nondistributable(descriptor.media_type):
                blobs.setdefault(descriptor.digest, descriptor)
            return
        if descriptor.digest not in manifests:
            for child in children(store, descriptor):
                visit(child)
            manifests[descriptor.digest] = descriptor

    visit(root)
    return _Tree(blobs=tuple(blobs.values()), manifests=tuple(manifests.values()))


class Pusher:
    """Sends one image to one repository."""

    def __init__(
        self,
        transport: Transport,
        reference: Reference,
        store: ContentStore,
        sources: BlobSources,
        pool: Executor,
        retry: RetryPolicy,
        on_transfer: OnTransfer,
        *,
        slots: asyncio.Semaphore,
        origins: Mapping[Digest, Reference],
        provide: Callable[[Descriptor], Awaitable[None]],
    ) -> None:
        self._transport = transport
        self._reference = reference
        self._store = store
        self._sources = sources
        self._pool = pool
        self._retry = retry
        self._tell = on_transfer
        self._slots = slots
        self._origins = origins
        self._provide = provide
        self._path = reference.path
        self._scopes: Scopes = frozenset({repository_scope(self._path, "pull", "push")})

    async def push(self, root: Descriptor, *, tags: tuple[str, ...]) -> None:
        """Everything below ``root``, then ``root`` under each tag (none: by its digest alone).

        A tag is moved when all it needs is there, and is read back afterwards.
        """
        tree = await in_thread(self._pool, partial(plan, self._store, root))
        try:
            async with asyncio.TaskGroup() as group:
                for blob in tree.blobs:
                    group.create_task(self._blob(blob))
        except BaseExceptionGroup as errors:
            raise _first(errors) from errors
        for manifest in tree.manifests:
            targets = tags if manifest.digest == root.digest and tags else (str(manifest.digest),)
            for target in targets:
                await self._manifest(manifest, target)
        for target in tags or (str(root.digest),):
            await self._read_back(root, target)

    # Blobs

    async def _blob(self, descriptor: Descriptor) -> None:
        self._report(descriptor, TransferState.WAITING, 0)
        async with self._slots:
            if await self._exists(descriptor):
                self._report(descriptor, TransferState.EXISTS, descriptor.size)
            elif (source := await self._mount(descriptor)) is not None:
                self._report(descriptor, TransferState.MOUNTED, descriptor.size, source)
            else:
                await self._upload(descriptor)
                self._report(descriptor, TransferState.DONE, descriptor.size)
        self._sources.note(descriptor.digest, self._reference.domain, self._path)

    async def _exists(self, descriptor: Descriptor) -> bool:
        async with self._transport.request(
            "HEAD",
            f"{self._path}/blobs/{descriptor.digest}",
            call=self._call(descriptor),
            scopes=self._scopes,
            expected=(200, 404),
        ) as response:
            return response.status == 200

    async def _mount(self, descriptor: Descriptor) -> str | None:
        """Have the registry take the blob from another repository; that repository's path."""
        for path in self._holders(descriptor.digest):
            query = f"?mount={quote(str(descriptor.digest))}&from={quote(path, safe='')}"
            try:
                async with self._transport.request(
                    "POST",
                    f"{self._path}/blobs/uploads/{query}",
                    call=self._call(descriptor, "mount"),
                    scopes=self._scopes | {repository_scope(path, "pull")},
                    expected=(201, 202),
                    headers={"Content-Length": "0"},
                ) as response:
                    if response.status == 201:
                        return path
                    location = response.headers.get("Location", "")
            except RegistryError:
                # No right to read there, or no mounting at all: uploading still works.
                continue
            await self._abandon(location)
            return None
        return None

    def _holders(self, digest: Digest) -> list[str]:
        """Other repositories of the same registry that hold the blob."""
        paths = list(self._sources.of(digest, self._reference.domain))
        origin = self._origins.get(digest)
        if origin is not None and origin.domain == self._reference.domain:
            paths.insert(0, origin.path)
        return [path for path in dict.fromkeys(paths) if path != self._path]

    async def _upload(self, descriptor: Descriptor) -> None:
        if not self._store.has(descriptor.digest, descriptor.size):
            await self._provide(descriptor)
        if not self._store.has(descriptor.digest, descriptor.size):
            raise NotFoundError(
                f"the blob {descriptor.digest} of {self._reference.familiar()} is neither in the "
                f"local store nor on {self._transport.endpoint.host}",
                hint="Build or pull the image again.",
            )
        attempt = 0
        while True:
            attempt += 1
            location = ""
            try:
                location = await self._begin(descriptor)
                await self._send(descriptor, location)
                return
            except asyncio.CancelledError:
                await self._abandon(location)
                raise
            except Error as error:
                await self._abandon(location)
                wait = self._retry.delay(attempt) if error.temporary else None
                if wait is None:
                    raise
            await self._retry.sleep(wait)

    async def _begin(self, descriptor: Descriptor) -> str:
        async with self._transport.request(
            "POST",
            f"{self._path}/blobs/uploads/",
            call=self._call(descriptor),
            scopes=self._scopes,
            expected=(202,),
            headers={"Content-Length": "0"},
        ) as response:
            location = response.headers.get("Location")
        if not location:
            raise RegistryError(
                f"{self._transport.endpoint.host} accepted an upload and did not say where to"
            )
        return location

    async def _send(self, descriptor: Descriptor, location: str) -> None:
        separator = "&" if "?" in location else "?"
        try:
            async with self._transport.request(
                "PUT",
                f"{location}{separator}digest={quote(str(descriptor.digest))}",
                call=self._call(descriptor),
                scopes=self._scopes,
                expected=(201, 204),
                headers={
                    "Content-Type": "application/octet-stream",
                    "Content-Length": str(descriptor.size),
                },
                body=self._body(descriptor),
                retry=False,
            ):
                pass
        except (aiohttp.ClientError, OSError) as error:
            raise unreachable(self._transport.endpoint.host, error) from error

    def _body(self, descriptor: Descriptor) -> Callable[[], AsyncIterator[bytes]]:
        async def pieces() -> AsyncIterator[bytes]:
            sent = 0
            with self._store.open(descriptor.digest) as file:
                while data := await in_thread(self._pool, partial(file.read, _PIECE)):
                    yield data
                    sent += len(data)
                    self._report(descriptor, TransferState.PUSHING, sent)

        return pieces

    async def _abandon(self, location: str) -> None:
        """Tell the registry that an upload will not go on; it is no loss when that fails."""
        if not location:
            return

        async def cancel() -> None:
            call = Call(
                action="push", host=self._transport.endpoint.host, reference=self._reference
            )
            async with self._transport.request(
                "DELETE",
                location,
                call=call,
                scopes=self._scopes,
                expected=range(200, 600),
                retry=False,
            ):
                pass

        try:
            async with asyncio.timeout(_CLEANUP_SECONDS):
                await asyncio.shield(asyncio.ensure_future(cancel()))
        except (Error, TimeoutError, aiohttp.ClientError, OSError):
            return

    # Manifests

    async def _manifest(self, descriptor: Descriptor, target: str) -> None:
        data = await in_thread(self._pool, partial(self._store.read, descriptor.digest))
        self._report(descriptor, TransferState.PUSHING, 0, target)
        async with self._transport.request(
            "PUT",
            f"{self._path}/manifests/{target}",
            call=Call(
                action="push",
                host=self._transport.endpoint.host,
                reference=self._reference,
            ),
            scopes=self._scopes,
            expected=(200, 201, 202),
            headers={"Content-Type": descriptor.media_type},
            body=lambda: data,
        ):
            pass
        self._report(descriptor, TransferState.DONE, descriptor.size, target)

    async def _read_back(self, root: Descriptor, target: str) -> None:
        async with self._transport.request(
            "GET",
            f"{self._path}/manifests/{target}",
            call=self._call(root, "pull"),
            scopes=self._scopes,
            expected=(200,),
            headers={"Accept": root.media_type},
        ) as response:
            found = Digest.of(await response.read())
        if found != root.digest:
            raise RegistryError(
                f"{self._transport.endpoint.host} gives {found} for {self._path}:{target}, and "
                f"{root.digest} was pushed",
                hint="Somebody else may have pushed the same tag at the same time; push again.",
                temporary=True,
            )

    def _call(self, descriptor: Descriptor, action: str = "push") -> Call:
        return Call(
            action=action,
            host=self._transport.endpoint.host,
            reference=self._reference,
            subject=f"the blob {descriptor.digest}" if action != "pull" else "",
        )

    def _report(
        self, descriptor: Descriptor, state: TransferState, current: int, detail: str = ""
    ) -> None:
        self._tell(
            Transfer(
                digest=descriptor.digest,
                state=state,
                current=current,
                total=descriptor.size,
                detail=detail,
            )
        )


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error that is not a group; what else failed, failed alongside."""
    for error in errors.exceptions:
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    return errors
