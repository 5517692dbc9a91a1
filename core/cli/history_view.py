"""Builds of the history as people and programs read them."""

from __future__ import annotations

import sys

from core.cli.arguments import print_json
from core.cli.tables import age, print_table, took
from core.client.builder import Builder
from core.progress.codec import nanoseconds
from core.wire.pb import control_pb2, engine_pb2
from core.wire.services import Engine


async def listing(builder: Builder, limit: int, *, as_json: bool) -> int:
    """``limit`` builds, the latest first."""
    events = [event async for event in builder.history(limit=max(0, limit))]
    records = sorted(
        (event.record for event in events), key=lambda r: -(nanoseconds(r.CreatedAt) or 0)
    )
    if as_json:
        print_json([record_json(record) for record in records])
        return 0
    header = ("REF", "STATE", "STARTED", "TOOK", "STEPS", "PLATFORMS", "TITLE")
    print_table(header, [_row(record) for record in records])
    return 0


def _row(record: control_pb2.BuildHistoryRecord) -> tuple[str, ...]:
    created, completed = nanoseconds(record.CreatedAt), nanoseconds(record.CompletedAt)
    platforms = [p for p in record.FrontendAttrs.get("platform", "").split(",") if p]
    shown = ", ".join(p.removeprefix("linux/") for p in platforms)
    return (
        record.Ref,
        record.state + (", pinned" if record.pinned else ""),
        age(created),
        took((completed - created) / 1e9) if completed and created else "",
        f"{record.numCompletedSteps}/{record.numTotalSteps}, {record.numCachedSteps} cached",
        shown,
        record.title,
    )


def record_json(record: control_pb2.BuildHistoryRecord) -> dict[str, object]:
    """The record; times in nanoseconds since the epoch or None."""
    return {
        "ref": record.Ref,
        "title": record.title,
        "state": record.state,
        "pinned": record.pinned,
        "created": nanoseconds(record.CreatedAt),
        "completed": nanoseconds(record.CompletedAt),
        "steps": record.numTotalSteps,
        "completedSteps": record.numCompletedSteps,
        "cachedSteps": record.numCachedSteps,
        "warnings": record.numWarnings,
        "attrs": dict(record.FrontendAttrs),
        "localDirs": dict(record.localDirs),
        "exporters": [{"type": e.Type, "attrs": dict(e.Attrs)} for e in record.Exporters],
        "response": dict(record.ExporterResponse),
        "error": record.error.message,
    }


async def show(builder: Builder, ref: str, *, as_json: bool) -> int:
    """What the build was asked and how it ended."""
    from core.wire.failure import from_message

    reply = await builder.call(Engine.GET_BUILD, engine_pb2.GetBuildRequest(ref=ref))
    record = reply.record
    if as_json:
        document = record_json(record)
        document["dockerfile"] = reply.dockerfile.decode(errors="replace")
        if reply.HasField("failure"):
            error = from_message(reply.failure)
            document["failure"] = {
                "message": str(error),
                "hint": error.hint,
                "code": error.instance_code,
                "lines": error.lines,
            }
        print_json(document)
        return 0
    for name, value in _facts(record):
        print(f"{name + ':':<11} {value}")
    for key, value in sorted(record.FrontendAttrs.items()):
        print(f"  {key}={value}")
    for exporter in record.Exporters:
        attrs = " ".join(f"{key}={value}" for key, value in sorted(exporter.Attrs.items()))
        print(f"output:     {exporter.Type} {attrs}".rstrip())
    for key, value in sorted(record.ExporterResponse.items()):
        print(f"  {key}: {value[:100]}")
    if reply.HasField("failure"):
        from core.cli.failures import source_excerpt, write

        error = from_message(reply.failure)
        text = reply.dockerfile.decode(errors="replace")
        excerpt = source_excerpt(text, reply.dockerfile_name or "Dockerfile", error.lines)
        print()
        write(error, sys.stdout, excerpt=excerpt)
    return 0


def _facts(record: control_pb2.BuildHistoryRecord) -> list[tuple[str, str]]:
    created, completed = nanoseconds(record.CreatedAt), nanoseconds(record.CompletedAt)
    facts = [
        ("ref", record.Ref),
        ("title", record.title),
        ("state", record.state + (", pinned" if record.pinned else "")),
        ("started", age(created)),
        (
            "steps",
            f"{record.numCompletedSteps} of {record.numTotalSteps}, "
            f"{record.numCachedSteps} from the cache, {record.numWarnings} warnings",
        ),
    ]
    if created and completed:
        facts.insert(4, ("took", took((completed - created) / 1e9)))
    return facts + sorted(record.localDirs.items())
