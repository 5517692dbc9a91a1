"""Blobs from a registry into the store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Final

import aiohttp

from core.content.store import ContentStore
from core.content.writer import ContentWriter, DigestMismatchError
from core.errors import RegistryError
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.reference import Reference
from core.registry.refusals import Call, unreachable
from core.registry.retry import RetryPolicy
from core.registry.threads import in_thread
from core.registry.tokens import repository_scope
from core.registry.transfers import OnTransfer, Transfer, TransferState
from core.registry.transport import Transport

_PIECE: Final = 1 << 20


class BlobPuller:
    """Fetches blobs; each one once at a time, however many ask for it."""

    def __init__(self, pool: Executor, retry: RetryPolicy, *, parallel: int) -> None:
        self._pool = pool
        self._retry = retry
        self._slots = asyncio.Semaphore(parallel)
        self._locks: dict[Digest, asyncio.Lock] = {}

    async def fetch(
        self,
        transports: Sequence[Transport],
        reference: Reference,
        descriptor: Descriptor,
        store: ContentStore,
        on_transfer: OnTransfer,
    ) -> None:
        """Have the blob in ``store``, verified, from the first transport that gives it."""
        digest, size = descriptor.digest, descriptor.size
        lock = self._locks.setdefault(digest, asyncio.Lock())
        async with lock:
            if store.has(digest, size):
                store.touch(digest)
                on_transfer(_at(descriptor, TransferState.EXISTS, size))
                return
            on_transfer(_at(descriptor, TransferState.WAITING, 0))
            async with self._slots:
                await self._fetch(transports, reference, descriptor, store, on_transfer)
        on_transfer(_at(descriptor, TransferState.DONE, size))

    async def _fetch(
        self,
        transports: Sequence[Transport],
        reference: Reference,
        descriptor: Descriptor,
        store: ContentStore,
        on_transfer: OnTransfer,
    ) -> None:
        # Whoever serves the blob, its bytes are the same: parts go by digest.
        ref = f"pull {descriptor.digest}"
        opened = partial(store.writer, ref, expected=descriptor.digest, total=descriptor.size)
        pending = list(transports)
        while pending:
            transport = pending.pop(0)
            writer = await in_thread(self._pool, opened, ContentWriter.close)
            resumed = writer.offset > 0
            try:
                with writer:
                    await self._from(transport, reference, descriptor, writer, on_transfer)
                    await in_thread(self._pool, writer.commit)
                return
            except RegistryError:
                if not pending:
                    raise
            except DigestMismatchError as error:
                if resumed:
                    # The part that was kept may have been the wrong one: once more, from nothing.
                    pending.insert(0, transport)
                elif not pending:
                    raise RegistryError(
                        f"{transport.endpoint.host} sent wrong bytes for {reference.familiar()}: "
                        f"{error.message}",
                        hint=error.hint,
                        temporary=True,
                        phrase="unexpected commit digest",
                    ) from error

    async def _from(
        self,
        transport: Transport,
        reference: Reference,
        descriptor: Descriptor,
        writer: ContentWriter,
        on_transfer: OnTransfer,
    ) -> None:
        attempt = 0
        while writer.offset < descriptor.size or (attempt == 0 and descriptor.size == 0):
            attempt += 1
            before = writer.offset
            try:
                await self._stream(transport, reference, descriptor, writer, on_transfer)
                if writer.offset < descriptor.size:
                    raise aiohttp.ClientPayloadError("the connection ended too early")
            except (aiohttp.ClientError, OSError) as error:
                if writer.offset > before:
                    attempt = 1
                wait = self._retry.delay(attempt)
                if wait is None:
                    raise unreachable(transport.endpoint.host, error) from error
                await self._retry.sleep(wait)

    async def _stream(
        self,
        transport: Transport,
        reference: Reference,
        descriptor: Descriptor,
        writer: ContentWriter,
        on_transfer: OnTransfer,
    ) -> None:
        """One request from where the writer is; returns with what the connection gave."""
        call = Call(
            action="pull",
            host=transport.endpoint.host,
            reference=reference,
            subject=f"the blob {descriptor.digest}",
        )
        headers = {"Range": f"bytes={writer.offset}-"} if writer.offset else {}
        repository = transport.endpoint.repository(reference)
        async with transport.request(
            "GET",
            f"{repository}/blobs/{descriptor.digest}",
            call=call,
            scopes=frozenset({repository_scope(repository, "pull")}),
            expected=(200, 206, 416),
            headers=headers,
        ) as response:
            if response.status == 416:
                await in_thread(self._pool, writer.restart)
                raise aiohttp.ClientPayloadError("the registry does not go on from here")
            if writer.offset and not _continues(response, writer.offset):
                await in_thread(self._pool, writer.restart)
            pending = bytearray()
            try:
                async for data in response.content.iter_any():
                    pending += data
                    if writer.offset + len(pending) > descriptor.size:
                        raise DigestMismatchError(
                            f"{transport.endpoint.host} sent more than the {descriptor.size} "
                            f"bytes of the blob {descriptor.digest}"
                        )
                    if len(pending) >= _PIECE:
                        piece, pending = pending, bytearray()
                        await in_thread(self._pool, partial(writer.write, piece))
                        on_transfer(_at(descriptor, TransferState.PULLING, writer.offset))
            finally:
                # Also of a connection that broke: the next request goes on from here.
                if pending and writer.offset + len(pending) <= descriptor.size:
                    await in_thread(self._pool, partial(writer.write, pending))
            on_transfer(_at(descriptor, TransferState.PULLING, writer.offset))


def _continues(response: aiohttp.ClientResponse, offset: int) -> bool:
    if response.status != 206:
        return False
    return response.headers.get("Content-Range", f"bytes {offset}-").startswith(f"bytes {offset}-")


def _at(descriptor: Descriptor, state: TransferState, current: int) -> Transfer:
    return Transfer(digest=descriptor.digest, state=state, current=current, total=descriptor.size)
