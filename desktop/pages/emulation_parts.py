"""Pieces of the Emulation page: the scope switch, a command to copy, work that can be cancelled."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from enum import Enum

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.wire.pb import control_pb2, engine_pb2
from desktop.theme import METRICS
from desktop.widgets.form import clear, label, restyle, row
from desktop.widgets.words import begun


class Scope(Enum):
    """Whom a change concerns. ELSEWHERE: a builder whose handlers are out of reach."""

    APP = "app"
    SYSTEM = "system"
    DOCKER = "docker"
    ELSEWHERE = "elsewhere"


class ScopeSwitch(QWidget):
    """This app or the whole system, with what that means, and the buttons for all platforms."""

    changed = Signal()
    all_requested = Signal(bool)  # on
    restore_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fixed: Scope | None = None
        self.app = _choice(self.tr("This app"))
        self.app.setAccessibleName(self.tr("Change emulation for this app"))
        self.system = _choice(self.tr("Whole system"))
        self.system.setAccessibleName(self.tr("Change emulation for the whole system"))
        self.app.setChecked(True)
        group = QButtonGroup(self)
        for one in (self.app, self.system):
            group.addButton(one)
            one.toggled.connect(self._toggled)
        self._on = QPushButton(self.tr("Enable All"))
        self._off = QPushButton(self.tr("Disable All"))
        self._restore = QPushButton(self.tr("Register Again"))
        self._restore.setAccessibleName(self.tr("Register what the start-up files say"))
        self._restore.setToolTip(
            self.tr("Register what /etc/binfmt.d says, as the start of the machine does")
        )
        self._on.clicked.connect(lambda: self.all_requested.emit(True))
        self._off.clicked.connect(lambda: self.all_requested.emit(False))
        self._restore.clicked.connect(self.restore_requested)
        self._meaning = label("", "muted", wrap=True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(METRICS.gap)
        box.addLayout(row(self.app, self.system, 1, self._restore, self._on, self._off))
        box.addWidget(self._meaning)
        self._dress()

    @property
    def scope(self) -> Scope:
        if self._fixed is not None:
            return self._fixed
        return Scope.SYSTEM if self.system.isChecked() else Scope.APP

    def fix(self, scope: Scope | None) -> None:
        """The builder decides (a Docker daemon, a remote one); None leaves the choice."""
        self._fixed = scope
        self._dress()

    def _toggled(self, on: bool) -> None:
        if on:
            self._dress()
            self.changed.emit()

    def _dress(self) -> None:
        scope = self.scope
        for one in (self.app, self.system):
            one.setVisible(self._fixed is None)
        for button in (self._on, self._off):
            button.setVisible(scope is not Scope.ELSEWHERE)
        self._restore.setVisible(scope is Scope.SYSTEM)
        self._off.setText(self.tr("Undo All") if scope is Scope.SYSTEM else self.tr("Disable All"))
        self._off.setToolTip(
            self.tr("Put back the handlers that were there before") if scope is Scope.SYSTEM else ""
        )
        self._meaning.setText(
            {
                Scope.APP: self.tr(
                    "For the builds of this app: needs no root, changes nobody else."
                ),
                Scope.SYSTEM: self.tr(
                    "For every program and every user, at every start of the machine: needs root."
                    " Undo puts back what was there before."
                ),
                Scope.DOCKER: self.tr(
                    "For the machine that this Docker daemon runs on, by a privileged container of"
                    " a pinned image."
                ),
                Scope.ELSEWHERE: self.tr(
                    "This builder runs elsewhere and its handlers cannot be changed from here. On"
                    " its machine, `viaduct emulation enable --system` does it."
                ),
            }[scope]
        )


def _choice(text: str) -> QToolButton:
    """One of several, in a colour that is plain to see in every theme."""
    button = QToolButton()
    button.setText(text)
    button.setCheckable(True)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button


class CommandBox(QFrame):
    """A command that the user has to run, and a button that copies it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._words = label("", wrap=True)
        self._line = QLineEdit()
        self._line.setReadOnly(True)
        self._line.setAccessibleName(self.tr("Command"))
        self._copy = QPushButton(self.tr("Copy"))
        self._copy.setAccessibleName(self.tr("Copy the command"))
        self._copy.clicked.connect(self._to_clipboard)
        box = QVBoxLayout(self)
        box.addWidget(self._words)
        fields = row(self._line, self._copy)
        fields.setStretch(0, 1)
        box.addLayout(fields)
        self.hide()

    @property
    def command(self) -> str:
        return self._line.text()

    def offer(self, words: str, command: Sequence[str]) -> None:
        self._words.setText(words)
        self._line.setText(shlex.join(command))
        self._line.setCursorPosition(0)
        self._copy.setText(self.tr("Copy"))
        self.show()

    def _to_clipboard(self) -> None:
        QGuiApplication.clipboard().setText(self._line.text())
        self._copy.setText(self.tr("Copied"))


class WorkBar(QFrame):
    """Work that takes a while: what it does, a moving bar, a way to stop it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._task: asyncio.Task[None] | None = None
        self._words = label("", wrap=True)
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("Progress"))
        self._cancel = QPushButton(self.tr("Cancel"))
        self._cancel.clicked.connect(self.cancel)
        box = QVBoxLayout(self)
        box.addWidget(self._words)
        fields = row(self._bar, self._cancel)
        fields.setStretch(0, 1)
        box.addLayout(fields)
        self.hide()

    @property
    def busy(self) -> bool:
        return self._task is not None and not self._task.done()

    def watch(self, task: asyncio.Task[None], words: str) -> None:
        self._task = task
        self.say(words)
        self._cancel.setAccessibleName(self.tr("Cancel: %1").replace("%1", words))
        self._cancel.setEnabled(True)
        self.show()
        task.add_done_callback(self._ended)

    def say(self, words: str) -> None:
        self._words.setText(words)
        self._bar.setAccessibleDescription(words)

    def cancel(self) -> None:
        if self._task is not None:
            self._cancel.setEnabled(False)
            self._task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task is self._task:
            self._task = None
            self.hide()


class Problems(QWidget):
    """What is wrong with the machine as a whole, each with its remedy."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(METRICS.gap)
        self.hide()

    def show_all(self, problems: Sequence[engine_pb2.EmulationProblem]) -> None:
        clear(self._box)
        for problem in problems:
            frame = QFrame()
            restyle(frame, {"broken": "banner-failed", "risky": "banner-warning"}.get(
                problem.weight, "banner"))  # fmt: skip
            frame.setAccessibleName(problem.message)
            inner = QVBoxLayout(frame)
            message = begun(problem.message.rstrip("."))
            inner.addWidget(label(f"{message}.", wrap=True, selectable=True))
            if problem.remedy:
                inner.addWidget(label(problem.remedy, "muted", wrap=True, selectable=True))
            self._box.addWidget(frame)
        self.setVisible(bool(problems))


def is_native(state: engine_pb2.ArchitectureState) -> bool:
    return state.mode == control_pb2.VERTEX_MODE_NATIVE


def is_emulated(state: engine_pb2.ArchitectureState) -> bool:
    return state.mode == control_pb2.VERTEX_MODE_EMULATED
