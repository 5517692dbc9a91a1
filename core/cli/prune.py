"""``viaduct prune``: make room in the build cache."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Sequence

from core.cli.build_options import size_in_bytes
from core.cli.tables import size
from core.errors import OptionError

_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="viaduct prune", description=__doc__)
    parser.add_argument("-a", "--all", action="store_true", help="internal records too")
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")
    parser.add_argument("--preview", action="store_true", help="say what would go")
    parser.add_argument("--filter", action="append", default=[], metavar="FIELD==VALUE")
    parser.add_argument("--keep-for", default="", metavar="24h", help="what was used since stays")
    parser.add_argument("--keep", default="", metavar="10g", help="so much may stay")
    parser.add_argument("--builder", default="")
    return asyncio.run(_prune(parser.parse_args(arguments)))


def duration(text: str) -> int:
    """``24h``, ``90m``, ``1h30m`` in nanoseconds. Raises OptionError."""
    parts = _DURATION.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise OptionError(f"{text} is no duration", hint="Write it as 24h, 90m or 7d.")
    return int(sum(float(number) * _SECONDS[unit] for number, unit in parts) * 1e9)


async def _prune(options: argparse.Namespace) -> int:
    from core.client import connect, parse_endpoint
    from core.wire.pb import control_pb2

    kept = size_in_bytes(options.keep) if options.keep else 0
    if kept is None:
        raise OptionError(f"{options.keep} is no size", hint="Write it as 500m or 10g.")
    request = control_pb2.PruneRequest(
        filter=options.filter,
        all=options.all,
        keepDuration=duration(options.keep_for) if options.keep_for else 0,
        reservedSpace=kept,
        preview=options.preview,
    )
    if not (options.force or options.preview):
        if not sys.stdin.isatty():
            raise OptionError("prune asks before it removes", hint="Add --force to not be asked.")
        question = "This removes everything that no running build uses. Go on? [y/N] "
        answer = await asyncio.to_thread(input, question)
        if answer.strip().lower() not in {"y", "yes"}:
            return 1
    total = 0
    async with await connect(parse_endpoint(options.builder)) as builder:
        async for record in builder.prune(request):
            total += record.Size
            what = record.Description[:70].replace("\n", " ")
            print(f"{record.ID[:12]}  {size(record.Size):>9}  {what}")
    print(f"{'would free' if options.preview else 'freed'} {size(total)}")
    return 0
