"""What the options of several commands have in common."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from enum import Enum

from core.errors import OptionError

EXIT_CODES = (
    "Exit codes: 0 done, 1 it failed, 2 the command line is wrong, "
    "3 the builder, a registry or this machine is in the way, 130 interrupted."
)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class OutputFormat(Enum):
    TEXT = "text"
    JSON = "json"


def command_parser(command: str, description: str, *, codes: str = "") -> argparse.ArgumentParser:
    """A parser for ``viaduct COMMAND`` whose help ends with the exit codes."""
    return argparse.ArgumentParser(
        prog=f"viaduct {command}", description=description, epilog=codes or EXIT_CODES
    )


def with_default(arguments: Sequence[str], command: str) -> list[str]:
    """The words, with ``command`` in front where they begin with none."""
    words = list(arguments)
    if words and (not words[0].startswith("-") or words[0] in {"-h", "--help"}):
        return words
    return [command, *words]


def add_format(parser: argparse.ArgumentParser) -> None:
    """``--format text|json``, and ``--json`` for short: ``options.format``."""
    parser.add_argument(
        "--format",
        type=OutputFormat,
        choices=list(OutputFormat),
        default=OutputFormat.TEXT,
        metavar="text|json",
        help="text for people (default), json for programs",
    )
    parser.add_argument(
        "--json",
        dest="format",
        action="store_const",
        const=OutputFormat.JSON,
        help="the same as --format json",
    )


def print_json(document: object) -> None:
    """One document on standard output."""
    print(json.dumps(document, indent=2))


def duration(text: str) -> int:
    """``24h``, ``90m``, ``1h30m``, ``7d`` in nanoseconds. Raises OptionError."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise OptionError(f"{text!r} is no duration", hint="Write it as 24h, 90m, 1h30m or 7d.")
    return int(sum(float(number) * _SECONDS[unit] for number, unit in parts) * 1e9)
