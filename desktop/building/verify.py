"""After a push: what the registry really serves, platform by platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.client.session import SessionServices
from core.oci.platform import parse_platform
from core.oci.reference import parse_reference
from core.wire.pb import engine_pb2
from core.wire.services import Engine as EngineCalls
from desktop.building.request import BuildRequest

if TYPE_CHECKING:
    from core.client.builder import Builder


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedImage:
    """The index as it was read back. ``platforms`` are (platform, digest) in its order."""

    reference: str
    digest: str
    platforms: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]


async def read_back(
    builder: Builder, request: BuildRequest, services: SessionServices
) -> tuple[PushedImage, ...]:
    """Ask the registry for every tag of a push. Raises RegistryError and BuilderError."""
    found: list[PushedImage] = []
    async with builder.session(services) as session:
        for tag in request.tags:
            reference = parse_reference(tag).tagged()
            answer = await builder.call(
                EngineCalls.INSPECT_IMAGE,
                engine_pb2.InspectImageRequest(
                    reference=str(reference), session=session, remote=True, details=True
                ),
                timeout=60,
            )
            found.append(pushed_image(str(reference.familiar()), answer.image, request))
    return tuple(found)


def pushed_image(reference: str, image: engine_pb2.Image, request: BuildRequest) -> PushedImage:
    """Compare what is served with what was asked for."""
    served = tuple((p.platform, p.digest) for p in image.platforms)
    known = {str(parse_platform(p)) for p, _ in served if "/" in p and "unknown" not in p}
    wanted = {p: str(parse_platform(p)) for p in request.platforms}
    return PushedImage(
        reference=reference,
        digest=image.digest,
        platforms=served,
        missing=tuple(p for p, normal in wanted.items() if normal not in known),
    )
