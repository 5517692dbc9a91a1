"""The Emulation page: what runs here and how; enable, disable, test, explain."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.errors import OptionError
from core.wire.pb import control_pb2, engine_pb2
from core.wire.services import Engine as EngineCalls
from desktop.pages.base import EnginePage
from desktop.theme import METRICS
from desktop.widgets.form import card, clear, label, restyle, row
from desktop.widgets.table import Table

if TYPE_CHECKING:
    from desktop.window.main_window import MainWindow

Action = engine_pb2.EmulationRequest


def make(window: MainWindow) -> QWidget:
    return EmulationPage(window)


class ArchitectureCard(QFrame):
    """One platform: how it runs, what runs it, whether it was tried, and its switch."""

    def __init__(self, page: EmulationPage, state: engine_pb2.ArchitectureState) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setAccessibleName(state.platform)
        box = QVBoxLayout(self)
        box.setContentsMargins(14, 12, 14, 12)
        box.setSpacing(6)
        badge = QLabel()
        native = state.mode == control_pb2.VERTEX_MODE_NATIVE
        emulated = state.mode == control_pb2.VERTEX_MODE_EMULATED
        if native:
            text, role = self.tr("native"), "badge-native"
        elif emulated:
            text, role = self.tr("emulated"), "badge-emulated"
        else:
            text, role = self.tr("not available"), "badge-waiting"
        if state.diagnosis and not native:
            role = "badge-failed"
        badge.setText(text)
        restyle(badge, role)
        box.addLayout(row(label(state.platform, "heading"), 1, badge))
        runner = state.interpreter.rsplit("/", 1)[-1]
        if state.interpreter_version:
            runner += f" {state.interpreter_version}"
        if native:
            runner = self.tr("runs on this processor")
        elif state.scope and emulated:
            scope = {
                "app": self.tr("for this app only, no root needed"),
                "system": self.tr("for the whole system"),
            }.get(state.scope, state.scope)
            runner += f"\n{scope}"
        where = label(runner or self.tr("no emulator is registered"), "muted", wrap=True)
        where.setToolTip(state.interpreter)
        box.addWidget(where)
        if state.self_test:
            ok = state.self_test == "ok"
            words = self.tr("Self-test passed") if ok else state.self_test
            test = label(words, "muted" if ok else "error", wrap=True)
            box.addWidget(test)
        if state.diagnosis:
            box.addWidget(label(state.diagnosis, "error", wrap=True))
        if state.remedy:
            box.addWidget(label(state.remedy, "muted", wrap=True))
        box.addStretch()
        if not native:
            button = QPushButton(self.tr("Disable") if emulated else self.tr("Enable"))
            action = Action.DISABLE if emulated else Action.ENABLE
            button.setAccessibleName(f"{button.text()} {state.platform}")
            button.setEnabled(emulated or state.can_enable)
            button.clicked.connect(lambda: page.change(action, (state.platform,)))
            box.addLayout(row(button, 1))


class EmulationPage(EnginePage):
    def __init__(self, window: MainWindow) -> None:
        super().__init__(
            window,
            self.tr("Emulation"),
            self.tr(
                "Which platforms can be run here. Steps for another platform go through QEMU,"
                " which the kernel's binfmt_misc starts; they are slower than native ones."
            ),
        )
        self.add_button(self.tr("Test All"), lambda: self.change(Action.TEST, ()), icon="check")
        self.add_button(
            self.tr("Enable All"), lambda: self.change(Action.ENABLE, ()), icon="emulated"
        )
        self.add_button(self.tr("Explain"), lambda: self.run(self._explain), icon="info")
        self.add_button(self.tr("Refresh"), self.shown, icon="refresh")
        self._grid = QGridLayout()
        self._grid.setSpacing(METRICS.gap_large - 4)
        self.body.addLayout(self._grid)
        self._explanation, self._explanation_box = card()
        self._explanation.hide()
        self.body.addWidget(self._explanation)
        self._heading = label(self.tr("Registered handlers"), "heading")
        self._handlers = Table(
            self.tr("Registered handlers"),
            (
                self.tr("Name"), self.tr("Platform"), self.tr("Interpreter"), self.tr("Flags"),
                self.tr("Scope"), self.tr("State"),
            ),
            stretch=2,
        )  # fmt: skip
        self.body.addWidget(self._heading)
        self.body.addWidget(self._handlers)
        self._heading.hide()
        self._handlers.hide()

    async def load(self) -> None:
        self._show(await self._ask(Action.STATUS, ()))

    def change(
        self, action: engine_pb2.EmulationRequest.Action, platforms: tuple[str, ...]
    ) -> None:
        async def work() -> None:
            self.banner.hide()
            answer = await self._ask(action, platforms)
            self._show(answer)
            await self.context.engine.refresh_platforms()
            if action == Action.TEST:
                failed = [a.platform for a in answer.architectures if a.self_test not in ("", "ok")]
                if failed:
                    self.say(
                        self.tr("The self-test failed for %1.").replace("%1", ", ".join(failed)),
                        "banner-warning",
                    )
                else:
                    self.say(self.tr("Programs of every available platform ran."))

        self.run(work)

    async def _ask(
        self, action: engine_pb2.EmulationRequest.Action, platforms: tuple[str, ...]
    ) -> engine_pb2.EmulationResponse:
        engine = self.context.engine
        if not engine.is_embedded:
            raise OptionError(
                f"The emulation of {engine.name} cannot be managed from here.",
                hint="Choose the embedded builder on the Builders page.",
            )
        builder = await engine.builder()
        request = engine_pb2.EmulationRequest(action=action, platforms=platforms)
        return await builder.call(EngineCalls.EMULATION, request, timeout=60)

    def _show(self, answer: engine_pb2.EmulationResponse) -> None:
        clear(self._grid)
        for n, state in enumerate(answer.architectures):
            self._grid.addWidget(ArchitectureCard(self, state), n // 4, n % 4)
        for column in range(4):
            self._grid.setColumnStretch(column, 1)
        self._handlers.clear()
        from PySide6.QtWidgets import QTreeWidgetItem

        for handler in answer.handlers:
            scope = self.tr("this app") if handler.scope == "app" else self.tr("system")
            on = self.tr("enabled") if handler.enabled else self.tr("disabled")
            self._handlers.addTopLevelItem(
                QTreeWidgetItem(
                    [handler.name, handler.platform, handler.interpreter, handler.flags, scope, on]
                )
            )
        self._heading.setVisible(bool(answer.handlers))
        self._handlers.setVisible(bool(answer.handlers))
        self._handlers.fit()

    async def _explain(self) -> None:
        answer = await self._ask(Action.EXPLAIN, ())
        clear(self._explanation_box)
        self._explanation_box.addWidget(label(self.tr("How this works here"), "heading"))
        for paragraph in answer.text:
            self._explanation_box.addWidget(label(escape(paragraph), wrap=True, selectable=True))
        close = QPushButton(self.tr("Close"))
        close.clicked.connect(self._explanation.hide)
        self._explanation_box.addLayout(row(close, 1))
        self._explanation.show()
