"""What is said after a build: what the registry serves, what would be faster, what to do now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from core.emulation.advice import Advice, advise, runs_of
from core.errors import (
    AuthenticationError,
    BuilderError,
    Error,
    MachineError,
    NotFoundError,
    RegistryError,
)
from core.oci.reference import parse_reference
from desktop.builds import BuildSession
from desktop.widgets.words import sentence

if TYPE_CHECKING:
    from desktop.window.builds_control import BuildsControl
    from desktop.window.main_window import MainWindow


class BuildReport(QObject):
    """Belongs to the control of builds."""

    def __init__(self, window: MainWindow, control: BuildsControl) -> None:
        super().__init__(control)
        self._window = window
        self._control = control

    def done(self, session: BuildSession, text: str) -> None:
        """``text`` is the sentence that the build ended with."""
        self._tell(session, text)
        if session.request.push and self._window.context.engine.is_embedded:
            self._window.start(self._read_back(session, text), "read back")
            return
        advice = advise(runs_of(v.vertex for v in session.state.vertices.values()))
        if advice:
            self._advise(text, advice[0])

    def _advise(self, text: str, advice: Advice) -> None:
        """Where cross-compiling would pay, and the line to begin at."""
        selection = self._window.context.selection
        actions = []
        if advice.ranges:
            actions.append(
                (
                    self.tr("Show the Line"),
                    lambda: selection.set_lines(advice.ranges[0], self),
                )
            )
        self._window.workbench.banner.show_notice(
            "\n".join([f"{text}.", advice.message, *advice.how]), actions=actions
        )

    def _tell(self, session: BuildSession, text: str) -> None:
        platforms = ", ".join(session.request.platforms)
        sentence = f"{text}. {platforms}"
        if session.digest:
            sentence += f"  {session.digest[:19]}…"
        self._window.workbench.banner.show_notice(sentence, kind="banner-done")

    async def _read_back(self, session: BuildSession, text: str) -> None:
        """Tick each platform that the registry serves now."""
        from desktop.building.verify import read_back

        builder = await self._window.context.engine.builder()
        try:
            images = await read_back(
                builder, session.request, self._window.context.engine.services()
            )
        except Error as problem:
            self._window.context.notices.show(
                self.tr("%1, but it could not be read back: %2")
                .replace("%1", text)
                .replace("%2", sentence(problem)),
                kind="banner-warning",
            )
            return
        lines = []
        for image in images:
            ticks = "   ".join(f"✓ {platform}" for platform, _digest in image.platforms)
            lines.append(f"{image.reference} serves {image.digest[:19]}…   {ticks}")
        missing = sorted({platform for image in images for platform in image.missing})
        if missing:
            lines.append(self.tr("Missing: %1").replace("%1", ", ".join(missing)))
        details = "\n".join(
            f"{platform}  {digest}" for image in images for platform, digest in image.platforms
        )
        self._window.workbench.banner.show_notice(
            "\n".join([f"{text}.", *lines]),
            kind="banner-failed" if missing else "banner-done",
            actions=((self.tr("Copy Digests"), lambda: _copy(details)),),
        )

    async def failed(self, session: BuildSession) -> None:
        error = session.error
        if isinstance(error, AuthenticationError) and session.request.tags:
            host = parse_reference(session.request.tags[0]).domain
            if await self._control.sign_in(host, sentence(error)):
                self._control.start(session.request)
        elif isinstance(error, RegistryError | NotFoundError) and "busybox" in str(error):
            self._window.context.notices.show(
                self.tr("%1 Viaduct can make it here, from Debian's packages.").replace(
                    "%1", sentence(error)
                ),
                kind="banner-failed",
                actions=(
                    (
                        self.tr("Make Base Images and Retry"),
                        lambda: self._window.start(self._make_base(session), "base images"),
                    ),
                ),
            )
        elif error is not None and (
            isinstance(error, BuilderError | MachineError) or session.state.failed is None
        ):
            self._window.context.notices.error(error)

    async def _make_base(self, session: BuildSession) -> None:
        """What the sample needs where no registry can be reached."""
        from desktop.pages.base_images import make_base_images

        window = self._window
        builder = await window.context.engine.builder()
        await make_base_images(builder, window.context.tasks, window.context.notices.show)
        self._control.start(session.request)


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
