"""The ``image`` exporter: into the local store, and to registries."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from core.content.images import ImageStore
from core.content.store import ContentStore
from core.errors import OptionError
from core.exporter.exported import Exported, references, response
from core.exporter.image_writer import Committed, ImageWriter
from core.exporter.options import ImageOptions
from core.exporter.reporting import one_off, transfers
from core.exporter.source import ExportSource, Reporter
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.reference import Reference, parse_reference
from core.registry.transfers import OnTransfer, silent


class Registries(Protocol):
    """Sends images: ``core.registry.client.RegistryClient``."""

    async def push(
        self,
        reference: Reference,
        root: Descriptor,
        store: ContentStore,
        on_transfer: OnTransfer = silent,
        *,
        tags: Sequence[str] = (),
        by_digest: bool = False,
        insecure: bool = False,
        origins: Mapping[Digest, Reference] | None = None,
    ) -> None: ...


class ImageExporter:
    """Writes an image, names it in the local store and pushes it."""

    name = "exporting to image"

    def __init__(
        self,
        options: ImageOptions,
        *,
        writer: ImageWriter,
        store: ContentStore,
        images: ImageStore,
        registries: Registries,
    ) -> None:
        self._options = options
        self._writer = writer
        self._store = store
        self._images = images
        self._registries = registries

    async def export(self, source: ExportSource, reporter: Reporter) -> Exported:
        """Write and name; pushing is left to ``Exported.finish``."""
        options = self._options
        suggested = options.commit.metadata.get("image.name") or source.metadata.get(
            "image.name", ""
        )
        names = references(options.commit.names, suggested)
        if options.push and not names:
            raise OptionError(
                "an image without a name cannot be pushed",
                hint="Give it a name such as registry.example/team/app:1.",
                phrase="tag is needed when pushing to registry",
            )
        committed = await self._writer.commit(source, options.commit, reporter)
        local = self._local_names(names, committed.descriptor.digest)
        if options.store and local:
            await self._writer.complete(committed, reporter)
            await asyncio.to_thread(self._store.flush, committed.digests)
            for name in local:
                with one_off(reporter, f"naming to {name}"):
                    await asyncio.to_thread(self._images.put, name, committed.descriptor)

        async def finish() -> None:
            await self._push(committed, names, reporter)

        answered = [*map(str, names), *(name for name in local if "@" in name)]
        return Exported(
            response=response(committed, list(dict.fromkeys(answered)), created=False),
            descriptor=committed.descriptor,
            finish=finish if options.push else None,
        )

    def _local_names(self, names: Sequence[Reference], digest: Digest) -> tuple[str, ...]:
        options = self._options
        found = [str(name) for name in names]
        canonical = options.name_canonical
        if options.dangling_prefix and not (options.dangling_empty_only and names):
            found.append(f"{options.dangling_prefix}@{digest}")
            canonical = canonical and bool(names)
        if canonical:
            found += [
                str(parse_reference(name.name).with_digest(digest))
                for name in names
                if name.digest is None
            ]
        return tuple(dict.fromkeys(found))

    async def _push(
        self, committed: Committed, names: Sequence[Reference], reporter: Reporter
    ) -> None:
        origins = {digest: blob.reference for digest, blob in committed.remote.items()}
        repositories: dict[str, list[Reference]] = {}
        for name in names:
            repositories.setdefault(name.name, []).append(name)
        for tagged in repositories.values():
            with one_off(reporter, f"pushing {', '.join(str(name) for name in tagged)}"):
                await self._registries.push(
                    tagged[0],
                    committed.descriptor,
                    self._store,
                    transfers(reporter),
                    tags=[name.tag for name in tagged if name.tag],
                    by_digest=self._options.push_by_digest,
                    insecure=self._options.insecure,
                    origins=origins,
                )
