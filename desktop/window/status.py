"""The status bar: caret, target, platforms, emulation, builder, builds."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QProgressBar, QStatusBar, QToolButton, QWidget

from core.progress.messages import Mode
from desktop.building.platform_card import PlatformState
from desktop.engine import Engine, EngineState
from desktop.theme import Theme
from desktop.widgets.words import counted, sentence


class StatusBar(QStatusBar):
    """Every part is a button that leads to what it speaks of."""

    clicked = Signal(str)  # caret, problems, target, platforms, emulation, builder, build

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._icons: dict[str, tuple[str, str]] = {}
        self._parts: dict[str, QToolButton] = {}
        self.setSizeGripEnabled(False)
        for name in ("builder", "emulation", "build"):
            self.addWidget(self._part(name))
        self._progress = QProgressBar()
        self._progress.setFixedWidth(140)
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName(self.tr("Progress of the running build"))
        self._progress.hide()
        self.addWidget(self._progress)
        for name in ("problems", "target", "platforms", "caret"):
            self.addPermanentWidget(self._part(name))
        theme.changed.connect(self._dress)
        self.set_problems(0, 0)

    def _part(self, name: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(f"status {name}")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: self.clicked.emit(name))
        button.setAccessibleName(name)
        button.hide()
        self._parts[name] = button
        return button

    def _say(self, name: str, text: str, tip: str, icon: str = "", role: str = "") -> None:
        button = self._parts[name]
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(f"{tip}: {text}" if tip and text else text or name)
        button.setVisible(bool(text))
        self._icons[name] = (icon, role or "text_muted")
        self._dress()

    def _dress(self) -> None:
        for name, (icon, role) in self._icons.items():
            if icon:
                self._parts[name].setIcon(self._theme.icons.get(icon, role))

    def set_caret(self, line: int, column: int) -> None:
        text = self.tr("Line %1, column %2").replace("%1", str(line)).replace("%2", str(column))
        self._say("caret", text, self.tr("Go to a line"))

    def set_problems(self, errors: int, count: int) -> None:
        icon, role = ("error", "error") if errors else ("warning", "warning")
        if not count:
            icon, role = "check", "done"
        text = (
            self.tr("No problems")
            if not count
            else counted(count, self.tr("1 problem"), self.tr("%n problems"))
        )
        self._say("problems", text, self.tr("Problems"), icon, role)

    def set_target(self, target: str) -> None:
        text = target or self.tr("last stage")
        self._say("target", text, self.tr("Target stage"), "target")

    def set_platforms(self, platforms: tuple[str, ...]) -> None:
        text = counted(len(platforms), self.tr("1 platform"), self.tr("%n platforms"))
        tip = ", ".join(platforms) or self.tr("No platform is chosen")
        self._say("platforms", text, tip, "platforms")

    def set_engine(self, engine: Engine) -> None:
        words = {
            EngineState.IDLE: self.tr("not started"),
            EngineState.CONNECTING: self.tr("starting…"),
            EngineState.READY: self.tr("ready"),
            EngineState.FAILED: self.tr("not available"),
        }[engine.state]
        failed = engine.state is EngineState.FAILED
        tip = self.tr("Builder in use")
        if engine.problem is not None:
            tip = sentence(engine.problem)
        self._say(
            "builder",
            f"{engine.name}: {words}",
            tip,
            "error" if failed else "builders",
            "failed" if failed else "",
        )

    def set_emulation(self, states: dict[str, PlatformState]) -> None:
        """States of the chosen platforms."""
        missing = [p for p, s in states.items() if s.missing]
        emulated = [p for p, s in states.items() if s.mode is Mode.EMULATED]
        known = any(s.mode is not Mode.NONE for s in states.values())
        if missing:
            text = self.tr("No emulator for %1").replace("%1", ", ".join(missing))
            self._say("emulation", text, self.tr("Emulation"), "warning", "failed")
        elif emulated:
            text = self.tr("%1 emulated").replace("%1", str(len(emulated)))
            tip = ", ".join(f"{p} ({states[p].detail})" for p in emulated)
            self._say("emulation", text, tip, "emulated", "emulated")
        elif known:
            self._say("emulation", self.tr("All native"), self.tr("Emulation"), "native", "native")
        else:
            self._say("emulation", "", "")

    def set_build(self, text: str, tip: str, icon: str, role: str) -> None:
        self._say("build", text, tip, icon, role)

    def set_progress(self, done: int | None, total: int) -> None:
        """``done`` None hides the bar; a total of 0 is "cannot tell"."""
        self._progress.setVisible(done is not None)
        if done is not None:
            self._progress.setRange(0, total)
            self._progress.setValue(done)
