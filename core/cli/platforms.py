"""``viaduct platforms REF``: what an image offers, in the local store or at its registry."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from core.cli.arguments import OutputFormat, add_format, command_parser, print_json
from core.cli.tables import print_table, size
from core.wire.pb import engine_pb2

_DESCRIPTION = (
    "List every platform of an image with its digest and its size (manifest, config and compressed "
    "layers). An image that the local store has is read there, any other at its registry; "
    "credentials come from the key ring or Docker's configuration."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One manifest of an index. ``kind`` is "image" or what accompanies one.

    ``of`` is the platform that an attestation speaks about; ``size`` in bytes, 0 for unknown.
    """

    platform: str
    digest: str
    media_type: str
    size: int
    kind: str = "image"
    of: str = ""


def main(arguments: Sequence[str]) -> int:
    parser = command_parser("platforms", _DESCRIPTION)
    parser.add_argument("reference", metavar="REF", help="NAME, NAME:TAG or NAME@DIGEST")
    parser.add_argument("--remote", action="store_true", help="ask the registry in any case")
    parser.add_argument("--raw", action="store_true", help="the index byte for byte")
    add_format(parser)
    return asyncio.run(_platforms(parser.parse_args(arguments)))


async def _platforms(options: argparse.Namespace) -> int:
    import sys

    from core.client import connect
    from core.wire.services import Engine

    async with await connect() as builder, builder.session() as session:
        reply = await builder.call(
            Engine.INSPECT_IMAGE,
            engine_pb2.InspectImageRequest(
                reference=options.reference,
                session=session,
                remote=options.remote,
                details=not options.raw,
            ),
        )
    image = reply.image
    if options.raw:
        sys.stdout.buffer.write(reply.raw)
        return 0
    entries = tuple(entries_of(image, reply.raw))
    if options.format is OutputFormat.JSON:
        document = {
            "name": image.name,
            "digest": image.digest,
            "mediaType": image.media_type,
            "local": reply.local,
            "platforms": [_json(entry) for entry in entries],
        }
        print_json(document)
        return 0
    print(f"{image.name}@{image.digest}{' (local store)' if reply.local else ''}\n")
    rows = [
        (_shown(entry), entry.digest, size(entry.size) if entry.size else "") for entry in entries
    ]
    print_table(("PLATFORM", "DIGEST", "SIZE"), rows)
    return 0


def entries_of(image: engine_pb2.Image, raw: bytes) -> Iterator[Entry]:
    """Every manifest of ``image``, in the index's order; ``raw`` is its index or manifest."""
    from core.oci import media_types
    from core.oci.index import Index

    known = {p.digest: p for p in image.platforms}
    if not media_types.is_index(image.media_type):
        yield from (_entry(p) for p in known.values())
        return
    index = Index.parse(raw, image.media_type)
    platforms = {str(m.digest): str(m.platform or "") for m in index.manifests}
    for manifest in index.manifests:
        digest = str(manifest.digest)
        if digest in known:
            yield _entry(known[digest])
        elif manifest.is_attestation:
            annotations = dict(manifest.annotations)
            yield Entry(
                platform="",
                digest=digest,
                media_type=manifest.media_type,
                size=manifest.size,
                kind=annotations.get("vnd.docker.reference.type", "attestation-manifest"),
                of=platforms.get(annotations.get("vnd.docker.reference.digest", ""), ""),
            )


def _entry(platform: engine_pb2.ImagePlatform) -> Entry:
    return Entry(
        platform=platform.platform,
        digest=platform.digest,
        media_type=platform.media_type,
        size=platform.size,
    )


def _json(entry: Entry) -> dict[str, object]:
    document = asdict(entry)
    document["mediaType"] = document.pop("media_type")
    if not entry.of:
        del document["of"]
    return document


def _shown(entry: Entry) -> str:
    if entry.kind == "image":
        return entry.platform or "unknown"
    words = entry.kind.removesuffix("-manifest").replace("-", " ")
    return f"({words} of {entry.of})" if entry.of else f"({words})"
