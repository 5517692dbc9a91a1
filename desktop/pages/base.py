"""What pages share: a banner for errors, a refresh button, and work that ends in one of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QPushButton

from core.errors import Error
from desktop.widgets.banner import Banner
from desktop.widgets.form import Page, label
from desktop.widgets.words import sentence

if TYPE_CHECKING:
    from desktop.window.main_window import MainWindow


class EnginePage(Page):
    """A page that shows what the builder answers. ``load`` is called each time it is shown."""

    def __init__(self, window: MainWindow, title: str, text: str) -> None:
        super().__init__(title, text)
        self.window_ = window
        self.context = window.context
        self.theme = window.context.theme
        self.banner = Banner(self.theme)
        self.busy = label(self.tr("Asking the builder…"), "muted")
        self.busy.hide()
        self.body.addWidget(self.banner)
        self.body.addWidget(self.busy)
        self._running = 0
        self.theme.changed.connect(self.dress)

    def dress(self) -> None:
        """Ask for icons again; overridden where there are some."""

    async def load(self) -> None:
        """Ask the builder and show the answer."""

    def shown(self) -> None:
        self.run(self.load)

    def add_button(
        self, text: str, run: Callable[[], object], *, icon: str = "", role: str = ""
    ) -> QPushButton:
        """A button at the right of the title."""
        button = QPushButton(text)
        if role:
            button.setProperty("role", role)
        if icon:
            colour = "accent_text" if role == "primary" else "text_muted"
            button.setIcon(self.theme.icons.get(icon, colour))
            self.theme.changed.connect(lambda: button.setIcon(self.theme.icons.get(icon, colour)))
        button.clicked.connect(lambda _checked=False: run())
        self.head.addWidget(button)
        return button

    def run(self, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Start a coroutine; its Error becomes the banner of this page."""
        self.context.tasks.start(self._guarded(work), name=type(self).__name__)

    async def _guarded(self, work: Callable[[], Awaitable[object]]) -> None:
        self._running += 1
        self.busy.setVisible(True)
        try:
            await work()
        except Error as problem:
            self.fail(problem)
        finally:
            self._running -= 1
            self.busy.setVisible(self._running > 0)

    def fail(self, problem: Error) -> None:
        self.banner.show_notice(
            sentence(problem),
            kind="banner-failed",
            actions=((self.tr("Try Again"), lambda: self.run(self._again)),),
        )

    async def _again(self) -> None:
        self.banner.hide()
        await self.load()

    def say(self, text: str, kind: str = "banner-done") -> None:
        self.banner.show_notice(text, kind=kind)
