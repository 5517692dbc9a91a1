"""``viaduct platforms REF``: what an image offers, in the local store or at its registry."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence

from core.cli.tables import print_table, size


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="viaduct platforms", description=__doc__)
    parser.add_argument("reference", metavar="REF")
    parser.add_argument("--remote", action="store_true", help="ask the registry in any case")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--raw", action="store_true", help="the index as the registry has it")
    return asyncio.run(_platforms(parser.parse_args(arguments)))


async def _platforms(options: argparse.Namespace) -> int:
    from core.client import connect
    from core.wire.pb import engine_pb2
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
        print(reply.raw.decode(errors="replace"))
        return 0
    if options.json:
        document = {
            "name": image.name,
            "digest": image.digest,
            "mediaType": image.media_type,
            "local": reply.local,
            "platforms": [
                {"platform": p.platform, "digest": p.digest, "size": p.size}
                for p in image.platforms
            ],
        }
        print(json.dumps(document, indent=2))
        return 0
    print(f"{image.name}@{image.digest}{' (local store)' if reply.local else ''}\n")
    print_table(
        ("PLATFORM", "DIGEST", "SIZE"),
        [
            (p.platform or "unknown", p.digest, size(p.size) if p.size else "")
            for p in image.platforms
        ],
    )
    return 0
