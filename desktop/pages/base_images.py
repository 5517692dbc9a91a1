"""Base images for the sample, made here when no registry can be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from core.cli.base_images import build_base, make_base
from desktop.settings.paths import cache_folder
from desktop.tasks import Tasks

if TYPE_CHECKING:
    from core.client.builder import Builder


async def make_base_images(
    builder: Builder, tasks: Tasks, on_progress: Callable[[str], object]
) -> str:
    """Busybox for every platform that Debian has it for; the index's digest.

    Raises MachineError where no package can be had.
    """
    loop = asyncio.get_running_loop()

    def tell(text: str) -> None:
        loop.call_soon_threadsafe(on_progress, text)

    base = await tasks.in_thread(
        lambda: make_base(cache_folder() / "base-images", on_progress=tell)
    )
    return await build_base(builder, base)
