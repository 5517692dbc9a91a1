"""Ask for root where a change concerns the whole system."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

_SOURCE = Path(__file__).resolve().parents[2]


def own_command(arguments: Sequence[str]) -> tuple[str, ...]:
    """``viaduct ARGUMENTS`` for a process with a bare environment, as pkexec and sudo give."""
    if getattr(sys, "frozen", False):
        return (sys.executable, *arguments)
    return (
        "env", f"PYTHONPATH={_SOURCE}", sys.executable, "-P", "-m", "core.cli.main", *arguments,
    )  # fmt: skip


def elevated(
    command: Sequence[str],
    *,
    terminal: bool,
    which: Callable[[str], str | None] = shutil.which,
) -> tuple[str, ...]:
    """``command`` with what makes it root in front: nothing, pkexec or sudo; () if there is
    neither.

    ``terminal`` says that somebody can type a password into one.
    """
    if os.geteuid() == 0:
        return tuple(command)
    tools = ("sudo", "pkexec") if terminal else ("pkexec",)
    for tool in tools:
        if which(tool):
            return (tool, *command)
    return ()
