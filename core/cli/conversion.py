"""A Dockerfile's graph made in this process, with images looked up or not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from core.client.builder import Builder
from core.errors import Error, NotFoundError
from core.frontend.conversion import Conversion
from core.frontend.convert import convert
from core.frontend.inputs import (
    BuildInputs,
    ImageMissing,
    ImageRequest,
    NeedImages,
    ResolvedImage,
)
from core.frontend.options import FrontendOptions
from core.oci.digest import Digest
from core.oci.platform import parse_platform, sort_by_preference
from core.oci.reference import parse_reference
from core.wire.pb import engine_pb2
from core.wire.services import Engine

Found = dict[ImageRequest, ResolvedImage | ImageMissing]


def convert_here(text: bytes, attrs: Mapping[str, str], context: Path) -> Conversion:
    """The conversion with plain images of the wanted platform; asks nobody.

    Raises what the Dockerfile is wrong with.
    """
    step = _stepper(text, attrs, context)
    images: Found = {}
    while True:
        answer = step(images)
        if not isinstance(answer, NeedImages):
            return answer
        images |= {request: plain_image(request) for request in answer.images}


async def convert_resolved(text: bytes, attrs: Mapping[str, str], context: Path) -> Conversion:
    """The conversion with the images that the embedded builder finds."""
    from core.client.builder import connect

    step = _stepper(text, attrs, context)
    images: Found = {}
    while True:
        answer = step(images)
        if not isinstance(answer, NeedImages):
            return answer
        if answer.images:
            async with await connect() as builder, builder.session() as session:
                for request in answer.images:
                    images[request] = await _find(builder, session, request)


def _stepper(
    text: bytes, attrs: Mapping[str, str], context: Path
) -> Callable[[Found], Conversion | NeedImages]:
    """A round of the conversion; remembers that what else was asked for is not known."""
    options = FrontendOptions.from_attrs(attrs)
    try:
        ignore = (context / ".dockerignore").read_bytes()
    except OSError:
        ignore = b""
    inputs = BuildInputs(ignore_file=ignore)

    def step(images: Found) -> Conversion | NeedImages:
        nonlocal inputs
        answer = convert(text, options, images, inputs=inputs)
        if isinstance(answer, NeedImages):
            ignores = dict.fromkeys(answer.context_ignores, b"")
            times = dict.fromkeys(answer.source_times, None)
            inputs = replace(
                inputs,
                context_ignores={**inputs.context_ignores, **ignores},
                source_times={**inputs.source_times, **times},
            )
        return answer

    return step


def plain_image(request: ImageRequest) -> ResolvedImage:
    """An image of that name whose config says nothing but its platform and the usual PATH."""
    platform = request.platform
    config = {
        "os": platform.os,
        "architecture": platform.architecture,
        "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
        # An image without layers would be left out of the graph like scratch.
        "rootfs": {"type": "layers", "diff_ids": [Digest.of(request.reference.encode())]},
    }
    if platform.variant:
        config["variant"] = platform.variant
    return ResolvedImage(reference=request.reference, config=json.dumps(config).encode())


async def _find(
    builder: Builder, session: str, request: ImageRequest
) -> ResolvedImage | ImageMissing:
    try:
        reply = await builder.call(
            Engine.INSPECT_IMAGE,
            engine_pb2.InspectImageRequest(
                reference=request.reference, session=session, details=True
            ),
        )
    except Error as error:
        return ImageMissing(error=error)
    offered = {parse_platform(p.platform): p for p in reply.image.platforms if p.platform}
    for candidate in sort_by_preference(request.platform, tuple(offered)):
        reference = parse_reference(request.reference).tagged()
        pinned = reference.with_digest(Digest.parse(reply.image.digest))
        return ResolvedImage(reference=str(pinned), config=offered[candidate].config)
    missing = NotFoundError(f"{request.reference} has no image for {request.platform}")
    return ImageMissing(error=missing)
