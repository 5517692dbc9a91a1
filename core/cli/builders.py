"""``viaduct builders``: the embedded builder, Docker's contexts, others by name."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.cli.arguments import OutputFormat, add_format, command_parser, print_json, with_default
from core.cli.tables import print_table
from core.client.endpoints import Endpoint, parse_endpoint
from core.client.stored_builders import (
    all_builders,
    find_builder,
    read_builders,
    settings_file,
    write_builders,
)
from core.errors import Error

_SECONDS = 8.0
_DESCRIPTION = (
    "List, add and choose builders: the embedded one, the contexts of the docker command, and any "
    "BuildKit that was added by name. The chosen one (*) is used where no --builder is given."
)
_ENDPOINTS = (
    "unix:///PATH, tcp://HOST:PORT (with TLS: ?ca=FILE&cert=FILE&key=FILE), ssh://[USER@]HOST, "
    "docker:///PATH or docker-context:NAME"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a builder said about itself; ``problem`` why it did not."""

    endpoint: Endpoint
    version: str = ""
    platforms: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    problem: str = ""
    hint: str = ""


def main(arguments: Sequence[str]) -> int:
    parser = command_parser("builders", _DESCRIPTION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    listing = commands.add_parser("ls", aliases=["list"], help="list all builders (the default)")
    add_format(listing)
    add = commands.add_parser("add", help="keep an endpoint under a name")
    add.add_argument("name", metavar="NAME")
    add.add_argument("endpoint", metavar="ENDPOINT", help=_ENDPOINTS)
    add.add_argument("--use", action="store_true", help="choose it too")
    remove = commands.add_parser("rm", help="forget builders that were added")
    remove.add_argument("names", nargs="+", metavar="NAME")
    use = commands.add_parser("use", help="choose the builder that is used by default")
    use.add_argument("name", metavar="NAME|ENDPOINT")
    inspect = commands.add_parser("inspect", help="ask one builder for its version and platforms")
    inspect.add_argument("name", nargs="?", default="", metavar="NAME|ENDPOINT")
    add_format(inspect)
    options = parser.parse_args(with_default(arguments, "ls"))
    match options.command:
        case "add":
            return _add(options)
        case "rm":
            return _remove(options.names)
        case "use":
            return _use(options.name)
        case "inspect":
            return asyncio.run(_inspect(options))
        case _:
            return asyncio.run(_list(options))


def _add(options: argparse.Namespace) -> int:
    stored = read_builders().with_builder(options.name, options.endpoint)
    if options.use:
        stored = replace(stored, chosen=options.name)
    write_builders(stored)
    print(f"{options.name}  {parse_endpoint(options.endpoint)}")
    return 0


def _remove(names: Sequence[str]) -> int:
    stored = read_builders()
    for name in names:
        stored = stored.without_builder(name)
    write_builders(stored)
    for name in names:
        print(name)
    return 0


def _use(name: str) -> int:
    endpoint = find_builder(name)
    write_builders(replace(read_builders(), chosen=name))
    print(f"{name}  {endpoint}")
    return 0


async def _list(options: argparse.Namespace) -> int:
    endpoints = list(all_builders())
    chosen = _chosen(endpoints)
    answers = await asyncio.gather(*(_ask(endpoint) for endpoint in endpoints))
    if options.format is OutputFormat.JSON:
        print_json([_json(answer, chosen=answer.endpoint.name == chosen) for answer in answers])
        return 0
    rows = [
        (
            answer.endpoint.name + ("*" if answer.endpoint.name == chosen else ""),
            str(answer.endpoint),
            answer.version,
            f"({answer.problem})"
            if answer.problem
            else ", ".join(p.removeprefix("linux/") for p in answer.platforms),
        )
        for answer in answers
    ]
    print_table(("NAME", "ENDPOINT", "VERSION", "PLATFORMS"), rows)
    if not chosen:
        print(f"chosen: {read_builders().chosen} ({settings_file()})")
    return 0


async def _inspect(options: argparse.Namespace) -> int:
    endpoint = find_builder(options.name)
    answer = await _ask(endpoint)
    if options.format is OutputFormat.JSON:
        print_json(_json(answer, chosen=endpoint == find_builder()))
        return 3 if answer.problem else 0
    if answer.problem:
        print(f"viaduct: {answer.problem}", file=sys.stderr)
        if answer.hint:
            print(f"  {answer.hint}", file=sys.stderr)
        return 3
    print(f"name:       {endpoint.name}")
    print(f"endpoint:   {endpoint}")
    print(f"version:    {answer.version or 'it does not tell'}")
    print(f"workers:    {', '.join(answer.workers)}")
    print(f"platforms:  {', '.join(answer.platforms)}")
    return 0


def _chosen(endpoints: Sequence[Endpoint]) -> str:
    """The name of the listed builder that is chosen; empty where it is none of them."""
    try:
        chosen = find_builder()
    except Error:
        return ""
    return next((e.name for e in endpoints if e == chosen), "")


async def _ask(endpoint: Endpoint) -> Answer:
    from core.client import connect

    try:
        async with asyncio.timeout(_SECONDS), await connect(endpoint) as builder:
            version = await builder.info()
            workers = await builder.workers()
    except TimeoutError:
        return Answer(
            endpoint=endpoint, problem=f"{endpoint} gave no answer within {_SECONDS:.0f} s"
        )
    except Error as error:
        return Answer(endpoint=endpoint, problem=str(error), hint=error.hint)
    return Answer(
        endpoint=endpoint,
        version=version,
        workers=tuple(worker.id for worker in workers),
        platforms=tuple(dict.fromkeys(str(p) for worker in workers for p in worker.platforms)),
    )


def _json(answer: Answer, *, chosen: bool) -> dict[str, object]:
    return {
        "name": answer.endpoint.name,
        "kind": answer.endpoint.kind.value,
        "endpoint": str(answer.endpoint),
        "chosen": chosen,
        "version": answer.version,
        "workers": list(answer.workers),
        "platforms": list(answer.platforms),
        "problem": answer.problem,
    }
