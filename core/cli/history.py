"""``viaduct history``: the builds that were made, their output, what became of them."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

from core.cli.display import ProgressMode, make_display
from core.cli.tables import age, print_table, took
from core.client.builder import Builder
from core.progress.state import BuildState


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="viaduct history", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    listing = commands.add_parser("list", help="the builds, latest first (the default)")
    listing.add_argument("-n", "--limit", type=int, default=30)
    listing.add_argument("--json", action="store_true")
    show = commands.add_parser("show", help="what a build was asked and how it ended")
    show.add_argument("ref")
    logs = commands.add_parser("logs", help="its events again, or the output of one step")
    logs.add_argument("ref")
    logs.add_argument("--step", type=int, default=0, metavar="N", help="of step #N alone")
    logs.add_argument(
        "--progress", type=ProgressMode, default=ProgressMode.PLAIN, metavar="plain|rawjson"
    )
    follow = commands.add_parser("attach", help="follow a build that runs")
    follow.add_argument("ref")
    cancel = commands.add_parser("cancel", help="end a build that runs")
    cancel.add_argument("ref")
    remove = commands.add_parser("rm", help="forget builds")
    remove.add_argument("refs", nargs="+", metavar="REF")
    options = parser.parse_args(arguments or ["list"])
    return asyncio.run(_run(options))


async def _run(options: argparse.Namespace) -> int:
    from core.client import connect

    async with await connect() as builder:
        match options.command:
            case "show":
                return await _show(builder, options.ref)
            case "logs":
                return await _logs(builder, options)
            case "attach":
                return await _attach(builder, options.ref)
            case "cancel":
                was_running = await builder.cancel(options.ref)
                print("cancelled" if was_running else "it had ended already")
                return 0
            case "rm":
                return await _remove(builder, options.refs)
            case _:
                return await _list(builder, options)


async def _list(builder: Builder, options: argparse.Namespace) -> int:
    from core.progress.codec import nanoseconds

    events = [event async for event in builder.history(limit=options.limit)]
    rows = []
    for event in events:
        record = event.record
        created, completed = nanoseconds(record.CreatedAt), nanoseconds(record.CompletedAt)
        seconds = (completed - created) / 1e9 if created and completed else 0.0
        if options.json:
            document = {
                "ref": record.Ref,
                "title": record.title,
                "state": record.state,
                "created": created,
                "completed": completed,
                "steps": record.numTotalSteps,
                "cached": record.numCachedSteps,
                "warnings": record.numWarnings,
                "attrs": dict(record.FrontendAttrs),
                "response": dict(record.ExporterResponse),
                "error": record.error.message,
            }
            print(json.dumps(document))
            continue
        steps = f"{record.numCompletedSteps}/{record.numTotalSteps}"
        cached = f"{record.numCachedSteps} cached"
        rows.append(
            (
                record.Ref,
                record.state,
                age(created),
                took(seconds) if completed else "",
                f"{steps}, {cached}",
                record.FrontendAttrs.get("platform", ""),
                record.title,
            )
        )
    if not options.json:
        print_table(("REF", "STATE", "STARTED", "TOOK", "STEPS", "PLATFORMS", "TITLE"), rows)
    return 0


async def _show(builder: Builder, ref: str) -> int:
    from core.wire.failure import from_message
    from core.wire.pb import engine_pb2
    from core.wire.services import Engine

    reply = await builder.call(Engine.GET_BUILD, engine_pb2.GetBuildRequest(ref=ref))
    record = reply.record
    print(f"ref:       {record.Ref}\ntitle:     {record.title}\nstate:     {record.state}")
    for name, directory in sorted(record.localDirs.items()):
        print(f"{name + ':':<10} {directory}")
    for key, value in sorted(record.FrontendAttrs.items()):
        print(f"  {key}={value}")
    for exporter in record.Exporters:
        attrs = " ".join(f"{key}={value}" for key, value in sorted(exporter.Attrs.items()))
        print(f"output:    {exporter.Type} {attrs}")
    for key, value in sorted(record.ExporterResponse.items()):
        print(f"  {key}: {value[:100]}")
    if reply.HasField("failure"):
        from core.cli.failures import source_excerpt, write

        error = from_message(reply.failure)
        text = reply.dockerfile.decode(errors="replace")
        excerpt = source_excerpt(text, reply.dockerfile_name or "Dockerfile", error.lines)
        write(error, sys.stdout, excerpt=excerpt)
    return 0


async def _logs(builder: Builder, options: argparse.Namespace) -> int:
    from core.errors import NotFoundError
    from core.wire.pb import engine_pb2
    from core.wire.services import Engine

    state = BuildState()
    if not options.step:
        display = make_display(options.progress, state, sys.stdout)
        async for status in builder.attach(options.ref):
            display.show(status)
        display.close()
        return 0
    async for status in builder.attach(options.ref):
        state.apply(status)
    step = next((v for v in state.vertices.values() if v.number == options.step), None)
    if step is None:
        raise NotFoundError(f"build {options.ref} has no step #{options.step}")
    request = engine_pb2.StepLogRequest(ref=options.ref, vertex=step.digest)
    async for chunk in builder.iterate(Engine.STEP_LOG, request):
        (sys.stderr if chunk.stream == 2 else sys.stdout).buffer.write(chunk.data)
    sys.stdout.flush()
    return 0


async def _attach(builder: Builder, ref: str) -> int:
    display = make_display(ProgressMode.AUTO, BuildState())
    async for status in builder.attach(ref):
        display.show(status)
        display.tick()
    display.close()
    return await _show(builder, ref)


async def _remove(builder: Builder, refs: Sequence[str]) -> int:
    from core.wire.pb import control_pb2
    from core.wire.services import Control

    for ref in refs:
        request = control_pb2.UpdateBuildHistoryRequest(Ref=ref, Delete=True)
        await builder.call(Control.UPDATE_BUILD_HISTORY, request)
        print(ref)
    return 0
