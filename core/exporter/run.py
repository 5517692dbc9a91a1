"""The exporters of a build: made from their requests, run side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.content.images import ImageStore
from core.content.store import ContentStore
from core.errors import OptionError
from core.errors.groups import single
from core.exporter.archive import ArchiveExporter
from core.exporter.exported import Exported
from core.exporter.files import LocalExporter, TarExporter
from core.exporter.image import ImageExporter, Registries
from core.exporter.image_writer import ImageWriter
from core.exporter.layers import LayerBlobs
from core.exporter.options import ArchiveKind, ArchiveOptions, FilesOptions, ImageOptions
from core.exporter.outputs import FileOutput, LayoutOutput, TreeOutput
from core.exporter.source import ExportSource, Fetcher, Reporter, Views


class Exporter(Protocol):
    """One way out. ``name`` is what its vertex is called."""

    name: str

    async def export(self, source: ExportSource, reporter: Reporter) -> Exported: ...


class Client(Registries, Fetcher, Protocol):
    """What exporters need of ``core.registry.client.RegistryClient``."""


class Outputs(Protocol):
    """Where the files of one exporter go: to the client of the build, or to a path."""

    def file(self) -> FileOutput: ...

    def tree(self) -> TreeOutput: ...

    def layout(self) -> LayoutOutput: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterFactory:
    """Makes exporters out of BuildKit's exporter names and attributes."""

    store: ContentStore
    images: ImageStore
    blobs: LayerBlobs
    client: Client
    views: Views

    def create(self, kind: str, attrs: Mapping[str, str], outputs: Outputs) -> Exporter:
        """OptionError for an exporter or option that is not known, before anything is built."""
        writer = ImageWriter(self.store, self.blobs, self.client, self.views)
        match kind:
            case "image":
                return ImageExporter(
                    ImageOptions.parse(attrs),
                    writer=writer,
                    store=self.store,
                    images=self.images,
                    registries=self.client,
                )
            case "oci" | "docker":
                options = ArchiveOptions.parse(attrs, ArchiveKind(kind))
                return ArchiveExporter(
                    options,
                    writer=writer,
                    store=self.store,
                    output=outputs.file() if options.tar else outputs.layout(),
                )
            case "local":
                return LocalExporter(
                    FilesOptions.parse(attrs), views=self.views, output=outputs.tree()
                )
            case "tar":
                return TarExporter(
                    FilesOptions.parse(attrs), views=self.views, output=outputs.file()
                )
            case _:
                raise OptionError(
                    f"there is no exporter {kind!r}",
                    hint="Choose one of image, oci, docker, local, tar.",
                    phrase=f'exporter "{kind}" could not be found',
                )


async def export_all(
    exporters: Sequence[tuple[Exporter, Reporter]], source: ExportSource
) -> list[Exported]:
    """Run all exporters; push when every one has written what it writes here.

    The first error ends the others.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(exporter.export(source, reporter))
                for exporter, reporter in exporters
            ]
        done = [task.result() for task in tasks]
        async with asyncio.TaskGroup() as group:
            for exported in done:
                if exported.finish is not None:
                    group.create_task(_finish(exported))
    except BaseExceptionGroup as errors:
        raise single(errors) from errors
    return done


async def _finish(exported: Exported) -> None:
    if exported.finish is not None:
        await exported.finish()
