"""The Emulation page: what runs here and how; enable, disable, get QEMU, test, explain."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QGridLayout, QPushButton, QTreeWidgetItem, QWidget

from core.cli.emulation_probe import capabilities
from core.emulation.architectures import ARCHITECTURES
from core.emulation.images import IMAGES
from core.emulation.packages import install_command
from core.errors import BuilderError, Error, NotFoundError, RegistryError
from core.wire.pb import engine_pb2
from core.wire.services import Engine as EngineCalls
from desktop.pages.architecture_card import ArchitectureCard
from desktop.pages.base import EnginePage
from desktop.pages.base_images import make_base_images
from desktop.pages.docker_emulation import (
    IMAGE,
    answer_of,
    can_register,
    privileged_runs,
    switch,
)
from desktop.pages.emulation_parts import (
    CommandBox,
    Problems,
    Scope,
    ScopeSwitch,
    WorkBar,
    is_emulated,
    is_native,
)
from desktop.pages.whole_system import ByHand, agreed, by_hand, change_whole_system
from desktop.theme import METRICS
from desktop.widgets.form import card, clear, label, row
from desktop.widgets.table import Table
from desktop.widgets.words import sentence

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
        probe = self.add_button(self.tr("What Can This Engine Run?"), self._probe, icon="platforms")
        probe.setToolTip(self.tr("Build an image that runs busybox of each platform"))
        self._test_all = self.add_button(
            self.tr("Test and Measure"), lambda: self._test(()), icon="check"
        )
        self._explain_here = self.add_button(
            self.tr("Explain"), lambda: self.run(self._explain), icon="info"
        )
        self.add_button(self.tr("Refresh"), self.shown, icon="refresh")
        self._answer = engine_pb2.EmulationResponse()
        self._tested: dict[str, str] = {}
        self._machine = label("", "muted", wrap=True, selectable=True)
        self._problems = Problems()
        self.switch = ScopeSwitch()
        self.switch.changed.connect(lambda: self._show(self._answer))
        self.switch.all_requested.connect(
            lambda on: self.change(Action.ENABLE if on else Action.DISABLE, ())
        )
        self.switch.restore_requested.connect(lambda: self.run(lambda: self._system("restore", ())))
        self.work = WorkBar()
        self.command = CommandBox()
        self._result, self._result_box = card()
        self._result.hide()
        for widget in (
            self._machine, self._problems, self.switch, self.work, self.command, self._result,
        ):  # fmt: skip
            self.body.addWidget(widget)
        self._grid = QGridLayout()
        self._grid.setSpacing(METRICS.gap_large - 4)
        self.body.addLayout(self._grid)
        self.package = CommandBox()
        self.body.addWidget(self.package)
        self._heading = label(self.tr("Registered handlers"), "heading")
        self._handlers = Table(
            self.tr("Registered handlers"),
            (
                self.tr("Name"), self.tr("Platform"), self.tr("Interpreter"), self.tr("Flags"),
                self.tr("Scope"), self.tr("State"),
            ),
            stretch=2,
        )  # fmt: skip
        self._none = label(self.tr("No handler is registered."), "muted")
        for widget in (self._heading, self._none, self._handlers):
            self.body.addWidget(widget)
            widget.hide()

    async def load(self) -> None:
        engine = self.context.engine
        if engine.is_embedded:
            self.switch.fix(None)
            self._show(await self._ask(Action.STATUS, ()))
            return
        here = can_register(engine.endpoint)
        self.switch.fix(Scope.DOCKER if here else Scope.ELSEWHERE)
        await engine.refresh_platforms()
        self._show(answer_of(engine.platforms, engine.name, switchable=here))

    def _test(self, platforms: tuple[str, ...]) -> None:
        """Run a program of one platform, or of all and take the time."""

        async def work() -> None:
            self.banner.hide()
            answer = await self._ask(Action.TEST, platforms, calibrate=not platforms)
            self._tested |= {a.platform: a.self_test for a in answer.architectures if a.self_test}
            self._show(answer)
            failed = [a.platform for a in answer.architectures if a.self_test not in ("", "ok")]
            if failed:
                words = self.tr("The self-test failed for %1.")
                self.say(words.replace("%1", ", ".join(failed)), "banner-warning")
            elif platforms:
                words = self.tr("A program of %1 was run.")
                self.say(words.replace("%1", ", ".join(platforms)))
            else:
                self.say(self.tr("A program of every available platform was run."))

        self.run(work)

    def change(
        self, action: engine_pb2.EmulationRequest.Action, platforms: tuple[str, ...]
    ) -> None:
        """Enable or disable in the scope that is chosen."""

        async def here() -> None:
            self.banner.hide()
            self._tested.clear()
            self._show(await self._ask(action, platforms))
            await self.context.engine.refresh_platforms()

        on = action == Action.ENABLE
        match self.switch.scope:
            case Scope.SYSTEM:
                self.run(lambda: self._system("enable" if on else "disable", platforms))
            case Scope.DOCKER:
                self.run(lambda: self._docker(platforms, on=on))
            case _:
                self.run(here)

    def fetch(self, platform: str) -> None:
        """Take QEMU out of a known image, pinned by digest."""

        async def work() -> None:
            self.banner.hide()
            self._tested.clear()
            self._show(await self._ask(Action.ENABLE, (platform,), image="default"))
            await self.context.engine.refresh_platforms()
            self.say(self.tr("QEMU for %1 is here and was tried.").replace("%1", platform))

        words = self.tr("Fetching QEMU %1 for %2 from %3")
        image = IMAGES[0]
        for n, text in enumerate(
            (image.version, platform, image.reference.partition("@")[0]), start=1
        ):
            words = words.replace(f"%{n}", text)
        self._work(work, words)

    def _work(self, work: Callable[[], Coroutine[Any, Any, object]], words: str) -> None:
        """Something long: with a bar and a way to stop it, one at a time."""
        if self.work.busy:
            self.say(self.tr("Something is under way: cancel it or wait for it."), "banner-warning")
            return
        task = self.context.tasks.start(self._guarded(work), name=type(self).__name__)
        self.work.watch(task, words)

    async def _ask(
        self,
        action: engine_pb2.EmulationRequest.Action,
        platforms: tuple[str, ...],
        *,
        image: str = "",
        calibrate: bool = False,
    ) -> engine_pb2.EmulationResponse:
        engine = self.context.engine
        builder = await engine.builder()
        async with builder.session(engine.services()) as session:
            request = engine_pb2.EmulationRequest(
                action=action,
                platforms=platforms,
                image=image,
                session=session,
                calibrate=calibrate,
            )
            return await builder.call(EngineCalls.EMULATION, request, timeout=300)

    def _show(self, answer: engine_pb2.EmulationResponse) -> None:
        self._answer = answer
        chosen = self.switch.scope
        ours = {
            name
            for h in answer.handlers
            if h.scope == "system" and h.name.startswith("viaduct-")
            for name in h.platform.split(", ")
        }
        states = sorted(
            answer.architectures, key=lambda a: 0 if is_native(a) else 1 if is_emulated(a) else 2
        )
        clear(self._grid)
        for n, state in enumerate(states):
            if not state.self_test and (is_native(state) or is_emulated(state)):
                state.self_test = self._tested.get(state.platform, "")
            shown = ArchitectureCard(state, chosen, registered=state.platform in ours)
            shown.change_requested.connect(self.change)
            shown.fetch_requested.connect(self.fetch)
            shown.test_requested.connect(lambda platform: self._test((platform,)))
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
        local = chosen in (Scope.APP, Scope.SYSTEM)
        for button in (self._test_all, self._explain_here):
            button.setVisible(local)
        self._heading.setVisible(local)
        self._none.setVisible(local and not answer.handlers)
        self._handlers.setVisible(bool(answer.handlers))
        self._handlers.fit()
        lacking = [s for s in states if not (is_native(s) or is_emulated(s) or s.can_enable)]
        self.package.setVisible(False)
        if local and lacking:
            self.run(self._offer_package)

    def _show_machine(self, answer: engine_pb2.EmulationResponse) -> None:
        registry = system = ""
        if self.switch.scope in (Scope.APP, Scope.SYSTEM) and answer.architectures:
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
        self._problems.show_all(answer.problems)

    async def _offer_package(self) -> None:
        """The other way to QEMU, next to the button that fetches it."""
        command = await self.context.tasks.in_thread(install_command, ARCHITECTURES)
        if command:
            self.package.offer(
                self.tr(
                    "“Get QEMU” takes it out of a pinned image, for this app. The distribution's"
                    " package does as well; it also registers handlers for the whole system:"
                ),
                by_hand(command),
            )

    async def _explain(self) -> None:
        answer = await self._ask(Action.EXPLAIN, ())
        paragraphs = [label(text, wrap=True, selectable=True) for text in answer.text]
        self._tell(self.tr("How this works here"), paragraphs)

    def _tell(self, title: str, widgets: Sequence[QWidget]) -> None:
        """A card over the platforms, until it is closed."""
        clear(self._result_box)
        close = QPushButton(self.tr("Close"))
        close.setAccessibleName(self.tr("Close: %1").replace("%1", title))
        close.clicked.connect(self._result.hide)
        self._result_box.addLayout(row(label(title, "heading"), 1, close))
        for widget in widgets:
            self._result_box.addWidget(widget)
        self._result.show()

    def _probe(self) -> None:
        async def work() -> None:
            self.banner.hide()
            try:
                await self._show_capabilities()
            except (RegistryError, NotFoundError) as problem:
                if not self.context.engine.is_embedded:
                    raise
                self._offer_base_images(problem)

        self._work(work, self.tr("Building an image that runs busybox of each platform"))

    async def _show_capabilities(self) -> None:
        lines = []
        for one in await capabilities(await self.context.engine.builder()):
            words = (
                self.tr("✓ %1 runs: uname -m says %2")
                if one.works
                else self.tr("✗ %1 does not run: %2")
            )
            text = words.replace("%1", str(one.platform)).replace("%2", one.answer)
            lines.append(label(text, "" if one.works else "error", wrap=True, selectable=True))
        self._tell(self.tr("What %1 can run").replace("%1", self.context.engine.name), lines)

    def _offer_base_images(self, problem: Error) -> None:
        """The probe needs busybox, which can be made where no registry answers."""

        async def work() -> None:
            self.banner.hide()
            context = self.context
            builder = await context.engine.builder()
            await make_base_images(builder, context.tasks, self.work.say)
            await self._show_capabilities()

        words = self.tr("Making busybox for each platform")
        self.banner.show_notice(
            sentence(problem),
            kind="banner-failed",
            actions=((self.tr("Make Base Images and Retry"), lambda: self._work(work, words)),),
        )

    async def _system(self, verb: str, platforms: tuple[str, ...]) -> None:
        self.banner.hide()
        self.command.hide()
        if verb == "disable":
            running = (await (await self.context.engine.builder()).hello()).builds
            if running:
                raise BuilderError(
                    self.tr("%1 builds still run, and their steps may need an emulator").replace(
                        "%1", str(running)
                    ),
                    hint=self.tr("Nothing was changed. Wait for them to end or cancel them."),
                )
        said = await change_whole_system(self, verb, platforms)
        if isinstance(said, ByHand):
            self.command.offer(
                self.tr(
                    "Only root may change the whole system, and nothing here can ask for its"
                    " password. Run this in a terminal, then press Refresh:"
                ),
                said.command,
            )
            return
        self._tested.clear()
        await self.load()
        await self.context.engine.refresh_platforms()
        if said is not None:
            self.say(said)

    async def _docker(self, platforms: tuple[str, ...], *, on: bool) -> None:
        engine = self.context.engine
        chosen = platforms or tuple(
            s.platform for s in self._answer.architectures if not is_native(s)
        )
        runs = privileged_runs(chosen, on=on)
        commands = [
            f"docker run --privileged --rm --network none {IMAGE.reference} {' '.join(words)}"
            for words in runs
        ]
        question = (
            self.tr("Enable emulation on the machine of %1?")
            if on
            else self.tr("Take the emulators away from the machine of %1?")
        )
        words = self.tr("It concerns every container there. This is run on it, with all rights:")
        if not await agreed(
            self, question.replace("%1", engine.name), "\n".join([words, *commands])
        ):
            return

        async def work() -> None:
            self.banner.hide()
            await switch(engine.endpoint, runs, self.work.say)
            await self.load()
            self.say(
                self.tr(
                    "Done on the machine of %1. “What Can This Engine Run?” shows it for sure: a"
                    " daemon may list its platforms as they were when it started."
                ).replace("%1", engine.name)
            )

        self._work(work, self.tr("Changing the handlers of %1").replace("%1", engine.name))
