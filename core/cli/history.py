"""``viaduct history``: the builds that were made, their output, what became of them."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence

from core.cli.arguments import EXIT_CODES, OutputFormat, add_format, command_parser, with_default
from core.cli.display import ProgressMode, make_display
from core.client.builder import Builder
from core.errors import NotFoundError, OptionError
from core.progress.state import BuildState
from core.wire.pb import control_pb2

_DESCRIPTION = (
    "The builds that the embedded builder made and keeps. BUILD is the ref of a build or its "
    "beginning; left out it is the latest."
)


def main(arguments: Sequence[str]) -> int:
    words = with_default(arguments, "ls")
    if words[0] == "rebuild":
        own, more = _split(words)
        return _rebuild(_parser().parse_args(own), more)
    return asyncio.run(_run(_parser().parse_args(words)))


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """What stands before ``--`` and after it."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("history", _DESCRIPTION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, text: str, *aliases: str, build: bool = True) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            aliases=list(aliases),
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=EXIT_CODES,
        )
        made.set_defaults(command=name)
        if build:
            made.add_argument("ref", nargs="?", default="", metavar="BUILD", help="(the latest)")
        return made

    listing = command("ls", "list the builds, latest first (the default)", "list", build=False)
    listing.add_argument("-n", "--limit", type=int, default=30, metavar="N", help="(30) 0: all")
    add_format(listing)
    add_format(command("inspect", "show what was asked of a build and how it ended", "show"))
    logs = command("logs", "print a build's events again, or the output of one step")
    logs.add_argument("--step", type=int, default=0, metavar="N", help="of step #N alone")
    logs.add_argument(
        "--progress",
        type=ProgressMode,
        choices=(ProgressMode.PLAIN, ProgressMode.RAWJSON),
        default=ProgressMode.PLAIN,
        metavar="plain|rawjson",
    )
    command("attach", "follow a build that runs")
    command("cancel", "end a build that runs")
    remove = command("rm", "forget builds", build=False)
    remove.add_argument("refs", nargs="*", metavar="BUILD")
    remove.add_argument("--all", action="store_true", help="all that are over and not pinned")
    export = command("export", "write a build with its events to one file")
    export.add_argument("-o", "--output", default="", metavar="FILE", help="(BUILD.viaductbuild)")
    importing = command(
        "import", "read builds from files of export, or of docker buildx history", build=False
    )
    importing.add_argument("files", nargs="+", metavar="FILE")
    rebuild = command("rebuild", "make a build again, as `viaduct build` with the same options")
    rebuild.add_argument("--print", action="store_true", help="print the command, build nothing")
    rebuild.usage = "viaduct history rebuild [-h] [--print] [BUILD] [-- OPTIONS OF BUILD]"
    return parser


async def _run(options: argparse.Namespace) -> int:
    from core.cli import history_transfer, history_view
    from core.client import connect

    as_json = getattr(options, "format", None) is OutputFormat.JSON
    async with await connect() as builder:
        match options.command:
            case "inspect":
                ref = await find_ref(builder, options.ref)
                return await history_view.show(builder, ref, as_json=as_json)
            case "logs":
                return await _logs(builder, options)
            case "attach":
                return await _attach(builder, await find_ref(builder, options.ref))
            case "cancel":
                was_running = await builder.cancel(await find_ref(builder, options.ref))
                print("cancelled" if was_running else "it had ended already")
                return 0
            case "rm":
                return await _remove(builder, options)
            case "export":
                ref = await find_ref(builder, options.ref)
                return await history_transfer.export_build(builder, ref, options.output)
            case "import":
                return await history_transfer.import_builds(builder, options.files)
            case _:
                return await history_view.listing(builder, options.limit, as_json=as_json)


async def find_ref(builder: Builder, text: str) -> str:
    """The ref that begins with ``text``; the latest build's for "". NotFoundError, OptionError."""
    refs = [event.record.Ref async for event in builder.history(limit=0 if text else 1)]
    if text in refs:
        return text
    found = [ref for ref in refs if ref.startswith(text)]
    if not found:
        raise NotFoundError(
            f"there is no build {text}" if text else "there is no build yet",
            hint="`viaduct history ls` lists them.",
        )
    if len(found) > 1:
        raise OptionError(f"{len(found)} builds begin with {text}", hint="Write more of the ref.")
    return found[0]


async def _logs(builder: Builder, options: argparse.Namespace) -> int:
    import sys

    from core.wire.pb import engine_pb2
    from core.wire.services import Engine

    ref = await find_ref(builder, options.ref)
    state = BuildState()
    if not options.step:
        display = make_display(options.progress, state, sys.stdout)
        async for status in builder.attach(ref):
            display.show(status)
        display.close()
        return 0
    async for status in builder.attach(ref):
        state.apply(status)
    step = next((v for v in state.vertices.values() if v.number == options.step), None)
    if step is None:
        raise NotFoundError(f"build {ref} has no step #{options.step}")
    request = engine_pb2.StepLogRequest(ref=ref, vertex=step.digest)
    async for chunk in builder.iterate(Engine.STEP_LOG, request):
        (sys.stderr if chunk.stream == 2 else sys.stdout).buffer.write(chunk.data)
    sys.stdout.flush()
    return 0


async def _attach(builder: Builder, ref: str) -> int:
    from core.cli.history_view import show

    display = make_display(ProgressMode.AUTO, BuildState())
    try:
        async for status in builder.attach(ref):
            display.show(status)
            display.tick()
    finally:
        display.close()
    return await show(builder, ref, as_json=False)


async def _remove(builder: Builder, options: argparse.Namespace) -> int:
    from core.wire.services import Control

    if not options.refs and not options.all:
        raise OptionError("no build was named", hint="Name some, or use --all.")
    if options.all:
        refs = [
            event.record.Ref
            async for event in builder.history()
            if event.record.state not in {"queued", "running"} and not event.record.pinned
        ]
    else:
        refs = [await find_ref(builder, ref) for ref in options.refs]
    for ref in dict.fromkeys(refs):
        request = control_pb2.UpdateBuildHistoryRequest(Ref=ref, Delete=True)
        await builder.call(Control.UPDATE_BUILD_HISTORY, request)
        print(ref)
    return 0


def _rebuild(options: argparse.Namespace, more: Sequence[str]) -> int:
    import shlex

    from core.cli.build import main as build
    from core.cli.history_rebuild import build_arguments

    words = build_arguments(asyncio.run(_record(options.ref)))
    # Later options win, so that what is given now counts; the context stays last.
    words[-1:-1] = more
    if options.print:
        print(shlex.join(["viaduct", "build", *words]))
        return 0
    return build(words)


async def _record(ref: str) -> control_pb2.BuildHistoryRecord:
    from core.client import connect
    from core.wire.pb import engine_pb2
    from core.wire.services import Engine

    async with await connect() as builder:
        request = engine_pb2.GetBuildRequest(ref=await find_ref(builder, ref))
        return (await builder.call(Engine.GET_BUILD, request)).record
