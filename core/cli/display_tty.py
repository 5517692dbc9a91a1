"""A build on a terminal: a line a platform and the steps that run, redrawn ten times a second."""

from __future__ import annotations

import re
import shutil
import time
import unicodedata
from typing import TextIO

from core.progress.lanes import Lane
from core.progress.messages import Mode, SolveStatus
from core.progress.state import BuildState, StepState, VertexState

_BAR = 20
_TAIL_LINES = 3
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b-\x1f\x7f]")
_GREEN, _RED, _BLUE, _DIM, _YELLOW, _RESET = (
    "\x1b[32m",
    "\x1b[31m",
    "\x1b[34m",
    "\x1b[2m",
    "\x1b[33m",
    "\x1b[0m",
)
_MODES = {Mode.EMULATED: "emulated", Mode.CROSS: "cross", Mode.NATIVE: "native", Mode.NONE: ""}


class TtyDisplay:
    """Draws on the last lines of the terminal; finished builds leave their steps behind."""

    def __init__(self, state: BuildState, out: TextIO) -> None:
        self.state = state
        self._out = out
        self._started = time.monotonic()
        self._drawn = 0
        self._dirty = True
        self._last_draw = 0.0
        out.write("\x1b[?25l")

    def show(self, status: SolveStatus) -> None:
        self.state.apply(status)
        self._dirty = True

    def tick(self) -> None:
        self._draw(self._frame(final=False))

    def close(self) -> None:
        """Leave the whole list of steps on the screen."""
        self._draw(self._frame(final=True))
        self._out.write("\x1b[?25h")
        for warning in self.state.warnings:
            where = f" (line {warning.ranges[0].start})" if warning.ranges else ""
            self._out.write(f"{_YELLOW}warning{_RESET}: {warning.short}{where}\n")
        self._out.flush()

    def _draw(self, lines: list[str]) -> None:
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        body = "".join(f"\x1b[2K{line}\n" for line in lines)
        self._out.write(f"{up}\r{body}\x1b[0J")
        self._out.flush()
        self._drawn = len(lines)

    def _frame(self, *, final: bool) -> list[str]:
        size = shutil.get_terminal_size()
        seconds = time.monotonic() - self._started
        total = len(self.state.vertices)
        done = self.state.finished_count
        word = "Built" if final and self.state.failed is None else "Building"
        lines = [f"[+] {word} {seconds:.1f}s ({done}/{total})"]
        lanes = self.state.lanes()
        if len(lanes) > 1 or (lanes and lanes[0].mode is Mode.EMULATED):
            width = max(len(lane.platform) for lane in lanes)
            lines += [self._lane(lane, width) for lane in lanes]
        steps = list(self.state.vertices.values())
        if not final:
            room = max(3, size.lines - len(lines) - 2)
            steps = _most_telling(steps, room)
        for step in steps:
            lines.append(self._step(step, size.columns))
            if not final and step.state is StepState.RUNNING and len(lines) < size.lines - 4:
                lines += _tail(step, size.columns)
        return [_cut(line, size.columns) for line in lines]

    def _lane(self, lane: Lane, width: int) -> str:
        share = (lane.done + lane.failed + lane.cancelled) / lane.total if lane.total else 0.0
        filled = round(share * _BAR)
        colour = _RED if lane.failed else _GREEN if lane.finished else _BLUE
        bar = f"{colour}{'━' * filled}{_RESET}{_DIM}{'─' * (_BAR - filled)}{_RESET}"
        current = self.state.vertices[lane.current].step.text if lane.current else ""
        mode = _MODES[lane.mode]
        return f"    {lane.platform:<{width}} {bar} {lane.done}/{lane.total} {mode:<8} {current}"

    def _step(self, step: VertexState, columns: int) -> str:
        seconds = step.duration(time.time_ns()) / 1e9
        match step.state:
            case StepState.CACHED:
                mark, colour, note = "CACHED ", _BLUE, ""
            case StepState.DONE:
                mark, colour, note = "", _GREEN, f"{seconds:.1f}s"
            case StepState.FAILED:
                mark, colour, note = "ERROR ", _RED, f"{seconds:.1f}s"
            case StepState.CANCELLED:
                mark, colour, note = "CANCELED ", _YELLOW, f"{seconds:.1f}s"
            case StepState.RUNNING:
                mark, colour, note = "", "", f"{seconds:.1f}s"
            case _:
                mark, colour, note = "", _DIM, ""
        counts = "".join(
            f" {_share(entry.current, entry.total)}"
            for entry in list(step.statuses.values())[-1:]
            if step.state is StepState.RUNNING and entry.total
        )
        text = f" => {mark}{step.name}{counts}"
        room = columns - len(note) - 2
        text = _cut(text, room)
        padding = " " * max(1, room - _width(text))
        return f"{colour}{text}{_RESET if colour else ''}{padding}{note}"


def _most_telling(steps: list[VertexState], room: int) -> list[VertexState]:
    """As many as fit: those that run, failed ones, then the latest finished ones; in order."""

    def rank(step: VertexState) -> tuple[int, int]:
        order = {StepState.RUNNING: 0, StepState.FAILED: 0, StepState.WAITING: 2}
        return order.get(step.state, 1), -step.number

    if len(steps) > room:
        steps = sorted(sorted(steps, key=rank)[:room], key=lambda step: step.number)
    return steps


def _tail(step: VertexState, columns: int) -> list[str]:
    text = step.tail.decode(errors="replace")
    lines = [line for line in re.split(r"[\r\n]+", text) if line.strip()][-_TAIL_LINES:]
    return [f"{_DIM}    # {_cut(_ESCAPES.sub('', line), columns - 8)}{_RESET}" for line in lines]


def _share(current: int, total: int) -> str:
    return f"{100 * current // total}%" if current < total else ""


def _width(text: str) -> int:
    plain = _ESCAPES.sub("", text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in plain)


def _cut(text: str, columns: int) -> str:
    """At most so many columns; escapes cost none and are kept whole."""
    if _width(text) <= columns:
        return text
    out, used, position = [], 0, 0
    while position < len(text):
        if match := _ESCAPES.match(text, position):
            out.append(match[0])
            position = match.end()
            continue
        wide = 2 if unicodedata.east_asian_width(text[position]) in "WF" else 1
        if used + wide >= columns:
            break
        out.append(text[position])
        used += wide
        position += 1
    return "".join(out) + "…" + _RESET
