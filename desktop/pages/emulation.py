"""The Emulation page: what runs here and how; enable, disable, test, explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QGridLayout, QPushButton, QTreeWidgetItem, QWidget

from core.errors import OptionError
from core.wire.pb import control_pb2, engine_pb2
from core.wire.services import Engine as EngineCalls
from desktop.pages.architecture_card import ArchitectureCard
from desktop.pages.base import EnginePage
from desktop.pages.whole_system import change_whole_system
from desktop.theme import METRICS
from desktop.widgets.form import card, clear, label, row
from desktop.widgets.table import Table

if TYPE_CHECKING:
    from desktop.window.main_window import MainWindow

Action = engine_pb2.EmulationRequest
_COLUMNS = 4


def make(window: MainWindow) -> QWidget:
    return EmulationPage(window)


class EmulationPage(EnginePage):
    """Platforms as cards, the machine's own problems above them, handlers below."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(
            window,
            self.tr("Emulation"),
            self.tr(
                "Which platforms can be run here. Steps for another platform go through QEMU,"
                " which the kernel's binfmt_misc starts; they are slower than native ones."
            ),
        )
        self.add_button(self.tr("Test and Measure"), self._test, icon="check")
        self.add_button(
            self.tr("Enable All"), lambda: self.change(Action.ENABLE, ()), icon="emulated"
        )
        self.add_button(self.tr("Explain"), lambda: self.run(self._explain), icon="info")
        self.add_button(self.tr("Refresh"), self.shown, icon="refresh")
        self._machine = label("", "muted", wrap=True, selectable=True)
        self.body.addWidget(self._machine)
        self._grid = QGridLayout()
        self._grid.setSpacing(METRICS.gap_large - 4)
        self.body.addLayout(self._grid)
        self._explanation, self._explanation_box = card()
        self._explanation.hide()
        self.body.addWidget(self._explanation)
        self._system = QWidget()
        on = QPushButton(self.tr("Enable for the Whole System…"))
        on.setToolTip(
            self.tr("Register the emulators with the kernel for every program and every user")
        )
        on.clicked.connect(lambda: self.run(lambda: self._whole_system("enable")))
        off = QPushButton(self.tr("Undo for the Whole System…"))
        off.clicked.connect(lambda: self.run(lambda: self._whole_system("disable")))
        self._system.setLayout(row(label(self.tr("Registered handlers"), "heading"), 1, on, off))
        self._handlers = Table(
            self.tr("Registered handlers"),
            (
                self.tr("Name"), self.tr("Platform"), self.tr("Interpreter"), self.tr("Flags"),
                self.tr("Scope"), self.tr("State"),
            ),
            stretch=2,
        )  # fmt: skip
        self._none = label(self.tr("No handler is registered."), "muted")
        self.body.addWidget(self._system)
        self.body.addWidget(self._none)
        self.body.addWidget(self._handlers)
        for widget in (self._system, self._none, self._handlers):
            widget.hide()

    async def load(self) -> None:
        self._show(await self._ask(Action.STATUS, ()))

    def _test(self) -> None:
        async def work() -> None:
            self.banner.hide()
            answer = await self._ask(Action.TEST, (), calibrate=True)
            self._show(answer)
            failed = [a.platform for a in answer.architectures if a.self_test not in ("", "ok")]
            if failed:
                words = self.tr("The self-test failed for %1.")
                self.say(words.replace("%1", ", ".join(failed)), "banner-warning")
            else:
                self.say(self.tr("A program of every available platform was run."))

        self.run(work)

    def change(
        self, action: engine_pb2.EmulationRequest.Action, platforms: tuple[str, ...]
    ) -> None:
        """Enable or disable for this app."""

        async def work() -> None:
            self.banner.hide()
            self._show(await self._ask(action, platforms))
            await self.context.engine.refresh_platforms()

        self.run(work)

    def fetch(self, platform: str) -> None:
        """Take QEMU out of a known image, pinned by digest."""

        async def work() -> None:
            self.banner.hide()
            self._show(await self._ask(Action.ENABLE, (platform,), image="default"))
            await self.context.engine.refresh_platforms()

        self.run(work)

    async def _ask(
        self,
        action: engine_pb2.EmulationRequest.Action,
        platforms: tuple[str, ...],
        *,
        image: str = "",
        calibrate: bool = False,
    ) -> engine_pb2.EmulationResponse:
        engine = self.context.engine
        if not engine.is_embedded:
            raise OptionError(
                f"The emulation of {engine.name} cannot be managed from here.",
                hint="Choose the embedded builder on the Builders page.",
            )
        builder = await engine.builder()
        async with builder.session(self.context.engine.services()) as session:
            request = engine_pb2.EmulationRequest(
                action=action,
                platforms=platforms,
                image=image,
                session=session,
                calibrate=calibrate,
            )
            return await builder.call(EngineCalls.EMULATION, request, timeout=300)

    def _show(self, answer: engine_pb2.EmulationResponse) -> None:
        native = control_pb2.VERTEX_MODE_NATIVE
        emulated = control_pb2.VERTEX_MODE_EMULATED
        rank = {native: 0, emulated: 1}
        states = sorted(answer.architectures, key=lambda a: rank.get(a.mode, 2))
        clear(self._grid)
        for n, state in enumerate(states):
            shown = ArchitectureCard(state)
            shown.change_requested.connect(self.change)
            shown.fetch_requested.connect(self.fetch)
            self._grid.addWidget(shown, n // _COLUMNS, n % _COLUMNS)
        for column in range(_COLUMNS):
            self._grid.setColumnStretch(column, 1)
        self._show_machine(answer)
        self._handlers.clear()
        for handler in answer.handlers:
            scope = self.tr("this app") if handler.scope == "app" else self.tr("system")
            on = self.tr("enabled") if handler.enabled else self.tr("disabled")
            self._handlers.addTopLevelItem(
                QTreeWidgetItem(
                    [handler.name, handler.platform, handler.interpreter, handler.flags, scope, on]
                )
            )
        self._system.show()
        self._none.setVisible(not answer.handlers)
        self._handlers.setVisible(bool(answer.handlers))
        self._handlers.fit()

    def _show_machine(self, answer: engine_pb2.EmulationResponse) -> None:
        registry = (
            self.tr("this app has a binfmt_misc registry of its own")
            if answer.app_registry
            else self.tr("this app uses the system's binfmt_misc registry")
        )
        system = {
            "on": self.tr("the system's is on"),
            "off": self.tr("the system's is switched off"),
            "not mounted": self.tr("the system's is not mounted"),
            "absent": self.tr("the kernel has none"),
        }.get(answer.system_registry, "")
        parts = [answer.host, answer.kernel, registry, system]
        self._machine.setText("; ".join(part for part in parts if part))
        worst = [p for p in answer.problems if p.weight in ("broken", "risky")]
        if worst and not self.banner.isVisible():
            broken = any(p.weight == "broken" for p in worst)
            text = "\n".join(f"{p.message} {p.remedy}".strip() for p in worst)
            self.say(text, "banner-failed" if broken else "banner-warning")

    async def _explain(self) -> None:
        answer = await self._ask(Action.EXPLAIN, ())
        clear(self._explanation_box)
        self._explanation_box.addWidget(label(self.tr("How this works here"), "heading"))
        for paragraph in answer.text:
            self._explanation_box.addWidget(label(paragraph, wrap=True, selectable=True))
        close = QPushButton(self.tr("Close"))
        close.clicked.connect(self._explanation.hide)
        self._explanation_box.addLayout(row(close, 1))
        self._explanation.show()

    async def _whole_system(self, verb: str) -> None:
        if await change_whole_system(self, verb):
            await self.context.engine.refresh_platforms()
        await self.load()
