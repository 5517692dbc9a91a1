"""One platform of the Emulation page."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from core.wire.pb import engine_pb2
from desktop.pages.emulation_parts import Scope, is_emulated, is_native
from desktop.widgets.form import label, restyle, row

Action = engine_pb2.EmulationRequest


class ArchitectureCard(QFrame):
    """How a platform runs, what runs it, whether that was tried, and its switch."""

    change_requested = Signal(object, tuple)  # action, (platform,)
    fetch_requested = Signal(str)
    test_requested = Signal(str)

    def __init__(
        self,
        state: engine_pb2.ArchitectureState,
        scope: Scope = Scope.APP,
        *,
        registered: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """``registered``: the whole system has a handler of ours for it."""
        super().__init__(parent)
        self._state = state
        self._scope = scope
        self._registered = registered
        self.setProperty("role", "card")
        self.setAccessibleName(state.platform)
        self._native = is_native(state)
        self._emulated = is_emulated(state)
        box = QVBoxLayout(self)
        box.setContentsMargins(14, 12, 14, 12)
        box.setSpacing(4)
        box.addLayout(row(label(state.platform, "heading"), 1, self._badge()))
        where = label(self._runner(), "muted", wrap=True)
        where.setToolTip(state.interpreter)
        box.addWidget(where)
        if state.self_test:
            ok = state.self_test == "ok"
            words = self.tr("✓ A program of it was run") if ok else state.self_test
            box.addWidget(label(words, "muted" if ok else "error", wrap=True))
        if state.slow_down:
            box.addWidget(label(self._slow_down(), "muted", wrap=True))
        if state.diagnosis:
            role = "muted" if state.off else "error"
            box.addWidget(label(state.diagnosis, role, wrap=True))
        if state.remedy:
            box.addWidget(label(state.remedy, "muted", wrap=True))
        box.addStretch()
        if self._scope is not Scope.ELSEWHERE:
            box.addLayout(row(*self._buttons(), 1))

    def _badge(self) -> QLabel:
        if self._native:
            text, role = self.tr("native"), "badge-native"
        elif self._emulated:
            text, role = self.tr("emulated"), "badge-emulated"
        elif self._state.off:
            text, role = self.tr("off"), "badge-waiting"
        else:
            text, role = self.tr("not available"), "badge-failed"
        badge = QLabel(text)
        restyle(badge, role)
        return badge

    def _runner(self) -> str:
        state = self._state
        if self._native:
            return self.tr("runs on this processor")
        runner = state.interpreter.rsplit("/", 1)[-1]
        if not runner and self._emulated:
            return self.tr("by the machine of this builder")
        if not runner:
            return self.tr("no emulator is registered")
        if state.interpreter_version:
            runner += f" {state.interpreter_version}"
        scope = {
            "app": self.tr("for this app only, without root"),
            "system": self.tr("for the whole system"),
            "wrapper": self.tr("put in front of each program by the builder"),
        }.get(state.scope, "")
        return f"{runner}\n{scope}".strip()

    def _slow_down(self) -> str:
        text = self.tr("about %1 times as long as native").replace(
            "%1", f"{self._state.slow_down:.1f}"
        )
        if self._state.slow_down_steps:
            text += self.tr(" (%1 steps)").replace("%1", str(self._state.slow_down_steps))
        return text

    def _buttons(self) -> list[QPushButton]:
        buttons = [] if self._native else [self._switch()]
        local = self._scope in (Scope.APP, Scope.SYSTEM)
        platform = self._state.platform
        if local and (self._native or self._emulated):
            test = QPushButton(self.tr("Test"))
            test.setAccessibleName(self.tr("Test %1").replace("%1", platform))
            test.setToolTip(self.tr("Run a tiny program of this platform"))
            test.clicked.connect(lambda: self.test_requested.emit(platform))
            buttons.append(test)
        elif local and not self._state.can_enable:
            fetch = QPushButton(self.tr("Get QEMU"))
            fetch.setAccessibleName(self.tr("Fetch QEMU for %1").replace("%1", platform))
            fetch.setToolTip(
                self.tr("Take the emulator out of a known image, pinned by its digest")
            )
            fetch.clicked.connect(lambda: self.fetch_requested.emit(platform))
            buttons.append(fetch)
        return buttons

    def _switch(self) -> QPushButton:
        """Enable or Disable; Undo where a handler of ours serves the whole system."""
        state = self._state
        if self._scope is Scope.SYSTEM:
            on, possible = self._registered, True
            text = self.tr("Undo") if on else self.tr("Enable")
        else:
            on, possible = self._emulated, self._emulated or state.can_enable
            text = self.tr("Disable") if on else self.tr("Enable")
        action = Action.DISABLE if on else Action.ENABLE
        switch = QPushButton(text)
        switch.setAccessibleName(f"{text} {state.platform}")
        switch.setEnabled(possible)
        switch.clicked.connect(lambda: self.change_requested.emit(action, (state.platform,)))
        return switch
