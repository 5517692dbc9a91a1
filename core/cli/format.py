"""``viaduct format``: white space and keyword case of Dockerfiles, never their meaning."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from core.cli.arguments import command_parser
from core.errors import Error, NotFoundError, StorageError

_DESCRIPTION = (
    "Format Dockerfiles in place: keywords in capitals, white space, blank lines between stages. "
    "What a file means never changes. FILE - reads standard input and writes standard output."
)
_CODES = (
    "Exit codes: 0 everything is formatted, 1 with --check or --diff when a file would change, "
    "2 a file cannot be read, written or parsed (the others are formatted all the same)."
)
CHANGES, UNUSABLE = 1, 2


def main(arguments: Sequence[str]) -> int:
    parser = command_parser("format", _DESCRIPTION, codes=_CODES)
    parser.add_argument(
        "files", nargs="*", default=["Dockerfile"], metavar="FILE", help="(Dockerfile)"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing, name what would change"
    )
    parser.add_argument("--diff", action="store_true", help="write nothing, show the difference")
    options = parser.parse_args(arguments)
    worst = 0
    for name in options.files:
        try:
            changes = _format(name, options)
        except Error as error:
            from core.cli.failures import write

            write(error, sys.stderr)
            worst = UNUSABLE
            continue
        if changes and (options.check or options.diff):
            worst = max(worst, CHANGES)
    return worst


def _format(name: str, options: argparse.Namespace) -> bool:
    """Do what is asked for with one file; whether formatting changes it."""
    from core.dockerfile.formatting import format_text
    from core.errors import DockerfileError

    text = _read(name)
    try:
        formatted = format_text(text)
    except DockerfileError as error:
        places = f" (line {error.lines[0]})" if error.lines else ""
        raise DockerfileError(f"{_shown(name)}{places}: {error}", hint=error.hint) from error
    if options.diff:
        before, after = text.splitlines(keepends=True), formatted.splitlines(keepends=True)
        sys.stdout.writelines(difflib.unified_diff(before, after, _shown(name), _shown(name)))
    elif options.check:
        if formatted != text:
            print(_shown(name))
    elif name == "-":
        sys.stdout.write(formatted)
    elif formatted != text:
        _replace(Path(name), formatted)
        print(name)
    return formatted != text


def _shown(name: str) -> str:
    return "standard input" if name == "-" else name


def _read(name: str) -> str:
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode()
    except OSError as error:
        raise NotFoundError(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NotFoundError(f"{_shown(name)} is not a text file in UTF-8") from error


def _replace(path: Path, text: str) -> None:
    """The whole file or nothing; mode, owner and a symbolic link in its place stay."""
    target = Path(os.path.realpath(path))
    try:
        before = target.stat()
        handle, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            os.fchmod(file.fileno(), before.st_mode & 0o7777)
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
        os.replace(partial, target)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        Path(partial).unlink(missing_ok=True)
