"""Images out of and into archives, streamed to and from clients."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from core.content.images import ImageStore
from core.content.loading import load
from core.content.store import ContentStore
from core.daemon.image_service import ImageService
from core.errors import Error, OptionError
from core.exporter.options import ArchiveKind
from core.exporter.outputs import Sink
from core.exporter.saving import save
from core.oci.platform import host_platform, parse_platform
from core.oci.reference import parse_reference
from core.wire.pb import engine_pb2
from core.wire.rpc import Incoming, Routes, join, route
from core.wire.services import Engine as Methods

_PIECE = 1 << 20


class ArchiveService:
    def __init__(
        self, *, content: ContentStore, images: ImageStore, service: ImageService, scratch: Path
    ) -> None:
        self._content = content
        self._images = images
        self._service = service
        self._scratch = scratch

    def routes(self) -> Routes:
        return join(route(Methods.SAVE_IMAGE, self._save), route(Methods.LOAD_IMAGE, self._load))

    async def _save(self, call: Incoming[engine_pb2.SaveImageRequest, engine_pb2.Chunk]) -> None:
        request = await call.request()
        try:
            kind = ArchiveKind(request.format or "oci")
        except ValueError as error:
            raise OptionError(
                f"there is no archive format {request.format!r}", hint="Use oci or docker."
            ) from error
        images = []
        for name in request.references:
            reference = parse_reference(name).tagged()
            images.append((str(reference), self._service.need(reference)))
        platform = parse_platform(request.platforms[0]) if request.platforms else host_platform()
        await save(self._content, images, _CallOutput(call), kind=kind, platform=platform)

    async def _load(self, call: Incoming[engine_pb2.Chunk, engine_pb2.LoadImageResponse]) -> None:
        with tempfile.NamedTemporaryFile(dir=self._scratch, suffix=".tar") as file:
            async for chunk in call:
                await asyncio.to_thread(file.write, chunk.data)
            file.flush()
            try:
                loaded = await asyncio.to_thread(load, Path(file.name), self._content, self._images)
            except Error as error:
                # Where the engine kept the archive meanwhile tells its sender nothing.
                error.message = error.message.replace(file.name, "the archive")
                raise
        await call.send(engine_pb2.LoadImageResponse(names=[image.name for image in loaded]))


class _CallOutput:
    """``core.exporter.outputs.FileOutput`` that is the call's answer."""

    def __init__(self, call: Incoming[engine_pb2.SaveImageRequest, engine_pb2.Chunk]) -> None:
        self._call = call

    @asynccontextmanager
    async def open(self, metadata: Mapping[str, str]) -> AsyncIterator[Sink]:
        yield _CallSink(self._call)


class _CallSink:
    def __init__(self, call: Incoming[engine_pb2.SaveImageRequest, engine_pb2.Chunk]) -> None:
        self._call = call

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        for start in range(0, len(view), _PIECE):
            await self._call.send(engine_pb2.Chunk(data=bytes(view[start : start + _PIECE])))
