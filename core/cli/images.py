"""``viaduct images``: the local store."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from core.cli.arguments import (
    OutputFormat,
    add_format,
    command_parser,
    print_json,
    with_default,
)
from core.cli.tables import age, print_table, size
from core.progress.messages import SolveStatus

_DESCRIPTION = "List, tag, remove and make images of the embedded builder's local store."


def main(arguments: Sequence[str]) -> int:
    parser = command_parser("images", _DESCRIPTION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    listing = commands.add_parser("ls", aliases=["list"], help="list the images (the default)")
    add_format(listing)
    remove = commands.add_parser("rm", help="remove images")
    remove.add_argument("images", nargs="+", metavar="IMAGE")
    tag = commands.add_parser("tag", help="give an image another name")
    tag.add_argument("image")
    tag.add_argument("name")
    make = commands.add_parser(
        "make-base", help="make the base image busybox for many platforms without a registry"
    )
    make.add_argument("--platform", action="append", default=[], metavar="OS/ARCH,...")
    options = parser.parse_args(with_default(arguments, "ls"))
    match options.command:
        case "rm":
            return asyncio.run(_remove(options.images))
        case "tag":
            return asyncio.run(_tag(options.image, options.name))
        case "make-base":
            return asyncio.run(_make_base(options.platform))
        case _:
            return asyncio.run(_list(as_json=options.format is OutputFormat.JSON))


async def _list(*, as_json: bool) -> int:
    from core.client import connect
    from core.progress.codec import nanoseconds
    from core.wire.pb import engine_pb2
    from core.wire.services import Engine

    async with await connect() as builder:
        reply = await builder.call(Engine.LIST_IMAGES, engine_pb2.ListImagesRequest())
    if as_json:
        document = [
            {
                "name": image.name,
                "digest": image.digest,
                "mediaType": image.media_type,
                "size": image.size,
                "platforms": [
                    {"platform": p.platform, "digest": p.digest, "size": p.size}
                    for p in image.platforms
                ],
            }
            for image in reply.images
        ]
        print_json(document)
        return 0
    print_table(
        ("NAME", "DIGEST", "SIZE", "CREATED", "PLATFORMS"),
        [
            (
                image.name,
                image.digest.partition(":")[2][:12],
                size(image.size),
                age(nanoseconds(image.created)),
                ", ".join(p.platform.removeprefix("linux/") for p in image.platforms),
            )
            for image in reply.images
        ],
    )
    return 0


async def _remove(names: Sequence[str]) -> int:
    from core.client import connect
    from core.wire.pb import engine_pb2
    from core.wire.services import Engine

    async with await connect() as builder:
        for name in names:
            await builder.call(Engine.REMOVE_IMAGE, engine_pb2.RemoveImageRequest(reference=name))
            print(name)
    return 0


async def _tag(image: str, name: str) -> int:
    from core.client import connect
    from core.wire.pb import engine_pb2
    from core.wire.services import Engine

    async with await connect() as builder:
        request = engine_pb2.TagImageRequest(source=image, target=name)
        await builder.call(Engine.TAG_IMAGE, request)
    return 0


async def _make_base(platforms: Sequence[str]) -> int:
    from core.cli.base_images import NAME, build_base, make_base
    from core.client import connect
    from core.oci.platform import parse_platforms

    def say(line: str) -> None:
        print(line, file=sys.stderr)

    def failed(status: SolveStatus) -> None:
        for vertex in status.vertexes:
            if vertex.error:
                say(f"{vertex.name}: {vertex.error}")

    wanted = parse_platforms(",".join(platforms)) if platforms else ()
    context = await asyncio.to_thread(
        lambda: make_base(_cache() / "base-images", platforms=wanted, on_progress=say)
    )
    async with await connect() as builder:
        digest = await build_base(builder, context, on_status=failed)
    print(f"{NAME}@{digest}")
    return 0


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "viaduct"
