"""``viaduct emulation``: what runs here and how; switch it, test it, have it explained."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.cli.tables import print_table
from core.errors import OptionError
from core.wire.pb import control_pb2, engine_pb2

if TYPE_CHECKING:
    from core.client import Builder

Action = engine_pb2.EmulationRequest


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments or ["status"])
    match options.command:
        case "enable":
            return _enable(options)
        case "disable":
            return _disable(options)
        case "test":
            return asyncio.run(_test(options))
        case "explain":
            return asyncio.run(_explain())
        case "probe":
            from core.cli.emulation_probe import probe

            return asyncio.run(probe(options.builder, options.image, options.platforms))
        case "restore":
            from core.cli.emulation_system import restore

            return restore()
        case _:
            return asyncio.run(_status(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="viaduct emulation", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    status = commands.add_parser("status", help="list platforms and how they run (the default)")
    status.add_argument("--json", action="store_true")
    status.add_argument("--handlers", action="store_true", help="list the kernel's handlers too")
    status.add_argument("--builder", default="", metavar="BUILDER", help="a Docker daemon's")
    enable = commands.add_parser("enable", help="have platforms emulated")
    disable = commands.add_parser("disable", help="stop emulating platforms")
    for one in (enable, disable):
        one.add_argument("platforms", nargs="*", metavar="PLATFORM", help="all when none is given")
        one.add_argument(
            "--system", action="store_true", help="for the whole system and every start of it"
        )
        one.add_argument("--builder", default="", metavar="BUILDER", help="on a Docker daemon")
        one.add_argument("--image", default="", metavar="REFERENCE", help="an image with QEMU")
        one.add_argument("--programs", default="", help=argparse.SUPPRESS)
        one.add_argument("--no-elevation", action="store_true", help=argparse.SUPPRESS)
        one.add_argument("-y", "--yes", action="store_true", help="do not ask")
    enable.add_argument("--fetch", action="store_true", help="take QEMU out of an image")
    enable.add_argument(
        "--install", action="store_true", help="have the package manager install QEMU"
    )
    test = commands.add_parser("test", help="execute a tiny program of each platform")
    test.add_argument("platforms", nargs="*", metavar="PLATFORM")
    test.add_argument("--calibrate", action="store_true", help="measure the slow-down too")
    commands.add_parser("explain", help="tell how it works, with what this machine has")
    probe = commands.add_parser("probe", help="build an image that runs busybox of each platform")
    probe.add_argument("platforms", nargs="*", metavar="PLATFORM")
    probe.add_argument("--builder", default="", metavar="BUILDER")
    probe.add_argument("--image", default="busybox", metavar="IMAGE")
    commands.add_parser(
        "restore", help="register what /etc/binfmt.d says, as the start of the machine does"
    )
    return parser


def _enable(options: argparse.Namespace) -> int:
    if options.builder:
        from core.cli.emulation_docker import enable

        return asyncio.run(enable(options.builder, options.image, options.platforms))
    if options.install:
        from core.cli.emulation_system import install

        status = install(options.platforms, yes=options.yes)
        if status:
            return status
    image = options.image or ("default" if options.fetch else "")
    if options.system:
        from core.cli.emulation_system import change

        if image:
            asyncio.run(_change(Action.ENABLE, options.platforms, image))
        return change(enable=True, options=options)
    answer = asyncio.run(_change(Action.ENABLE, options.platforms, image))
    _print(answer, platforms=options.platforms)
    return 0


def _disable(options: argparse.Namespace) -> int:
    if options.builder:
        from core.cli.emulation_docker import disable

        return asyncio.run(disable(options.builder, options.image, options.platforms))
    if options.system:
        from core.cli.emulation_system import change

        return change(enable=False, options=options)
    answer = asyncio.run(_change(Action.DISABLE, options.platforms))
    _print(answer, platforms=options.platforms)
    return 0


async def _change(
    action: engine_pb2.EmulationRequest.Action, platforms: Sequence[str], image: str = ""
) -> engine_pb2.EmulationResponse:
    from core.client import connect

    async with await connect() as builder:
        if not image:
            return await ask(builder, action, platforms)
        async with builder.session() as session:
            request = Action(action=action, platforms=platforms, image=image, session=session)
            return await _call(builder, request)


async def ask(
    builder: Builder,
    action: engine_pb2.EmulationRequest.Action,
    platforms: Sequence[str] = (),
    *,
    calibrate: bool = False,
) -> engine_pb2.EmulationResponse:
    """One call of the embedded builder."""
    return await _call(
        builder, Action(action=action, platforms=split(platforms), calibrate=calibrate)
    )


async def _call(
    builder: Builder, request: engine_pb2.EmulationRequest
) -> engine_pb2.EmulationResponse:
    from core.wire.services import Engine

    platforms = split(request.platforms)
    del request.platforms[:]
    request.platforms.extend(platforms)
    return await builder.call(Engine.EMULATION, request)


def split(platforms: Sequence[str]) -> list[str]:
    """``a,b c`` as three; ``all`` as none."""
    names = [name for text in platforms for name in text.split(",") if name]
    return [] if names == ["all"] else names


async def _status(options: argparse.Namespace) -> int:
    if options.builder:
        from core.cli.emulation_docker import status

        return await status(options.builder)
    from core.client import connect

    async with await connect() as builder:
        answer = await ask(builder, Action.STATUS)
    if options.json:
        from google.protobuf.json_format import MessageToDict

        print(json.dumps(MessageToDict(answer, preserving_proto_field_name=True), indent=2))
        return 0
    _print(answer)
    if options.handlers:
        print()
        _print_handlers(answer)
    return 0


async def _test(options: argparse.Namespace) -> int:
    from core.client import connect

    async with await connect() as builder:
        answer = await ask(builder, Action.TEST, options.platforms, calibrate=options.calibrate)
    tested = [one for one in answer.architectures if one.self_test]
    if options.platforms and not tested:
        raise OptionError("none of these platforms can be tested")
    rows = [
        (
            one.platform,
            "runs" if one.self_test == "ok" else one.self_test,
            _by(one),
            f"{one.slow_down:g}x" if one.slow_down else "",
        )
        for one in tested
    ]
    print_table(("PLATFORM", "SELF-TEST", "BY", "TIME"), rows)
    return 0 if all(one.self_test == "ok" for one in tested) else 1


async def _explain() -> int:
    import shutil
    import textwrap

    from core.client import connect

    async with await connect() as builder:
        answer = await ask(builder, Action.EXPLAIN)
    width = min(96, shutil.get_terminal_size().columns)
    for number, paragraph in enumerate(answer.text):
        if number:
            print()
        print(textwrap.fill(paragraph, width, break_long_words=False, break_on_hyphens=False))
    return 0


def _print(answer: engine_pb2.EmulationResponse, platforms: Sequence[str] = ()) -> None:
    rows = [
        (
            one.platform,
            _mode(one),
            _by(one),
            {"app": "this app", "system": "whole system", "wrapper": "each step"}.get(
                one.scope, ""
            ),
            f"{one.slow_down:g}x" if one.slow_down else "",
        )
        for one in answer.architectures
    ]
    print_table(("PLATFORM", "RUNS", "BY", "FOR", "TIME"), rows)
    for problem, names in _gathered(answer):
        if problem.weight == "note" and not sys.stdout.isatty():
            continue
        about = f" ({', '.join(names)})" if len(names) > 1 else ""
        print(f"\n{problem.weight}: {problem.message}{about}.\n  {problem.remedy}")


def _gathered(
    answer: engine_pb2.EmulationResponse,
) -> list[tuple[engine_pb2.EmulationProblem, list[str]]]:
    """Each problem once, with the platforms that have it: those of one kind and one handler."""
    found: dict[tuple[str, str], tuple[engine_pb2.EmulationProblem, list[str]]] = {}
    for problem in answer.problems:
        found.setdefault((problem.code, problem.handler or problem.message), (problem, []))
    for one in answer.architectures:
        for problem in one.problems:
            key = problem.code, problem.handler
            found.setdefault(key, (problem, []))[1].append(one.platform)
    return list(found.values())


def _mode(one: engine_pb2.ArchitectureState) -> str:
    if one.mode == control_pb2.VERTEX_MODE_NATIVE:
        return "native"
    if one.mode == control_pb2.VERTEX_MODE_EMULATED:
        return "emulated"
    return "switched off" if one.off else "no"


def _by(one: engine_pb2.ArchitectureState) -> str:
    return f"{one.interpreter} {one.interpreter_version}".strip()


def _print_handlers(answer: engine_pb2.EmulationResponse) -> None:
    if not answer.handlers:
        print("The kernel has no handlers.")
        return
    print_table(
        ("HANDLER", "FOR", "STATE", "FLAGS", "PLATFORMS", "INTERPRETER"),
        [
            (
                one.name,
                {"app": "this app", "system": "whole system"}[one.scope],
                "on" if one.enabled else "off",
                one.flags,
                one.platform,
                one.interpreter,
            )
            for one in answer.handlers
        ],
    )
