"""Base images that a frontend asks for, each name shown as a vertex."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from core.daemon.build_run import BuildRun
from core.daemon.context import BuildContext
from core.errors import Error
from core.frontend.inputs import ImageMissing, ImageRequest, ResolvedImage
from core.oci.reference import parse_reference
from core.ops.images import Images, ResolveMode


class ImageLookup:
    """For one build."""

    def __init__(self, images: Images, context: BuildContext) -> None:
        self._images = images
        self._context = context

    async def find_all(
        self, requests: Iterable[ImageRequest], run: BuildRun
    ) -> dict[ImageRequest, ResolvedImage | ImageMissing]:
        """Look all up at the same time."""
        by_name: dict[str, list[ImageRequest]] = {}
        for request in requests:
            name = request.log_name or f"load metadata for {request.reference}"
            by_name.setdefault(name, []).append(request)
        found: dict[ImageRequest, ResolvedImage | ImageMissing] = {}

        async def look(name: str, wanted: list[ImageRequest]) -> None:
            title = name if name.startswith("[") else f"[internal] {name}"
            try:
                with run.step(title):
                    for request in wanted:
                        found[request] = await self.find(request)
            except Error as error:
                for request in wanted:
                    found.setdefault(request, ImageMissing(error=error))

        async with asyncio.TaskGroup() as group:
            for name, wanted in by_name.items():
                group.create_task(look(name, wanted))
        return found

    async def find(self, request: ImageRequest) -> ResolvedImage:
        """The image and its config. Raises NotFoundError, RegistryError."""
        reference = parse_reference(request.reference).tagged()
        image = await self._images.image(
            self._context, reference, request.platform, ResolveMode(request.resolve_mode)
        )
        pinned = reference.with_digest(image.resolved.digest)
        return ResolvedImage(reference=str(pinned), config=image.config)
