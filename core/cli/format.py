"""``viaduct format``: white space and keyword case of Dockerfiles, never their meaning."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from core.dockerfile.formatting import format_text
from core.errors import DockerfileError, NotFoundError


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="viaduct format",
        description=__doc__,
        epilog="Exit codes: 0 formatted, 1 with --check when a file would change.",
    )
    parser.add_argument("files", nargs="*", default=["Dockerfile"], metavar="FILE|-")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, name what would change"
    )
    parser.add_argument("--diff", action="store_true", help="write nothing, show the difference")
    options = parser.parse_args(arguments)
    changed = False
    for name in options.files:
        text = _read(name)
        try:
            formatted = format_text(text)
        except DockerfileError as error:
            error.source_name = error.source_name or name
            raise
        if name == "-" and not (options.check or options.diff):
            sys.stdout.write(formatted)
            continue
        if formatted == text:
            continue
        changed = True
        if options.diff:
            before, after = text.splitlines(keepends=True), formatted.splitlines(keepends=True)
            sys.stdout.writelines(difflib.unified_diff(before, after, name, name))
        else:
            print(name)
            if not options.check:
                Path(name).write_text(formatted, newline="")
    return 1 if changed and (options.check or options.diff) else 0


def _read(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    try:
        with Path(name).open(newline="") as file:
            return file.read()
    except OSError as error:
        raise NotFoundError(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NotFoundError(f"{name} is not a text file in UTF-8") from error
