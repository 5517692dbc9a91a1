"""QEMU out of an image of a registry, by the engine's own puller; nothing of it is run unasked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

from core.content.store import ContentStore
from core.daemon.context import SessionCredentials
from core.daemon.sessions import Sessions
from core.emulation.architectures import Architecture
from core.emulation.images import QemuImage, accept, find_in_layers
from core.errors import NotFoundError
from core.oci.platform import Platform
from core.oci.reference import parse_reference
from core.registry.client import RegistryClient
from core.registry.credentials import CredentialSource


class EmulatorSource:
    """``directory`` is where programs go; ``registry`` makes a client that signs in."""

    def __init__(
        self,
        *,
        directory: Path,
        content: ContentStore,
        sessions: Sessions,
        registry: Callable[[CredentialSource], RegistryClient],
    ) -> None:
        self._directory = directory
        self._content = content
        self._sessions = sessions
        self._registry = registry

    async def fetch(
        self,
        image: QemuImage,
        architecture: Architecture,
        native: tuple[Platform, ...],
        session: str = "",
    ) -> Path:
        """The program, tried out. Raises RegistryError, NotFoundError, EmulationError."""
        reference = parse_reference(image.reference)
        found = await self._sessions.get(session) if session else None
        async with self._registry(SessionCredentials(found)) as client:
            remote = await client.image(reference, native[0], self._content)
            with self._content.lease(*(layer.digest for layer in remote.manifest.layers)):
                for layer in remote.manifest.layers:
                    await client.fetch(reference, layer, self._content)
                layers = [partial(self._content.open, one.digest) for one in remote.manifest.layers]
                target = self._directory / f"qemu-{architecture.qemu}-static"
                # Its own name until it was tried: the present one stays if this one is no good.
                fresh = target.with_suffix(".fetched")
                path = image.program.format(architecture.qemu)
                there = await asyncio.to_thread(find_in_layers, path, layers, fresh)
        if not there:
            raise NotFoundError(
                f"the image {reference.familiar()} has no /{path}",
                hint="Not every image has every emulator; name another with --image.",
            )
        await asyncio.to_thread(accept, fresh, architecture, native, reference.familiar())
        fresh.replace(target)
        return target
