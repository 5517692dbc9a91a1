"""``viaduct push``: an image of the local store to its registry, all platforms."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

from core.cli.tables import size


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="viaduct push", description=__doc__)
    parser.add_argument("image")
    parser.add_argument("target", nargs="?", default="", help="push under another name")
    parser.add_argument("--insecure", action="store_true", help="allow plain HTTP, any certificate")
    return asyncio.run(_push(parser.parse_args(arguments)))


async def _push(options: argparse.Namespace) -> int:
    from core.client import connect
    from core.wire.pb import engine_pb2
    from core.wire.services import Engine

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
                print(f"{message.id[:19]}  {size(message.total)}", file=sys.stderr)
    print(last.digest)
    for entry in json.loads(last.raw or b"{}").get("manifests", ()):
        platform = entry.get("platform") or {}
        parts = (platform.get("os"), platform.get("architecture"), platform.get("variant"))
        print(f"  {'/'.join(p for p in parts if p)}  {entry['digest']}")
    return 0
