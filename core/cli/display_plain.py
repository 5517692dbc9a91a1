"""Lines as BuildKit's plain progress writes them: ``#N name``, ``#N 0.12 output``, ``#N DONE``.

Steps run at the same time, lines come one after the other: output of one step is shown together
as long as others need not wait too long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

from core.progress.messages import SolveStatus
from core.progress.state import BuildState, StepState, VertexState

_PATIENCE = 5.0
"""Seconds that a step which goes on may keep the others waiting."""
_SILENCE = 1.0
"""Seconds without output after which others get their turn at once."""


@dataclass(slots=True)
class _Pending:
    lines: list[str] = field(default_factory=list)
    partial: dict[int, bytes] = field(default_factory=dict)
    announced: bool = False
    ended: bool = False
    shown_counts: dict[str, float] = field(default_factory=dict)


class PlainDisplay:
    def __init__(
        self, state: BuildState, out: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.state = state
        self._out = out
        self._clock = clock
        self._pending: dict[str, _Pending] = {}
        self._current: str | None = None
        self._since = 0.0
        self._last_output = 0.0

    def show(self, status: SolveStatus) -> None:
        self.state.apply(status)
        for vertex in status.vertexes:
            seen = self._pending.setdefault(vertex.digest, _Pending())
            if vertex.started is not None and vertex.completed is None:
                seen.ended = False
        for entry in status.statuses:
            step = self.state.vertices.get(entry.vertex)
            if step is not None:
                self._count(step, entry.id)
        for log in status.logs:
            step = self.state.vertices.get(log.vertex)
            if step is not None:
                self._log(step, log.stream, log.data, log.timestamp)
        self._print()

    def tick(self) -> None:
        self._print()

    def close(self) -> None:
        """Print what is left, then the warnings."""
        for digest, pending in self._pending.items():
            for stream in list(pending.partial):
                self._end_line(self.state.vertices[digest], stream)
        self._print(everything=True)
        count = len(self.state.warnings)
        if count:
            print(f"\n{count} warning{'s' if count > 1 else ''} found:", file=self._out)
            for warning in self.state.warnings:
                where = ""
                if warning.ranges:
                    where = f" ({warning.source_name}:{warning.ranges[0].start})"
                print(f" - {warning.short}{where}", file=self._out)
        self._out.flush()

    def _log(self, step: VertexState, stream: int, data: bytes, at: int | None) -> None:
        pending = self._pending.setdefault(step.digest, _Pending())
        text = pending.partial.pop(stream, b"") + data
        *lines, rest = text.split(b"\n")
        pending.lines += [self._line(step, line, at) for line in lines]
        if rest:
            pending.partial[stream] = rest

    def _end_line(self, step: VertexState, stream: int) -> None:
        rest = self._pending[step.digest].partial.pop(stream, b"")
        if rest:
            self._pending[step.digest].lines.append(self._line(step, rest, None))

    def _line(self, step: VertexState, line: bytes, at: int | None) -> str:
        started = step.vertex.started
        seconds = (at - started) / 1e9 if at is not None and started is not None else 0.0
        text = line.decode(errors="replace").rstrip("\r")
        return f"#{step.number} {max(0.0, seconds):.3f} {text}"

    def _count(self, step: VertexState, id: str) -> None:
        """A line for a transfer that began, moved by a twentieth, or ended."""
        entry = step.statuses[id]
        pending = self._pending.setdefault(step.digest, _Pending())
        done = entry.completed is not None
        share = entry.current / entry.total if entry.total else 0.0
        last = pending.shown_counts.get(id)
        if last is not None and not done and share - last < 0.05:
            return
        if last == 2.0:
            return
        if entry.name == "waiting" and not done:
            return
        pending.shown_counts[id] = 2.0 if done else share
        size = f" {_size(entry.current)}" if entry.current else ""
        if entry.total and entry.total != entry.current:
            size += f" / {_size(entry.total)}"
        name = entry.name if entry.name not in {"", id, "done"} else ""
        text = " ".join(part for part in (name, id) if part)
        pending.lines.append(f"#{step.number} {text}{size}{' done' if done else ''}")

    def _print(self, *, everything: bool = False) -> None:
        now = self._clock()
        while True:
            if self._current is not None:
                if self._flush(self._current, everything=everything):
                    self._current = None
                elif everything or self._others_wait(now):
                    step = self.state.vertices[self._current]
                    if not everything:
                        print(f"#{step.number} ...\n", file=self._out)
                    self._pending[self._current].announced = False
                    self._current = None
            if self._current is not None:
                break
            following = self._choose(everything=everything)
            if following is None:
                break
            self._current, self._since = following, now
        self._out.flush()

    def _others_wait(self, now: float) -> bool:
        waiting = any(
            digest != self._current and self._wants_turn(digest) for digest in self._pending
        )
        quiet = now - self._last_output > _SILENCE
        return waiting and (quiet or now - self._since > _PATIENCE)

    def _wants_turn(self, digest: str) -> bool:
        pending = self._pending[digest]
        step = self.state.vertices[digest]
        return bool(pending.lines) or (step.state.finished and not pending.ended)

    def _choose(self, *, everything: bool) -> str | None:
        candidates = [digest for digest in self._pending if self._wants_turn(digest)]
        running = [
            digest
            for digest, pending in self._pending.items()
            if self.state.vertices[digest].state is StepState.RUNNING and not pending.announced
        ]
        finished = [d for d in candidates if self.state.vertices[d].state.finished]
        for group in (finished, candidates, [] if everything else running):
            if group:
                return min(group, key=lambda d: self.state.vertices[d].number)
        return None

    def _flush(self, digest: str, *, everything: bool) -> bool:
        """Print what there is of a step; whether it is over."""
        pending = self._pending[digest]
        step = self.state.vertices[digest]
        if step.state.finished:
            for stream in list(pending.partial):
                self._end_line(step, stream)
        if not pending.announced:
            print(f"#{step.number} {step.name}", file=self._out)
            pending.announced = True
        if pending.lines:
            self._last_output = self._clock()
            self._out.write("\n".join(pending.lines) + "\n")
            pending.lines.clear()
        if not step.state.finished:
            return False
        if not pending.ended:
            print(f"#{step.number} {_ending(step)}\n", file=self._out)
            pending.ended = True
        return True


def _ending(step: VertexState) -> str:
    match step.state:
        case StepState.CACHED:
            return "CACHED"
        case StepState.CANCELLED:
            return "CANCELED"
        case StepState.FAILED:
            return f"ERROR: {step.vertex.error}"
        case _:
            return f"DONE {step.duration(time.time_ns()) / 1e9:.1f}s"


def _size(count: int) -> str:
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f}{unit}" if unit == "B" else f"{value:.2f}{unit}"
        value /= 1000
    return f"{value:.2f}GB"
