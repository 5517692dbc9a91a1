"""Nodes of the model in the words and icons of the canvas."""

from __future__ import annotations

import re
from collections import Counter

from PySide6.QtCore import QCoreApplication

from core.progress.messages import Mode
from desktop.graph.look import Chip, Look
from desktop.models.graph import BuildGraph, Facts, Pip
from desktop.models.graph_stack import Node
from desktop.models.graph_status import Status
from desktop.models.graph_words import (
    duration_text,
    interpreter_name,
    short_platform,
    slowdown_text,
)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Graph", text)


def status_words(status: Status) -> str:
    return {
        Status.PLANNED: _tr("planned"),
        Status.WAITING: _tr("waiting"),
        Status.RUNNING: _tr("running"),
        Status.DONE: _tr("done"),
        Status.CACHED: _tr("cached"),
        Status.FAILED: _tr("failed"),
        Status.CANCELLED: _tr("cancelled"),
        Status.SKIPPED: _tr("not run"),
    }[status]


def mode_words(mode: Mode, interpreter: str = "", slowdown: float | None = None) -> str:
    """``emulated by qemu-aarch64, 5.2× slower than native``; "" for a step that runs nothing."""
    match mode:
        case Mode.NONE:
            return ""
        case Mode.NATIVE:
            return _tr("native")
        case Mode.CROSS:
            return _tr("cross: runs natively for another platform")
        case Mode.EMULATED:
            words = _tr("emulated")
            if interpreter:
                words = _tr("emulated by {0}").format(interpreter_name(interpreter))
            if slowdown:
                words += _tr(", {0} of native").format(slowdown_text(slowdown))
            return words


def look(graph: BuildGraph, node: Node, now: int, *, several: bool, usual_reason: str = "") -> Look:
    """``several`` says that the build is for more than one platform: then nodes name theirs.
    ``usual_reason`` is left out of the cards: most have it."""
    facts = graph.facts(node.id, now)
    title = node.title
    if node.folded:
        title = QCoreApplication.translate("Graph", "%n cached steps", "", len(node.folded))
    chips: tuple[Chip, ...] = ()
    if several:
        chips = tuple(
            Chip(
                text=short_platform(p.platform),
                token=p.status.token if p.possible or p.status.finished else "failed",
                state=status_words(p.status),
                icon=_chip_icon(p),
            )
            for p in facts.pips
        )
    return Look(
        title=title,
        token=facts.status.token,
        status=status_words(facts.status),
        detail=_detail(facts, usual_reason),
        time="" if facts.seconds is None or facts.seconds < 0.05 else duration_text(facts.seconds),
        chips=chips,
        badge=_badge(node, facts),
        fraction=facts.fraction,
        stacked=len(facts.pips) > 1 and len(node.entries) > 1,
        folded=bool(node.folded),
        dimmed=facts.status is Status.SKIPPED,
        planned=facts.status is Status.PLANNED,
        running=facts.status is Status.RUNNING,
        description=description(graph, node, facts),
    )


def _chip_icon(pip: Pip) -> str:
    """Before it runs a chip shows how it will; afterwards what became of it."""
    if pip.status in {Status.PLANNED, Status.WAITING}:
        if not pip.possible:
            return "failed"
        if pip.mode in {Mode.EMULATED, Mode.CROSS}:
            return str(pip.mode.value)
    return "" if pip.status is Status.PLANNED else pip.status.token


def _badge(node: Node, facts: Facts) -> tuple[str, str] | None:
    if facts.impossible and not facts.status.finished:
        return None if len(node.platforms) > 1 else ("failed", _tr("cannot run here"))
    if facts.mode is Mode.EMULATED:
        if len(node.platforms) > 1:
            return None
        words = interpreter_name(facts.interpreter) or _tr("emulated")
        if facts.slowdown:
            words += f" {slowdown_text(facts.slowdown)}"
        return ("emulated", words)
    if facts.mode is Mode.CROSS:
        return ("cross", _tr("cross"))
    return None


def usual_reason(graph: BuildGraph) -> str:
    """The reason that more than half of the steps give, such as that it is the first build."""
    seen = [graph.vertex(entry) for entry in graph.entries]
    counts = Counter(v.vertex.reason for v in seen if v is not None and v.vertex.reason)
    if not counts:
        return ""
    reason, count = counts.most_common(1)[0]
    return reason if count > counts.total() / 2 and counts.total() > 3 else ""


def _detail(facts: Facts, usual: str) -> str:
    if facts.error and facts.status is Status.FAILED:
        return last_clause(facts.error)
    return facts.reason if facts.reason != usual else ""


def last_clause(error: str) -> str:
    """The end of a wrapped error: ``exit code: 101`` of ``failed to solve: …: exit code: 101``."""
    line = error.strip().rpartition("\n")[2]
    found = re.search(r"exit code: \d+.*$", line)
    return found.group() if found else line.rpartition(": ")[2]


def description(graph: BuildGraph, node: Node, facts: Facts) -> str:
    """Several lines: the instruction, state, time, mode, platforms, reason, error."""
    if node.folded:
        titles = [graph.entries[e].title for e in node.entries]
        return "\n".join(dict.fromkeys(titles))
    lines = [graph.entries[node.entries[0]].title]
    state = status_words(facts.status)
    if facts.seconds:
        state += f", {duration_text(facts.seconds)}"
    lines.append(state)
    mode = mode_words(facts.mode, facts.interpreter, facts.slowdown)
    if mode:
        lines.append(mode)
    if facts.pips:
        lines.append(", ".join(f"{p.platform}: {status_words(p.status)}" for p in facts.pips))
    if facts.impossible:
        names = ", ".join(facts.impossible)
        lines.append(_tr("Nothing here runs programs of {0}.").format(names))
    if facts.reason:
        lines.append(facts.reason)
    if facts.error:
        lines.append(facts.error.strip()[:600])
    return "\n".join(lines)
