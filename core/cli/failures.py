"""Errors as a person reads them: excerpt, sentence, hint; and the exit code they mean."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from core.errors import (
    BuilderError,
    BuildError,
    CancelledBuildError,
    Error,
    MachineError,
    RegistryError,
    StorageError,
    UserInputError,
)

FAILED, USAGE, OUTSIDE, INTERRUPTED = 1, 2, 3, 130


def report(error: BaseException, out: TextIO | None = None) -> int:
    """Print the error to standard error; the exit code. What is no user's error is raised."""
    out = out or sys.stderr
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else FAILED
    if isinstance(error, KeyboardInterrupt):
        print("\nviaduct: interrupted", file=out)
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has had enough; the interpreter must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        return report(error.exceptions[0], out)
    if isinstance(error, Error):
        write(error, out)
        return exit_code(error)
    raise error


def write(error: Error, out: TextIO, *, excerpt: str = "") -> None:
    """The error in at most three parts."""
    if excerpt:
        print(excerpt, file=out)
    print(f"viaduct: {error}", file=out)
    if error.hint:
        print(f"  {error.hint}", file=out)


def exit_code(error: Error) -> int:
    match error:
        case CancelledBuildError():
            return INTERRUPTED
        case UserInputError():
            return USAGE if error.instance_code == "option" else FAILED
        case BuilderError() | MachineError() | RegistryError() | StorageError():
            return OUTSIDE
        case BuildError():
            return FAILED
        case _:
            return FAILED


def source_excerpt(text: str, name: str, lines: list[int], *, around: int = 2) -> str:
    """The lines of a Dockerfile that an error speaks of, marked, with some around them."""
    source = text.splitlines()
    wanted = [n for n in lines if 1 <= n <= len(source)]
    if not wanted:
        return ""
    first, last = max(1, wanted[0] - around), min(len(source), wanted[-1] + around)
    rule = "-" * 20
    shown = [f"{name}:{wanted[0]}", rule]
    marked = set(wanted)
    for number in range(first, last + 1):
        sign = ">>>" if number in marked else "   "
        shown.append(f"{number:4d} | {sign} {source[number - 1]}".rstrip())
    return "\n".join([*shown, rule])
