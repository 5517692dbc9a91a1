"""``viaduct push``: an image of the local store to its registry, all platforms."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

from core.cli.arguments import OutputFormat, add_format, command_parser, print_json
from core.cli.tables import size

_DESCRIPTION = (
    "Push an image of the local store, every platform of it, and read the index back. Blobs that "
    "the registry has are not sent again. Standard output is the digest, and each platform's."
)


def main(arguments: Sequence[str]) -> int:
    parser = command_parser("push", _DESCRIPTION)
    parser.add_argument("image", metavar="IMAGE", help="as `viaduct images` lists it")
    parser.add_argument(
        "target", nargs="?", default="", metavar="TARGET", help="push it under this name instead"
    )
    parser.add_argument("--insecure", action="store_true", help="allow plain HTTP, any certificate")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    add_format(parser)
    return asyncio.run(_push(parser.parse_args(arguments)))


async def _push(options: argparse.Namespace) -> int:
    from core.client import connect
    from core.oci.reference import parse_reference
    from core.wire.pb import engine_pb2
    from core.wire.services import Engine

    name = str(parse_reference(options.target or options.image).tagged())
    done: set[str] = set()
    async with await connect() as builder, builder.session() as session:
        request = engine_pb2.PushImageRequest(
            reference=options.image,
            target=options.target,
            session=session,
            insecure=options.insecure,
        )
        last = engine_pb2.PushImageResponse()
        async for message in builder.iterate(Engine.PUSH_IMAGE, request):
            if message.digest:
                last = message
            elif message.total and message.current >= message.total and message.id not in done:
                done.add(message.id)
                if not options.quiet:
                    print(f"{message.id[:19]}  {size(message.total)}", file=sys.stderr)
    platforms = [
        {"platform": _platform(entry), "digest": entry["digest"]}
        for entry in json.loads(last.raw or b"{}").get("manifests", ())
    ]
    if options.format is OutputFormat.JSON:
        print_json({"name": name, "digest": last.digest, "platforms": platforms})
        return 0
    print(f"{name}@{last.digest}")
    for entry in platforms:
        print(f"  {entry['platform']}  {entry['digest']}")
    return 0


def _platform(entry: dict[str, dict[str, str]]) -> str:
    platform = entry.get("platform") or {}
    parts = (platform.get("os"), platform.get("architecture"), platform.get("variant"))
    return "/".join(part for part in parts if part)
