"""A Dockerfile's graph made in this process, images looked up by the builder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from core.client.builder import Builder, connect
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


async def convert_here(text: bytes, attrs: Mapping[str, str], context: Path) -> Conversion:
    """The conversion. Raises what the Dockerfile is wrong with."""
    options = FrontendOptions.from_attrs(attrs)
    try:
        ignore = (context / ".dockerignore").read_bytes()
    except OSError:
        ignore = b""
    inputs = BuildInputs(ignore_file=ignore)
    images: dict[ImageRequest, ResolvedImage | ImageMissing] = {}
    while True:
        answer = convert(text, options, images, inputs=inputs)
        if not isinstance(answer, NeedImages):
            return answer
        if answer.images:
            async with await connect() as builder, builder.session() as session:
                for request in answer.images:
                    images[request] = await _find(builder, session, request)
        inputs = replace(
            inputs,
            context_ignores={
                **inputs.context_ignores,
                **dict.fromkeys(answer.context_ignores, b""),
            },
            source_times={**inputs.source_times, **dict.fromkeys(answer.source_times, None)},
        )


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
