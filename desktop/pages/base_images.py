"""Base images for the sample, made here when no registry can be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from core.cli.base_images import NAME, build_base, make_base
from core.errors import Error
from core.wire.pb import engine_pb2
from core.wire.services import Engine as EngineCalls
from desktop.settings.paths import cache_folder, data_folder
from desktop.tasks import Tasks

if TYPE_CHECKING:
    from core.client.builder import Builder

_REGISTRY_SECONDS = 6.0


def is_sample(dockerfile: Path) -> bool:
    """Whether it is the sample project's, which must build on a machine without a network."""
    return dockerfile.parent == data_folder() / "sample"


async def lacks_base_images(builder: Builder) -> bool:
    """Whether busybox is neither in the builder's store nor to be had from a registry soon."""
    stored = await builder.call(
        EngineCalls.LIST_IMAGES, engine_pb2.ListImagesRequest(), timeout=_REGISTRY_SECONDS
    )
    if any(image.name == NAME for image in stored.images):
        return False
    try:
        async with asyncio.timeout(_REGISTRY_SECONDS):
            await builder.call(
                EngineCalls.INSPECT_IMAGE,
                engine_pb2.InspectImageRequest(reference=NAME, remote=True),
                timeout=_REGISTRY_SECONDS,
            )
    except (Error, TimeoutError):
        return True
    return False


async def make_base_images(
    builder: Builder, tasks: Tasks, on_progress: Callable[[str], object]
) -> str:
    """Busybox for every platform that Debian has it for; the index's digest.

    Raises MachineError where no package can be had.
    """
    loop = asyncio.get_running_loop()

    def tell(text: str) -> None:
        loop.call_soon_threadsafe(on_progress, f"{text[:1].upper()}{text[1:]}…")

    base = await tasks.in_thread(
        lambda: make_base(cache_folder() / "base-images", on_progress=tell)
    )
    return await build_base(builder, base)
