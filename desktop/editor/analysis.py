"""Parsing, linting and planning while one types: off the window's thread, newest text wins."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from core.dockerfile.commands import Program
from core.errors import Error
from core.lint.findings import Finding
from desktop.tasks import Tasks

if TYPE_CHECKING:
    from core.frontend.plan import Plan
    from core.lint.rules.advice import ImageFacts

PAUSE_MILLISECONDS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Everything that an analysis depends on."""

    key: str
    text: str = field(repr=False)
    name: str = "Dockerfile"
    folder: Path | None = None
    platforms: tuple[str, ...] = ()
    target: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    native: tuple[str, ...] = ()
    emulated: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, ImageFacts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """``program`` is None when the text does not parse; ``plan`` when it cannot be planned."""

    question: Question
    program: Program | None
    findings: tuple[Finding, ...]
    plan: Plan | None
    milliseconds: float
    bases: tuple[str, ...] = ()


class Analyzer(QObject):
    """Ask as often as you like: it waits for a pause, runs in a thread and drops stale answers."""

    ready = Signal(object)  # Analysis

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._generation = 0
        self._question: Question | None = None
        self._running: asyncio.Task[None] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MILLISECONDS)
        self._timer.timeout.connect(self._start)

    def ask(self, question: Question, *, at_once: bool = False) -> None:
        self._generation += 1
        self._question = question
        if at_once:
            self._start()
        else:
            self._timer.start()

    def cancel(self) -> None:
        self._generation += 1
        self._timer.stop()

    def _start(self) -> None:
        self._timer.stop()
        if self._running is None or self._running.done():
            self._running = self._tasks.start(self._run(), name="analyse")

    async def _run(self) -> None:
        done = -1
        while self._question is not None and done != self._generation:
            generation, question = self._generation, self._question
            answer = await self._tasks.in_thread(
                analyse, question, lambda g=generation: g != self._generation
            )
            done = generation
            if answer is not None and generation == self._generation:
                self.ready.emit(answer)


def analyse(question: Question, stale: Callable[[], bool]) -> Analysis | None:
    """The whole answer; None when ``stale()`` became true on the way."""
    from core.dockerfile.instructions import instructions
    from core.dockerfile.parser import parse
    from core.lint.bases import base_references
    from core.lint.run import LintOptions, lint_text

    started = time.perf_counter()
    program: Program | None = None
    if question.text.strip():
        with suppress(Error):
            document = parse(question.text, name=question.name)
            program = instructions(document, lenient=True)
    if stale():
        return None
    findings: tuple[Finding, ...] = ()
    if question.text.strip():
        options = LintOptions(platforms=question.platforms, images=question.images)
        findings = lint_text(question.text, name=question.name, options=options)
    if stale():
        return None
    return Analysis(
        question=question,
        program=program,
        findings=findings,
        plan=make_plan(question) if program is not None else None,
        milliseconds=(time.perf_counter() - started) * 1000,
        bases=base_references(program) if program is not None else (),
    )


def make_plan(question: Question) -> Plan | None:
    """The plan of the text as it stands; None where the options mean nothing."""
    from core.frontend.options import FrontendOptions
    from core.frontend.plan import Machine, plan
    from core.oci.platform import parse_platform

    attrs = {"filename": question.name, "platform": ",".join(question.platforms)}
    if question.target:
        attrs["target"] = question.target
    attrs |= {f"build-arg:{key}": value for key, value in question.build_args.items()}
    machine = None
    if question.native:
        machine = Machine(
            native=tuple(parse_platform(text) for text in question.native),
            emulated={parse_platform(text): name for text, name in question.emulated.items()},
        )
    try:
        options = FrontendOptions.from_attrs(
            attrs, build_platforms=machine.native if machine is not None else ()
        )
    except Error:
        return None
    return plan(question.text, options, machine=machine)
