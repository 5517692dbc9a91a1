"""``viaduct debug``: the plan, the graph, a shell where a step failed."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from core.cli.arguments import EXIT_CODES, command_parser
from core.errors import NotFoundError, OptionError

_DESCRIPTION = (
    "Look into a build: its plan and its graph without building anything, and the state that a "
    "failed step left."
)
_PLAN = (
    "Print what would be done for each platform, and how: n native, x cross (on this machine, for "
    "another platform), e emulated, + without running a program, . not needed, ! impossible. "
    "Nothing is built, no builder or registry is asked."
)
_LLB = (
    "Print the graph of a Dockerfile as BuildKit's LLB, one graph for each platform. No builder or "
    "registry is asked: base images count as empty ones without ENV, USER or triggers, and are "
    "not pinned to digests. With --resolve the builder looks them up, as for a build."
)
_SHELL = (
    "Open a shell in the file system, environment and user of a step that failed, just before its "
    "program ran. Nothing is kept. Ends with the shell's own exit code."
)


def main(arguments: Sequence[str]) -> int:
    parser = command_parser("debug", _DESCRIPTION)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    llb = commands.add_parser(
        "dump-llb", help="print the graph as LLB", description=_LLB, epilog=EXIT_CODES
    )
    _add_build_options(llb)
    llb.add_argument(
        "--format",
        choices=("json", "dot", "pb"),
        default="json",
        help="json: one vertex a line; dot: for Graphviz; pb: the definition as sent to BuildKit",
    )
    llb.add_argument("--resolve", action="store_true", help="look base images up")
    plan = commands.add_parser(
        "dump-plan", help="print the plan", description=_PLAN, epilog=EXIT_CODES
    )
    _add_build_options(plan)
    plan.add_argument("--format", choices=("text", "json"), default="text")
    plan.add_argument(
        "--no-emulation", action="store_true", help="as on a machine that emulates nothing"
    )
    shell = commands.add_parser(
        "shell", help="a shell in the state of a failed step", description=_SHELL
    )
    shell.add_argument("ref", nargs="?", default="", metavar="BUILD", help="(the last that failed)")
    shell.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="(/bin/sh)")
    options = parser.parse_args(arguments)
    match options.command:
        case "dump-llb":
            return _dump_llb(options)
        case "dump-plan":
            return _dump_plan(options)
        case _:
            return asyncio.run(_shell(options))


def _add_build_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("context", nargs="?", default=".", metavar="PATH", help="(.)")
    add("-f", "--file", default="", help="the Dockerfile (PATH/Dockerfile), - for standard input")
    add("--platform", action="append", default=[], metavar="OS/ARCH,...")
    add("--target", default="", metavar="STAGE")
    add("--build-arg", action="append", default=[], metavar="NAME[=VALUE]")


def _attrs(options: argparse.Namespace) -> dict[str, str]:
    """The frontend's options, in BuildKit's names."""
    import os

    from core.oci.platform import parse_platforms

    name = Path(options.file).name if options.file not in {"", "-"} else "Dockerfile"
    attrs = {"filename": name}
    if options.platform:
        attrs["platform"] = ",".join(str(p) for p in parse_platforms(",".join(options.platform)))
    if options.target:
        attrs["target"] = options.target
    for entry in options.build_arg:
        key, equals, value = entry.partition("=")
        if not key:
            raise OptionError(f"--build-arg {entry}: the name is missing")
        if equals or key in os.environ:
            attrs[f"build-arg:{key}"] = value if equals else os.environ[key]
    return attrs


def _read(options: argparse.Namespace) -> bytes:
    if options.file == "-":
        return sys.stdin.buffer.read()
    path = Path(options.file) if options.file else Path(options.context) / "Dockerfile"
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read: {error.strerror}") from error


def _dump_plan(options: argparse.Namespace) -> int:
    from core.cli.failures import source_excerpt, write
    from core.cli.plan_text import machine_for, plan_lines
    from core.frontend.options import FrontendOptions
    from core.frontend.plan import plan

    text = _read(options)
    frontend = FrontendOptions.from_attrs(_attrs(options))
    made = plan(text, frontend, machine=machine_for(frontend, emulation=not options.no_emulation))
    if options.format == "json":
        from core.daemon.plan_document import plan_document

        print(json.dumps(plan_document(made), indent=2))
    else:
        for line in plan_lines(made):
            print(line)
        for error in made.errors:
            source = text.decode(errors="replace")
            excerpt = source_excerpt(source, frontend.filename, error.lines)
            write(error, sys.stderr, excerpt=excerpt)
    return 1 if made.errors else 0


def _dump_llb(options: argparse.Namespace) -> int:
    from core.cli.conversion import convert_here, convert_resolved
    from core.cli.failures import FAILED, source_excerpt, write
    from core.errors import DockerfileError
    from core.llb.definition import marshal, to_bytes
    from core.llb.dot import to_dot, to_json_lines

    text, attrs = _read(options), _attrs(options)
    try:
        if options.resolve:
            conversion = asyncio.run(convert_resolved(text, attrs, Path(options.context)))
        else:
            conversion = convert_here(text, attrs, Path(options.context))
    except DockerfileError as error:
        source = text.decode(errors="replace")
        write(error, sys.stderr, excerpt=source_excerpt(source, attrs["filename"], error.lines))
        return FAILED
    edges = [(result.platform, result.edge) for result in conversion.results if result.edge]
    if options.format == "pb":
        if len(edges) != 1:
            raise OptionError(
                f"a definition is one graph, and this build has {len(edges)}",
                hint="Name one platform with --platform.",
            )
        sys.stdout.buffer.write(to_bytes(marshal(edges[0][1])))
        return 0
    for platform, edge in edges:
        if options.format == "dot":
            print(f"// {platform}")
            print(to_dot(edge), end="")
        else:
            print(json.dumps({"platform": str(platform)}))
            print(to_json_lines(edge), end="")
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
                raise NotFoundError(
                    "no build has failed lately", hint="`viaduct history` lists the builds."
                )
        start = engine_pb2.RunStart(
            ref=ref,
            args=options.arguments,
            session=session,
            tty=sys.stdin.isatty() and sys.stdout.isatty(),
        )
        return await run_interactively(builder, start)
