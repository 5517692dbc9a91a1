"""What the window asks a builder that it has just reached: images, builds that still run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import Error
from core.oci.reference import parse_reference
from core.wire.pb import engine_pb2
from core.wire.services import Engine as EngineCalls
from desktop.models.history import BuildSummary, summary

if TYPE_CHECKING:
    from core.client.builder import Builder


async def image_names(builder: Builder) -> tuple[str, ...]:
    """Names of the local store as people write them; () where a builder has none."""
    if not builder.embedded:
        return ()
    answer = await builder.call(EngineCalls.LIST_IMAGES, engine_pb2.ListImagesRequest(), timeout=20)
    names: list[str] = []
    for image in answer.images:
        try:
            names.append(parse_reference(image.name).familiar())
        except Error:
            continue
    return tuple(names)


async def running_builds(builder: Builder) -> tuple[BuildSummary, ...]:
    """Builds that somebody started and left, oldest first."""
    if not builder.embedded:
        return ()
    found = [summary(event.record) async for event in builder.history(active_only=True)]
    return tuple(sorted(found, key=lambda build: build.created))
