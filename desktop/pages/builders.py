"""The Builders page: which builder builds, and the others that can be found."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QFrame,
    QInputDialog,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.client.endpoints import Endpoint, docker_contexts, parse_endpoint
from core.errors import BuilderError, Error
from desktop.pages.base import EnginePage
from desktop.widgets.form import clear, label, restyle, row
from desktop.widgets.words import sentence

if TYPE_CHECKING:
    from desktop.window.main_window import MainWindow

_PROBE_SECONDS = 25


def make(window: MainWindow) -> QWidget:
    return BuildersPage(window)


class BuilderCard(QFrame):
    """One builder; ``show_answer`` fills in what it said about itself."""

    def __init__(
        self, page: BuildersPage, text: str, endpoint: Endpoint, *, current: bool, removable: bool
    ) -> None:
        super().__init__()
        self.text = text
        self.endpoint = endpoint
        self.setProperty("role", "card")
        name = self.tr("Embedded builder") if text == "embedded" else endpoint.name
        self.setAccessibleName(name)
        self._badge = QLabel()
        self._badge.setText(self.tr("in use") if current else "")
        restyle(self._badge, "badge-done")
        self._badge.setVisible(current)
        use = QPushButton(self.tr("Use"))
        use.setAccessibleName(self.tr("Use %1").replace("%1", name))
        use.setEnabled(not current)
        use.clicked.connect(lambda: page.use(text))
        remove = QPushButton(self.tr("Remove"))
        remove.setVisible(removable)
        remove.clicked.connect(lambda: page.remove(text))
        self._answer = label(self.tr("Asking…"), "muted", wrap=True, selectable=True)
        self._platforms = label("", "muted", wrap=True)
        self._platforms.hide()
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 12, 16, 12)
        box.setSpacing(4)
        box.addLayout(row(label(name, "heading"), self._badge, 1, use, remove))
        where = (
            str(endpoint)
            if text != "embedded"
            else self.tr("this application's own, on this machine")
        )
        box.addWidget(label(where, "muted", selectable=True))
        box.addWidget(self._answer)
        box.addWidget(self._platforms)

    def show_answer(self, text: str, platforms: tuple[str, ...]) -> None:
        restyle(self._answer, "muted")
        self._answer.setText(text)
        self._platforms.setText(self.tr("Platforms: %1").replace("%1", ", ".join(platforms)))
        self._platforms.setVisible(bool(platforms))

    def show_problem(self, problem: Error) -> None:
        restyle(self._answer, "error")
        self._answer.setText(sentence(problem))


class BuildersPage(EnginePage):
    def __init__(self, window: MainWindow) -> None:
        super().__init__(
            window,
            self.tr("Builders"),
            self.tr(
                "Builds can run in the embedded builder, in a Docker daemon, or in a BuildKit on"
                " another machine. All are watched the same way."
            ),
        )
        self.add_button(self.tr("Add Builder…"), self._ask, icon="plus", role="primary")
        self.add_button(self.tr("Refresh"), self.shown, icon="refresh")
        self._list = QVBoxLayout()
        self._list.setSpacing(10)
        self.body.addLayout(self._list)

    async def load(self) -> None:
        settings = self.context.settings.value
        found = await self.context.tasks.in_thread(lambda: list(docker_contexts()))
        entries: dict[str, Endpoint] = {"embedded": Endpoint.embedded()}
        for endpoint in found:
            key = "docker" if endpoint.name == "default" else f"docker-context:{endpoint.name}"
            entries[key] = endpoint
        for text in settings.builders:
            try:
                entries[text] = parse_endpoint(text)
            except Error:
                continue
        cards = [
            BuilderCard(
                self,
                text,
                endpoint,
                current=text == settings.builder,
                removable=text in settings.builders and text != settings.builder,
            )
            for text, endpoint in entries.items()
        ]
        clear(self._list)
        for card in cards:
            self._list.addWidget(card)
        await asyncio.gather(*(self._probe(card) for card in cards))

    async def _probe(self, card: BuilderCard) -> None:
        """Ask a builder who it is; a card that went meanwhile is left alone."""
        from core.client.builder import connect

        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                if card.text == "embedded":
                    builder = await connect(card.endpoint)
                    async with builder:
                        hello = await builder.hello()
                    kind = self.tr("unprivileged") if hello.rootless else self.tr("root")
                    text = f"Viaduct {hello.version}, {hello.runtime}, {kind}, {hello.root}"
                    text = "\n".join((text, *hello.notes))
                    platforms = (*hello.native, *(e.platform for e in hello.emulated))
                else:
                    builder = await connect(card.endpoint)
                    async with builder:
                        version = await builder.info()
                        workers = await builder.workers()
                    text = self.tr("BuildKit %1, %2 worker(s)")
                    text = text.replace("%1", version or "?").replace("%2", str(len(workers)))
                    platforms = tuple(
                        dict.fromkeys(str(p) for worker in workers for p in worker.platforms)
                    )
        except Error as problem:
            card.show_problem(problem)
        except (OSError, TimeoutError) as problem:
            card.show_problem(
                BuilderError(
                    self.tr("Not reachable: %1.").replace(
                        "%1", str(problem) or self.tr("no answer in time")
                    )
                )
            )
        else:
            card.show_answer(text, platforms)

    def use(self, text: str) -> None:
        async def work() -> None:
            self.context.settings.update(builder=text)
            try:
                await self.context.engine.use(text)
            finally:
                await self.load()

        self.run(work)

    def remove(self, text: str) -> None:
        settings = self.context.settings
        settings.update(builders=tuple(b for b in settings.value.builders if b != text))
        self.shown()

    def _ask(self) -> None:
        dialog = QInputDialog(self)
        dialog.setWindowTitle(self.tr("Add Builder"))
        dialog.setLabelText(
            self.tr(
                "Where is it? For example unix:///run/buildkit/buildkitd.sock,\n"
                "tcp://host:1234?ca=ca.pem&cert=cert.pem&key=key.pem, ssh://user@host"
            )
        )
        dialog.resize(520, dialog.height())
        dialog.textValueSelected.connect(self._add)
        dialog.open()

    def _add(self, text: str) -> None:
        try:
            parse_endpoint(text.strip())
        except Error as problem:
            self.fail(problem)
            return
        settings = self.context.settings
        settings.update(builders=tuple(dict.fromkeys((*settings.value.builders, text.strip()))))
        self.shown()
