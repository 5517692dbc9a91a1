"""From the Build button to a session's end: checks before, progress, sign-in, remedies."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QAbstractButton, QMessageBox

from core.errors import AuthenticationError
from core.oci.reference import parse_reference
from desktop.building.options_dialog import OptionsDialog
from desktop.building.request import BuildRequest, tag_problem
from desktop.building.sign_in import ask_sign_in
from desktop.builds import BuildSession, BuildStatus
from desktop.editor.tab import EditorTab
from desktop.engine import EngineState
from desktop.models.history import BuildSummary
from desktop.models.history_bounds import tidy
from desktop.pages.base_images import is_sample, lacks_base_images, make_base_images
from desktop.widgets.words import sentence
from desktop.window.build_report import BuildReport
from desktop.window.session_bus import SessionBus

if TYPE_CHECKING:
    from core.frontend.plan import Plan
    from desktop.window.main_window import MainWindow

_ESCAPE_SECONDS = 1.2


class BuildsControl(QObject):
    """Belongs to the main window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._escape = 0.0
        self._preparing = False
        self._report = BuildReport(window, self)
        self._bus = SessionBus(window.context.tasks, self)
        context, bar = window.context, window.workbench.bar
        self._queue = context.queue
        bar.build_requested.connect(self.build)
        bar.cancel_requested.connect(self.cancel)
        bar.options_requested.connect(self.options)
        self._queue.started.connect(self._started)
        self._queue.ended.connect(self._ended)
        self._queue.changed.connect(self._queue_changed)
        window.workbench.build_tabs.close_requested.connect(self.close_build)
        window.workbench.build_shown.connect(lambda _session: self._queue_changed())
        window.workbench.failure.remedy_requested.connect(self.remedy)
        self._clock = QTimer(self)
        self._clock.setInterval(200)
        self._clock.timeout.connect(self._show_progress)

    # Starting

    def build(self, push: bool = False) -> None:
        tab = self._window.workbench.dockerfile_tab()
        if tab is None:
            self._window.context.notices.show(
                self.tr("Open a Dockerfile first."), kind="banner-warning"
            )
            return
        self._window.show_page("editor")
        self._window.start(self._build(tab, push=push), "build")

    async def _build(self, tab: EditorTab, *, push: bool) -> None:
        """Save, check, queue."""
        bar = self._window.workbench.bar
        notices = self._window.context.notices
        if not bar.platforms():
            notices.show(self.tr("Choose a platform to build for."), kind="banner-warning")
            return
        problem = tag_problem(" ".join(bar.tags()), push=push)
        if problem:
            notices.show(problem, kind="banner-warning")
            bar.focus_tags()
            return
        if (tab.modified or tab.path is None) and not await self._window.workbench.documents.save(
            tab
        ):
            return
        assert tab.path is not None
        if is_sample(tab.path) and self._window.context.engine.is_embedded:
            if self._preparing:
                return
            await self._prepare_sample()
        request = bar.request(tab.path, tab.path.parent, push=push)
        if push and not await self._signed_in(request):
            return
        self.start(request, tab)

    async def _prepare_sample(self) -> None:
        """Make the sample's base image where neither the store nor a registry has it.

        Raises MachineError where no package can be had either.
        """
        context = self._window.context
        self._preparing = True
        try:
            builder = await context.engine.builder()
            if not await lacks_base_images(builder):
                return
            why = self.tr("No registry answers: Viaduct makes busybox from Debian's packages. %1")
            context.notices.show(why.replace("%1", self.tr("Reading the package lists…")))
            await make_base_images(
                builder,
                context.tasks,
                lambda text: context.notices.show(why.replace("%1", text)),
            )
        finally:
            self._preparing = False

    async def _signed_in(self, request: BuildRequest) -> bool:
        """Before a push: ask for credentials that are missing, unless the host takes anyone.

        A registry on this machine is taken to need none until it refuses.
        """
        store = self._window.context.engine.credentials
        for host in dict.fromkeys(parse_reference(tag).domain for tag in request.tags):
            if host.split(":")[0] in ("localhost", "127.0.0.1", "[::1]"):
                continue
            try:
                known = await store.find(host)
            except AuthenticationError as problem:
                self._window.context.notices.error(problem)
                return False
            if known is None and not await self.sign_in(
                host, self.tr("There are no credentials for %1.").replace("%1", host)
            ):
                return False
        return True

    def start(self, request: BuildRequest, tab: EditorTab | None = None) -> BuildSession:
        """Queue a request as it stands."""
        workbench = self._window.workbench
        tab = tab or workbench.documents.by_path(request.dockerfile)
        plan = tab.analysis.plan if tab is not None and tab.analysis is not None else None
        session = BuildSession(request, plan=plan, native=self._window.context.engine.native)
        workbench.banner.hide()
        if self._queue.starts_at_once(session):
            self._present(session)
        else:
            workbench.add_build(session)
            self._window.context.notices.show(
                self.tr("The build waits until a running one has ended.")
            )
        self._queue.add(session)
        return session

    def follow(self, build: BuildSummary, plan: Plan | None = None) -> None:
        """Watch a build that runs in the builder already."""
        session = BuildSession(
            build.request(), plan=plan, native=self._window.context.engine.native
        )
        session.ref = build.ref
        session.started = build.created
        if self._queue.current is None:
            self._present(session)
        else:
            self._window.workbench.add_build(session)
        self._queue.add(session)

    def ask_before_leaving(self) -> bool:
        """Whether the window must stay because a build runs and somebody has to decide."""
        running = self._queue.running
        if not running:
            return False
        window = self._window
        box = QMessageBox(window)
        box.setIcon(QMessageBox.Icon.Question)
        names = ", ".join(session.request.title for session in running)
        text = self.tr("%1 is still being built.")
        if len(running) > 1:
            text = self.tr("%1 are still being built.")
        box.setText(text.replace("%1", names))
        keep = None
        if window.context.engine.is_embedded:
            box.setInformativeText(
                self.tr("Builds can go on without the window; the next start shows them again.")
            )
            keep = box.addButton(self.tr("Keep Building"), QMessageBox.ButtonRole.AcceptRole)
        cancel = box.addButton(
            self.tr("Cancel the Build") if len(running) == 1 else self.tr("Cancel the Builds"),
            QMessageBox.ButtonRole.DestructiveRole,
        )
        box.addButton(self.tr("Stay Here"), QMessageBox.ButtonRole.RejectRole)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def leave_when_idle() -> None:
            if self._queue.current is None:
                window.close_at_once()

        def decided(button: QAbstractButton) -> None:
            if button is cancel:
                self._queue.ended.connect(lambda _session: leave_when_idle())
                for session in (*self._queue.waiting, *self._queue.running):
                    self._queue.cancel(session)
                leave_when_idle()
            elif keep is not None and button is keep:
                window.close_at_once()

        box.buttonClicked.connect(decided)
        box.open()
        return True

    def close_build(self, session: BuildSession) -> None:
        """Close a tab; one that waits leaves the queue, one that runs is asked about."""
        if session.status is not BuildStatus.RUNNING or session not in self._queue.running:
            if session in self._queue.waiting:
                self._queue.cancel(session)
            self._window.workbench.forget_build(session)
            return
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setText(self.tr("%1 is still being built.").replace("%1", session.request.title))
        cancel = box.addButton(self.tr("Cancel the Build"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(self.tr("Keep Building"), QMessageBox.ButtonRole.RejectRole)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.buttonClicked.connect(
            lambda button: self._queue.cancel(session) if button is cancel else None
        )
        box.open()

    def show(self, session: BuildSession) -> None:
        """Bring a build to the front: of a failed one the step that failed."""
        window = self._window
        window.show_page("editor")
        tab = window.workbench.documents.by_path(session.request.dockerfile)
        if tab is not None:
            window.workbench.documents.setCurrentWidget(tab)
        self._present(session)
        if session.status is BuildStatus.FAILED:
            window.workbench.show_panel("log")

    def _present(self, session: BuildSession) -> None:
        self._window.workbench.show_build(session)
        self._window.workbench.show_panel("platforms")

    # Running

    def _started(self, session: BuildSession) -> None:
        shown = self._window.workbench.session
        waited = shown is not session
        if shown is None or (
            waited and shown.status.ended and shown.request.context == session.request.context
        ):
            self._window.workbench.banner.hide()
            self._present(session)
        self._clock.start()
        self._show_progress()

    def _queue_changed(self) -> None:
        running = self._queue.current is not None
        self._window.workbench.bar.set_running(running)
        self._window.registry.action("build.cancel").setEnabled(running)

    def _show_progress(self) -> None:
        session = self._in_front()
        status = self._window.status
        if session is None or session.started is None:
            self._clock.stop()
            status.set_progress(None, 0)
            self._bus.progress(None)
            return
        done, total = session.counts()
        seconds = (time.time_ns() - session.started) / 1e9
        text = self.tr("Building %1: %2 of %3 steps, %4 s")
        for place, value in enumerate((session.request.title, done, total, int(seconds)), start=1):
            text = text.replace(f"%{place}", str(value))
        others = len(self._queue.running) - 1
        if others:
            text += self.tr(" (%1 more running)").replace("%1", str(others))
        waiting = len(self._queue.waiting)
        if waiting:
            text += self.tr(" (%1 waiting)").replace("%1", str(waiting))
        status.set_build(text, self.tr("Running build"), "running", "running")
        status.set_progress(done, total)
        self._bus.progress(done / total if total else 0.0)

    def _in_front(self) -> BuildSession | None:
        """The running build that is looked at, or the one that runs for longest."""
        shown = self._window.workbench.session
        return shown if shown in self._queue.running else self._queue.current

    def _ended(self, session: BuildSession) -> None:
        status = self._window.status
        if self._queue.current is None:
            status.set_progress(None, 0)
            self._bus.progress(None)
        seconds = 0.0
        if session.started is not None and session.completed is not None:
            seconds = (session.completed - session.started) / 1e9
        took = f"{seconds:.1f} s"
        title = session.request.title
        text = ""
        match session.status:
            case BuildStatus.DONE:
                text = self.tr("Built %1 in %2").replace("%1", title).replace("%2", took)
                if session.request.push:
                    text = self.tr("Pushed %1 in %2").replace("%1", title).replace("%2", took)
                status.set_build(text, session.digest, "done", "done")
                self._report.done(session, text)
            case BuildStatus.CANCELLED:
                status.set_build(self.tr("Cancelled %1").replace("%1", title), "", "cancelled",
                                 "cancelled")  # fmt: skip
            case _:
                status.set_build(self.tr("Failed: %1").replace("%1", title),
                                 str(session.error or ""), "failed", "failed")  # fmt: skip
                if session is self._window.workbench.session:
                    self._window.start(self._report.failed(session), "after failure")
                else:
                    self._tell_failed(session)
        self._notify(session, text)
        if session.status is not BuildStatus.CANCELLED:
            self._window.start(self.tidy_history(), "tidy history")

    async def tidy_history(self) -> None:
        """Hold the embedded builder's history to the settings, once it has been reached."""
        context = self._window.context
        if context.engine.state is EngineState.READY and context.engine.is_embedded:
            bounds = context.settings.value
            builder = await context.engine.builder()
            await tidy(builder, keep=bounds.keep_builds, days=bounds.keep_days)

    def _notify(self, session: BuildSession, text: str) -> None:
        """Tell about a build that ended while the window had no focus."""
        window = self._window
        ended = session.status in (BuildStatus.DONE, BuildStatus.FAILED)
        if not ended or window.isActiveWindow() or not window.context.settings.value.notify:
            return

        def look() -> None:
            window.to_front()
            self.show(session)

        failed = session.status is BuildStatus.FAILED
        title = self.tr("Failed: %1").replace("%1", session.request.title) if failed else text
        details = ", ".join(session.request.platforms)
        if failed and session.error is not None:
            details = sentence(session.error)
        self._bus.notify(
            title,
            details,
            action=self.tr("Show"),
            run=look,
            unheard=lambda: window.ask_for_attention(title, details, look),
            urgent=failed,
        )

    def _tell_failed(self, session: BuildSession) -> None:
        """A build that nobody looks at must not ask questions before somebody does."""

        def look() -> None:
            self.show(session)
            self._window.start(self._report.failed(session), "after failure")

        text = self.tr("Failed: %1").replace("%1", session.request.title)
        if session.error is not None:
            text = f"{text}. {sentence(session.error)}"
        self._window.context.notices.show(
            text, kind="banner-failed", actions=((self.tr("Show"), look),)
        )

    # Cancelling

    def cancel(self) -> None:
        """The build that is looked at when it runs or waits, else the one that runs longest."""
        shown = self._window.workbench.session
        mine = (*self._queue.running, *self._queue.waiting)
        self._queue.cancel(shown if shown in mine else None)

    def escape_pressed(self) -> bool:
        """Escape twice within a moment cancels the running build."""
        if self._queue.current is None:
            return False
        now = time.monotonic()
        if now - self._escape < _ESCAPE_SECONDS:
            self._escape = 0.0
            self.cancel()
        else:
            self._escape = now
            self._window.status.showMessage(
                self.tr("Press Escape again to cancel the build."), int(_ESCAPE_SECONDS * 1000)
            )
        return True

    # Options, credentials, remedies

    def options(self) -> None:
        bar = self._window.workbench.bar

        def take(request: BuildRequest) -> None:
            bar.extra = request
            bar.changed.emit()

        dialog = OptionsDialog(bar.extra, self._window)
        dialog.accepted_request.connect(take)
        dialog.open()

    async def sign_in(self, host: str, reason: str = "") -> bool:
        """Ask, and keep what was typed in the keyring; False when the user left the dialog."""
        known = await self._window.context.engine.credentials.find(host)
        username = known.username if known is not None else ""
        answer = await ask_sign_in(self._window, host, reason=reason, username=username)
        if answer is None:
            return False
        problem = await self._window.context.engine.credentials.take(
            answer.host, answer.username, answer.secret, keep=answer.keep
        )
        if problem:
            self._window.context.notices.show(
                self.tr("Signed in to %1 until the window closes: %2.")
                .replace("%1", answer.host)
                .replace("%2", problem),
                kind="banner-warning",
            )
        settings = self._window.context.settings
        hosts = tuple(dict.fromkeys((*settings.value.registries, answer.host)))
        settings.update(registries=hosts)
        return True

    def remedy(self, action: str) -> None:
        """What a button of the failure panel asks for: ``kind:argument``."""
        session = self._window.workbench.session
        if session is None:
            return
        kind, _, argument = action.partition(":")
        match kind:
            case "enable-emulation":
                self._window.show_page("emulation")
            case "sign-in":
                self._window.start(self._sign_in_and_retry(argument, session), "sign in")
            case "ignore-file":
                self._window.start(self._ignore_file(argument, session), "ignore file")
            case "retry-without-cache":
                vertex = session.state.vertices.get(argument)
                stage = vertex.vertex.stage if vertex is not None else ""
                self.start(
                    dataclasses.replace(
                        session.request,
                        no_cache=not stage,
                        no_cache_stages=(stage,) if stage else (),
                    )
                )
            case "open-shell":
                self._window.start(self._shell(argument, session), "shell")
            case _:
                self.start(session.request)

    async def _sign_in_and_retry(self, host: str, session: BuildSession) -> None:
        if await self.sign_in(host):
            self.start(session.request)

    async def _ignore_file(self, path: str, session: BuildSession) -> None:
        """Add a line to .dockerignore, in the editor, so that it can be looked at first."""
        from desktop.editor.files import TextFile, write_text_file

        ignore = session.request.context / ".dockerignore"
        if not ignore.exists():
            await self._window.context.tasks.in_thread(
                write_text_file, ignore, "", TextFile(text="")
            )
        tab = await self._window.workbench.documents.open(ignore)
        text = tab.editor.text()
        if path not in text.split("\n"):
            joint = "" if not text or text.endswith("\n") else "\n"
            tab.editor.replace_all(f"{text}{joint}{path}\n")

    async def _shell(self, vertex: str, session: BuildSession) -> None:
        from desktop.pages.shell import open_step_shell

        await open_step_shell(self._window, session.ref, vertex)
