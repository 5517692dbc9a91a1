"""How a running build is shown: chosen by name, fed with events, closed at its end."""

from __future__ import annotations

import os
import sys
from enum import Enum
from typing import Protocol, TextIO

from core.progress.messages import SolveStatus
from core.progress.raw_json import dumps
from core.progress.state import BuildState


class ProgressMode(Enum):
    AUTO = "auto"
    TTY = "tty"
    PLAIN = "plain"
    RAWJSON = "rawjson"
    QUIET = "quiet"


class Display(Protocol):
    """Shows one build. ``close`` is called once, however the build ended."""

    state: BuildState

    def show(self, status: SolveStatus) -> None: ...

    def tick(self) -> None:
        """Called ten times a second."""
        ...

    def close(self) -> None: ...


class QuietDisplay:
    """Keeps the state, shows nothing."""

    def __init__(self, state: BuildState) -> None:
        self.state = state

    def show(self, status: SolveStatus) -> None:
        self.state.apply(status)

    def tick(self) -> None:
        """Nothing moves."""

    def close(self) -> None:
        """Nothing was opened."""


class RawJsonDisplay(QuietDisplay):
    """One SolveStatus a line."""

    def __init__(self, state: BuildState, out: TextIO) -> None:
        super().__init__(state)
        self._out = out

    def show(self, status: SolveStatus) -> None:
        super().show(status)
        self._out.write(dumps(status) + "\n")
        self._out.flush()


def make_display(mode: ProgressMode, state: BuildState, out: TextIO | None = None) -> Display:
    """The display for a mode; AUTO draws on terminals and prints lines elsewhere."""
    out = out or sys.stderr
    if mode is ProgressMode.AUTO:
        dumb = os.environ.get("TERM", "") in {"", "dumb"}
        mode = ProgressMode.TTY if out.isatty() and not dumb else ProgressMode.PLAIN
    match mode:
        case ProgressMode.QUIET:
            return QuietDisplay(state)
        case ProgressMode.RAWJSON:
            return RawJsonDisplay(state, out)
        case ProgressMode.TTY:
            from core.cli.display_tty import TtyDisplay

            return TtyDisplay(state, out)
        case _:
            from core.cli.display_plain import PlainDisplay

            return PlainDisplay(state, out)
