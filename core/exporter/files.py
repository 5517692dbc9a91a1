"""The ``local`` and ``tar`` exporters: the result's files, without an image around them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

from core.exporter.exported import Exported
from core.exporter.options import FilesOptions
from core.exporter.outputs import FileOutput, Sink, Tree, TreeOutput
from core.exporter.reporting import one_off
from core.exporter.source import ExportSource, Reporter, Views
from core.exporter.tree_tar import END, tree_tar

_PIECE = 1 << 20


async def _trees(
    source: ExportSource, options: FilesOptions, views: Views, stack: AsyncExitStack
) -> list[Tree]:
    split = options.split(multi_platform=source.multi_platform)
    return [
        Tree(
            prefix=image.key.replace("/", "_") if split else "",
            root=await stack.enter_async_context(views.view(image)),
        )
        for image in source.images
    ]


def _epoch(source: ExportSource, options: FilesOptions) -> int | None:
    return source.epoch if options.epoch is None else options.epoch


class LocalExporter:
    """Files into a folder; one for each platform when there are several."""

    name = "exporting to client directory"

    def __init__(self, options: FilesOptions, *, views: Views, output: TreeOutput) -> None:
        self._options = options
        self._views = views
        self._output = output

    async def export(self, source: ExportSource, reporter: Reporter) -> Exported:
        for name in self._options.unknown:
            reporter.warn(f"the export option {name} is not known and has no effect")
        async with AsyncExitStack() as stack:
            trees = await _trees(source, self._options, self._views, stack)
            with one_off(reporter, "copying files"):
                await self._output.write(
                    trees, delete=self._options.delete, epoch=_epoch(source, self._options)
                )
        return Exported()


class TarExporter:
    """Files as one tar."""

    name = "exporting to client tarball"

    def __init__(self, options: FilesOptions, *, views: Views, output: FileOutput) -> None:
        self._options = options
        self._views = views
        self._output = output

    async def export(self, source: ExportSource, reporter: Reporter) -> Exported:
        for name in self._options.unknown:
            reporter.warn(f"the export option {name} is not known and has no effect")
        epoch = _epoch(source, self._options)
        async with AsyncExitStack() as stack:
            trees = await _trees(source, self._options, self._views, stack)
            with one_off(reporter, "sending tarball"):
                sink = await stack.enter_async_context(self._output.open({}))
                for tree in trees:
                    await send(sink, tree_tar(tree.root, tree.prefix, epoch=epoch))
                await sink.write(END)
        return Exported()


async def send(sink: Sink, pieces: Iterator[bytes]) -> None:
    """Write pieces that are made in a thread, gathered to about a MiB."""

    def gather() -> bytes:
        gathered = bytearray()
        for piece in pieces:
            gathered += piece
            if len(gathered) >= _PIECE:
                break
        return bytes(gathered)

    while data := await asyncio.to_thread(gather):
        await sink.write(data)
