"""``viaduct du``: what the build cache holds."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Sequence

from core.cli.tables import age, print_table, size


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="viaduct du", description=__doc__)
    parser.add_argument("--filter", action="append", default=[], metavar="FIELD==VALUE")
    parser.add_argument("-v", "--verbose", action="store_true", help="every record")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--builder", default="")
    return asyncio.run(_usage(parser.parse_args(arguments)))


async def _usage(options: argparse.Namespace) -> int:
    from core.client import connect, parse_endpoint
    from core.progress.codec import nanoseconds

    async with await connect(parse_endpoint(options.builder)) as builder:
        records = await builder.disk_usage(tuple(options.filter))
    records.sort(key=lambda record: record.Size, reverse=True)
    if options.json:
        for record in records:
            document = {
                "id": record.ID,
                "type": record.RecordType,
                "size": record.Size,
                "inUse": record.InUse,
                "mutable": record.Mutable,
                "shared": record.Shared,
                "usageCount": record.UsageCount,
                "description": record.Description,
                "parents": list(record.Parents),
            }
            print(json.dumps(document))
        return 0
    if options.verbose:
        print_table(
            ("ID", "TYPE", "SIZE", "LAST USED", "DESCRIPTION"),
            [
                (
                    record.ID[:12],
                    record.RecordType,
                    size(record.Size),
                    age(nanoseconds(record.LastUsedAt) or nanoseconds(record.CreatedAt)),
                    record.Description[:80].replace("\n", " "),
                )
                for record in records
            ],
        )
        print()
    total: Counter[str] = Counter()
    for record in records:
        total[record.RecordType or "regular"] += record.Size
    rows = [(kind, size(count)) for kind, count in total.most_common()]
    print_table(("TYPE", "SIZE"), [*rows, ("total", size(sum(total.values())))])
    return 0
