"""Gutter marks of a build: what happened at each line."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from core.progress.state import BuildState, StepState
from desktop.editor.gutter import Mark

_RANK = {
    StepState.FAILED: 9, StepState.RUNNING: 8, StepState.CANCELLED: 7, StepState.WAITING: 0,
    StepState.DONE: 0, StepState.CACHED: 0,
}  # fmt: skip
_SHOWN = (
    StepState.FAILED, StepState.RUNNING, StepState.CANCELLED, StepState.DONE, StepState.CACHED,
)  # fmt: skip


def step_marks(state: BuildState) -> dict[int, Mark]:
    """First line of each step to the worst state it has on any platform, with the reasons."""
    worst: dict[int, StepState] = {}
    words: dict[int, list[str]] = {}
    for vertex in state.vertices.values():
        if vertex.internal or not vertex.vertex.ranges or vertex.state not in _SHOWN:
            continue
        line = vertex.vertex.ranges[0].start
        known = worst.get(line)
        if known is None or _SHOWN.index(vertex.state) < _SHOWN.index(known):
            worst[line] = vertex.state
        words.setdefault(line, []).append(
            _sentence(vertex.state, vertex.platforms, vertex.vertex.reason)
        )
    return {
        line: Mark(
            icon=step.value, role=step.value, text="\n".join(words[line]), weight=_RANK[step]
        )
        for line, step in worst.items()
    }


def _sentence(step: StepState, platforms: tuple[str, ...], reason: str) -> str:
    word = {
        StepState.FAILED: QCoreApplication.translate("StepMarks", "failed"),
        StepState.RUNNING: QCoreApplication.translate("StepMarks", "running"),
        StepState.CANCELLED: QCoreApplication.translate("StepMarks", "cancelled"),
        StepState.DONE: QCoreApplication.translate("StepMarks", "ran"),
        StepState.CACHED: QCoreApplication.translate("StepMarks", "cached"),
        StepState.WAITING: QCoreApplication.translate("StepMarks", "waiting"),
    }[step]
    where = ", ".join(platforms)
    text = f"{where}: {word}" if where else word
    return f"{text} — {reason}" if reason else text
