"""``viaduct build``: ask a builder, show what it does, say what came out."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from core.cli.build_options import parse
from core.cli.build_request import Prepared, prepare
from core.cli.display import Display, ProgressMode, make_display
from core.cli.failures import exit_code, source_excerpt, write
from core.client.builder import Build, Builder, BuildResult, connect
from core.client.stored_builders import find_builder
from core.errors import CancelledBuildError, Error, ExecError
from core.progress.state import BuildState

_TICK = 0.1
_TAIL_LINES = 12


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    if options.check:
        from core.cli.check import main as check

        return check([options.file or f"{options.context.rstrip('/')}/Dockerfile"])
    with ExitStack() as stack:
        return asyncio.run(_build(options, stack))


async def _build(options: argparse.Namespace, stack: ExitStack) -> int:
    endpoint = find_builder(options.builder)
    prepared = prepare(options, endpoint, stack)
    quiet = options.quiet or options.progress is ProgressMode.QUIET or options.call != "build"
    async with await connect(endpoint) as builder:
        if options.detach:
            return await _detached(builder, prepared)
        native = () if builder.embedded else await _native(builder)
        state = BuildState(platforms=prepared.platforms, native=native)
        mode = ProgressMode.QUIET if quiet else options.progress
        display = make_display(mode, state)
        build = builder.start(prepared.request, prepared.services)
        try:
            result = await _watched(build, display)
        except Error as error:
            _explain(error, state, prepared)
            return exit_code(error)
    _tell(options, prepared, result, quiet=quiet)
    return 0


async def _native(builder: Builder) -> tuple[str, ...]:
    """Other builders do not tell the mode of a step; the first platform is what they run on."""
    workers = await builder.workers()
    return tuple(str(p) for worker in workers[:1] for p in worker.platforms[:1])


async def _watched(build: Build, display: Display) -> BuildResult:
    """Show the build until it is over; the first ^C cancels it, the second leaves at once."""
    loop = asyncio.get_running_loop()
    presses = 0

    def interrupted() -> None:
        nonlocal presses
        presses += 1
        if presses == 1:
            print("\ncancelling ...", file=sys.stderr)
            build.cancel()
        else:
            sys.exit(130)

    async def ticking() -> None:
        while True:
            await asyncio.sleep(_TICK)
            display.tick()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    loop.add_signal_handler(signal.SIGTERM, build.cancel)
    ticks = asyncio.create_task(ticking())
    try:
        async for status in build.statuses():
            display.show(status)
        return await build.result()
    finally:
        ticks.cancel()
        await asyncio.gather(ticks, return_exceptions=True)
        display.close()
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)


async def _detached(builder: Builder, prepared: Prepared) -> int:
    build = builder.start(prepared.request, prepared.services)
    async for _ in build.statuses():
        break
    print(build.ref)
    await build.leave()
    return 0


def _explain(error: Error, state: BuildState, prepared: Prepared) -> None:
    """The last output of the step that failed, the Dockerfile's lines, the sentence, the hint."""
    out = sys.stderr
    failed = state.vertices.get(error.vertex) if isinstance(error, ExecError) else state.failed
    if isinstance(error, ExecError) and failed is not None and failed.tail:
        lines = failed.tail.decode(errors="replace").splitlines()[-_TAIL_LINES:]
        print(f"------\n > {failed.name}:", file=out)
        for line in lines:
            print(f"   {line}", file=out)
        print("------", file=out)
    excerpt = ""
    if error.lines and prepared.dockerfile is not None:
        try:
            text = prepared.dockerfile.read_text(errors="replace")
            excerpt = source_excerpt(text, error.source_name or "Dockerfile", error.lines)
        except OSError:
            excerpt = ""
    write(error, out, excerpt=excerpt)
    if isinstance(error, CancelledBuildError):
        return


def _tell(
    options: argparse.Namespace, prepared: Prepared, result: BuildResult, *, quiet: bool
) -> None:
    if options.call != "build":
        print(result.response.get("result.txt", ""), end="")
        return
    identity = result.digest or result.response.get("containerimage.config.digest", "")
    if options.iidfile:
        Path(options.iidfile).write_text(identity)
    if options.metadata_file:
        document = _metadata(prepared, result)
        Path(options.metadata_file).write_text(json.dumps(document, indent=2) + "\n")
    if quiet and identity:
        print(identity)


def _metadata(prepared: Prepared, result: BuildResult) -> dict[str, object]:
    document: dict[str, object] = dict(result.response)
    if result.descriptor:
        document["containerimage.descriptor"] = dict(result.descriptor)
    document["buildx.build.ref"] = prepared.request.ref
    return document
