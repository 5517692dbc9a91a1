"""``viaduct prune``: make room in the build cache."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from core.cli.arguments import OutputFormat, add_format, command_parser, duration, print_json
from core.cli.build_options import size_in_bytes
from core.cli.tables import size
from core.errors import OptionError
from core.wire.pb import control_pb2

_DESCRIPTION = (
    "Remove what the build cache holds and no running build uses. Images of the local store stay. "
    "Without limits everything that the filters name goes; with them, the least recently used "
    "until the limits hold. On a terminal it asks first."
)
_CODES = (
    "Exit codes: 0 done, 1 the answer was no, 2 the command line is wrong, 3 the builder or this "
    "machine is in the way, 130 interrupted."
)


def main(arguments: Sequence[str]) -> int:
    parser = command_parser("prune", _DESCRIPTION, codes=_CODES)
    add = parser.add_argument
    add("-a", "--all", action="store_true", help="internal and shared records too")
    add("-f", "--force", action="store_true", help="do not ask")
    add("--dry-run", "--preview", action="store_true", help="say what would go, remove nothing")
    add("--filter", action="append", default=[], metavar="FIELD==VALUE", help="as of `viaduct du`")
    add("--keep-duration", default="", metavar="24h", help="what was used since then stays")
    add("--reserved-space", default="", metavar="10g", help="so much may always stay")
    add("--max-used-space", default="", metavar="20g", help="the cache may be this large")
    add("--min-free-space", default="", metavar="5g", help="so much of the disk has to be free")
    add("--builder", default="", help="another builder (`viaduct builders`)")
    add_format(parser)
    options = parser.parse_args(arguments)
    request = control_pb2.PruneRequest(
        filter=options.filter,
        all=options.all,
        keepDuration=duration(options.keep_duration) if options.keep_duration else 0,
        reservedSpace=_space("--reserved-space", options.reserved_space),
        maxUsedSpace=_space("--max-used-space", options.max_used_space),
        minFreeSpace=_space("--min-free-space", options.min_free_space),
        preview=options.dry_run,
    )
    # Asked before anything runs: a question in a thread could not be interrupted.
    if not (options.force or options.dry_run) and not _agreed(request):
        return 1
    return asyncio.run(_prune(options, request))


def _space(option: str, text: str) -> int:
    found = size_in_bytes(text) if text else 0
    if found is None:
        raise OptionError(f"{option} {text} is no size", hint="Write it as 500m or 10g.")
    return found


def _agreed(request: control_pb2.PruneRequest) -> bool:
    if not sys.stdin.isatty():
        raise OptionError(
            "prune asks before it removes something, and nobody is there to answer",
            hint="Add --force to not be asked, or --dry-run to see what would go.",
        )
    limited = any(
        (
            request.filter,
            request.keepDuration,
            request.reservedSpace,
            request.maxUsedSpace,
            request.minFreeSpace,
        )
    )
    what = "what the options name" if limited else "everything that no running build uses"
    try:
        answer = input(f"Remove {what} from the build cache? [y/N] ")
    except EOFError:
        print()
        return False
    return answer.strip().lower() in {"y", "yes"}


async def _prune(options: argparse.Namespace, request: control_pb2.PruneRequest) -> int:
    from core.cli.du import one_line, record_json
    from core.client import connect
    from core.client.stored_builders import find_builder

    as_json = options.format is OutputFormat.JSON
    total = 0
    records = []
    async with await connect(find_builder(options.builder)) as builder:
        async for record in builder.prune(request):
            total += record.Size
            if as_json:
                records.append(record_json(record))
            else:
                what = one_line(record.Description, 80)
                print(f"{record.ID[:12]}  {size(record.Size):>9}  {what}", flush=True)
    if as_json:
        print_json({"dryRun": options.dry_run, "total": total, "records": records})
    else:
        print(f"{'would free' if options.dry_run else 'freed'} {size(total)}")
    return 0
