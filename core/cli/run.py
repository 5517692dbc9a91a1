"""``viaduct run``: try a program in an image, emulated where need be. Nothing is kept."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from core.wire.pb import engine_pb2, ops_pb2

NETWORKS = {"default": ops_pb2.UNSET, "host": ops_pb2.HOST, "none": ops_pb2.NONE}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="viaduct run",
        description=__doc__,
        epilog="Ends with the program's own exit code.",
    )
    parser.add_argument("--platform", default="", metavar="OS/ARCH")
    parser.add_argument("-e", "--env", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("-w", "--workdir", default="")
    parser.add_argument("-u", "--user", default="")
    parser.add_argument("--entrypoint", default=None)
    parser.add_argument("--network", choices=sorted(NETWORKS), default="default")
    parser.add_argument("-t", "--tty", action="store_true", help="a terminal even for pipes")
    parser.add_argument("-i", "--interactive", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--rm", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("image")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    start = engine_pb2.RunStart(
        image=options.image,
        args=options.arguments,
        env=options.env,
        cwd=options.workdir,
        user=options.user,
        platform=options.platform,
        network=NETWORKS[options.network],
        tty=options.tty or (sys.stdin.isatty() and sys.stdout.isatty()),
        entrypoint_set=options.entrypoint is not None,
        entrypoint=options.entrypoint or "",
    )
    return asyncio.run(_run(start))


async def _run(start: engine_pb2.RunStart) -> int:
    from core.cli.terminal import run_interactively
    from core.client import connect

    async with await connect() as builder, builder.session() as session:
        start.session = session
        return await run_interactively(builder, start)
