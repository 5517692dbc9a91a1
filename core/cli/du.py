"""``viaduct du``: what the build cache holds, by kind, by step or record by record."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.cli.arguments import OutputFormat, add_format, command_parser, print_json
from core.cli.tables import age, print_table, size
from core.wire.pb import control_pb2

_DESCRIPTION = (
    "Show what the build cache holds: bytes by kind, and by step with the platforms of a step "
    "added up. A filter is FIELD==VALUE, FIELD!=VALUE or FIELD~=REGEX, several joined by commas; "
    "fields are id, parents, description, type, inuse, mutable, shared, private."
)
_STEPS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Records of one kind or one step. ``size`` in bytes; ``in_use`` bytes that prune leaves."""

    name: str
    count: int
    size: int
    in_use: int
    platforms: tuple[str, ...] = ()


def main(arguments: Sequence[str]) -> int:
    parser = command_parser("du", _DESCRIPTION)
    parser.add_argument("--filter", action="append", default=[], metavar="FIELD==VALUE")
    parser.add_argument("-v", "--verbose", action="store_true", help="every record, all steps")
    parser.add_argument("--builder", default="", help="another builder (`viaduct builders`)")
    add_format(parser)
    return asyncio.run(_usage(parser.parse_args(arguments)))


async def _usage(options: argparse.Namespace) -> int:
    from core.client import connect
    from core.client.stored_builders import find_builder

    async with await connect(find_builder(options.builder)) as builder:
        records = await builder.disk_usage(tuple(options.filter))
    records.sort(key=lambda record: (-record.Size, record.ID))
    kinds, steps = by_kind(records), by_step(records)
    total = sum(record.Size for record in records)
    if options.format is OutputFormat.JSON:
        document = {
            "total": total,
            "kinds": [_group_json(group) for group in kinds],
            "steps": [_group_json(group) for group in steps],
            "records": [record_json(record) for record in records],
        }
        print_json(document)
        return 0
    if options.verbose:
        _print_records(records)
    _print_steps(steps if options.verbose else steps[:_STEPS], left_out=len(steps) - _STEPS)
    rows = [(g.name, str(g.count), size(g.size), size(g.in_use)) for g in kinds]
    in_use = sum(group.in_use for group in kinds)
    rows.append(("total", str(len(records)), size(total), size(in_use)))
    print_table(("KIND", "RECORDS", "SIZE", "IN USE"), rows)
    return 0


def by_kind(records: Iterable[control_pb2.UsageRecord]) -> tuple[Group, ...]:
    """The largest first."""
    return _grouped((record.RecordType or "regular", "", record) for record in records)


def by_step(records: Iterable[control_pb2.UsageRecord]) -> tuple[Group, ...]:
    """By what a step does, whatever platform it did it for; the largest first."""
    from core.progress.names import parse_name

    def named() -> Iterable[tuple[str, str, control_pb2.UsageRecord]]:
        for record in records:
            step = parse_name(record.Description)
            yield " ".join(step.text.split()), step.platform, record

    return _grouped(named())


def _grouped(
    entries: Iterable[tuple[str, str, control_pb2.UsageRecord]],
) -> tuple[Group, ...]:
    found: dict[str, list[tuple[str, control_pb2.UsageRecord]]] = {}
    for name, platform, record in entries:
        found.setdefault(name, []).append((platform, record))
    groups = (
        Group(
            name=name,
            count=len(members),
            size=sum(record.Size for _, record in members),
            in_use=sum(record.Size for _, record in members if record.InUse),
            platforms=tuple(sorted({platform for platform, _ in members if platform})),
        )
        for name, members in found.items()
    )
    return tuple(sorted(groups, key=lambda group: (-group.size, group.name)))


def record_json(record: control_pb2.UsageRecord) -> dict[str, object]:
    """The record; times in nanoseconds since the epoch or None."""
    from core.progress.codec import nanoseconds

    return {
        "id": record.ID,
        "type": record.RecordType or "regular",
        "size": record.Size,
        "inUse": record.InUse,
        "mutable": record.Mutable,
        "shared": record.Shared,
        "usageCount": record.UsageCount,
        "created": nanoseconds(record.CreatedAt),
        "lastUsed": nanoseconds(record.LastUsedAt),
        "description": record.Description,
        "parents": list(record.Parents),
    }


def _group_json(group: Group) -> dict[str, object]:
    document: dict[str, object] = {
        "name": group.name,
        "records": group.count,
        "size": group.size,
        "inUse": group.in_use,
    }
    if group.platforms:
        document["platforms"] = list(group.platforms)
    return document


def _print_records(records: Iterable[control_pb2.UsageRecord]) -> None:
    from core.progress.codec import nanoseconds

    rows = [
        (
            record.ID[:12],
            record.RecordType or "regular",
            size(record.Size),
            age(nanoseconds(record.LastUsedAt) or nanoseconds(record.CreatedAt)),
            one_line(record.Description, 80),
        )
        for record in records
    ]
    print_table(("ID", "KIND", "SIZE", "LAST USED", "DESCRIPTION"), rows)
    print()


def _print_steps(steps: Sequence[Group], *, left_out: int) -> None:
    if not steps:
        return
    rows = [
        (size(g.size), str(g.count), one_line(g.name, 70), ", ".join(g.platforms)) for g in steps
    ]
    print_table(("SIZE", "RECORDS", "STEP", "PLATFORMS"), rows)
    if len(steps) == _STEPS and left_out > 0:
        print(f"... and {left_out} smaller ones (--verbose shows them)")
    print()


def one_line(text: str, width: int) -> str:
    """White space joined, cut with an ellipsis."""
    words = " ".join(text.split())
    return words if len(words) <= width else f"{words[: width - 3]}..."
