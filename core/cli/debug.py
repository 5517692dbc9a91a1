"""``viaduct debug``: the plan, the graph, a shell where a step failed."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from core.errors import NotFoundError


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="viaduct debug", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (
        ("dump-llb", "print the graph of a Dockerfile as BuildKit sees it"),
        ("dump-plan", "print what would be done for each platform, and how"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("context", nargs="?", default=".")
        command.add_argument("-f", "--file")
        command.add_argument("--platform", action="append", default=[])
        command.add_argument("--target", default="")
        command.add_argument("--build-arg", action="append", default=[])
        if name == "dump-llb":
            command.add_argument("--format", choices=("json", "dot", "pb"), default="json")
    shell = commands.add_parser("shell", help="a shell in the state of a failed step")
    shell.add_argument("ref", nargs="?", default="", help="of the build (the last one)")
    shell.add_argument("arguments", nargs=argparse.REMAINDER, help="(/bin/sh)")
    options = parser.parse_args(arguments)
    match options.command:
        case "dump-llb":
            return asyncio.run(_dump_llb(options))
        case "dump-plan":
            return _dump_plan(options)
        case _:
            return asyncio.run(_shell(options))


def _attrs(options: argparse.Namespace) -> tuple[Path, dict[str, str]]:
    path = Path(options.file) if options.file else Path(options.context) / "Dockerfile"
    attrs = {"filename": path.name}
    if options.platform:
        attrs["platform"] = ",".join(options.platform)
    if options.target:
        attrs["target"] = options.target
    for entry in options.build_arg:
        name, _, value = entry.partition("=")
        attrs[f"build-arg:{name}"] = value
    return path, attrs


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read: {error.strerror}") from error


def _dump_plan(options: argparse.Namespace) -> int:
    from core.daemon.plan_document import plan_document
    from core.frontend.options import FrontendOptions
    from core.frontend.plan import plan

    path, attrs = _attrs(options)
    made = plan(_read(path), FrontendOptions.from_attrs(attrs))
    print(json.dumps(plan_document(made), indent=2))
    return 1 if made.errors else 0


async def _dump_llb(options: argparse.Namespace) -> int:
    from core.cli.conversion import convert_here
    from core.llb.definition import marshal, to_bytes
    from core.llb.dot import to_dot, to_json_lines

    path, attrs = _attrs(options)
    conversion = await convert_here(_read(path), attrs, Path(options.context))
    for result in conversion.results:
        if result.edge is None:
            continue
        match options.format:
            case "dot":
                print(to_dot(result.edge), end="")
            case "pb":
                sys.stdout.buffer.write(to_bytes(marshal(result.edge)))
            case _:
                print(to_json_lines(result.edge), end="")
    return 0


async def _shell(options: argparse.Namespace) -> int:
    from core.cli.terminal import run_interactively
    from core.client import connect
    from core.wire.pb import engine_pb2

    async with await connect() as builder, builder.session() as session:
        ref = options.ref
        if not ref:
            async for event in builder.history(limit=20):
                if event.record.state == "failed":
                    ref = event.record.Ref
                    break
            else:
                raise NotFoundError("no build has failed lately")
        start = engine_pb2.RunStart(
            ref=ref,
            args=options.arguments,
            session=session,
            tty=sys.stdin.isatty() and sys.stdout.isatty(),
        )
        return await run_interactively(builder, start)
