"""The Builders page: which builder builds, and the others that can be found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.client.endpoints import Endpoint
from core.client.stored_builders import (
    StoredBuilders,
    all_builders,
    read_builders,
    write_builders,
)
from core.errors import BuilderError, Error
from desktop.pages.base import EnginePage
from desktop.widgets.form import clear, label, restyle, row
from desktop.widgets.words import counted, sentence

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
        # Shown before it has a parent, a widget would be a window of its own for a moment.
        if not current:
            self._badge.hide()
        use = QPushButton(self.tr("Use"))
        use.setAccessibleName(self.tr("Use %1").replace("%1", name))
        use.setEnabled(not current)
        use.clicked.connect(lambda: page.use(text))
        remove = QPushButton(self.tr("Remove"))
        if not removable:
            remove.hide()
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


class AddBuilderDialog(QDialog):
    """A name and where it is."""

    added = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Add Builder"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(520)
        self._name = QLineEdit()
        self._name.setAccessibleName(self.tr("Name"))
        self._name.setPlaceholderText(self.tr("farm"))
        self._where = QLineEdit()
        self._where.setAccessibleName(self.tr("Where it is"))
        self._where.setPlaceholderText("tcp://host:1234?ca=ca.pem&cert=cert.pem&key=key.pem")
        form = QFormLayout()
        form.setVerticalSpacing(10)
        form.addRow(self.tr("Name"), self._name)
        form.addRow(self.tr("Where it is"), self._where)
        kinds = "unix:///PATH   docker:///PATH   tcp://HOST:PORT   ssh://USER@HOST"
        form.addRow("", label(kinds, "muted", wrap=True))
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.addLayout(form)
        box.addWidget(buttons)

    def _accept(self) -> None:
        self.added.emit(self._name.text().strip(), self._where.text().strip())
        self.accept()


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
        stored = await self.context.tasks.in_thread(read_builders)
        found = await self.context.tasks.in_thread(lambda: list(all_builders()))
        entries = {endpoint.name: endpoint for endpoint in found}
        current = self.context.engine.name
        cards = [
            BuilderCard(
                self,
                text,
                endpoint,
                current=text == current,
                removable=text in stored.builders and text != current,
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
                    workers_text = counted(len(workers), self.tr("1 worker"), self.tr("%n workers"))
                    text = (
                        f"BuildKit {version}, {workers_text}"
                        if version
                        else self.tr("BuildKit, %1; it does not tell its version").replace(
                            "%1", workers_text
                        )
                    )
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

    def use(self, name: str) -> None:
        async def work() -> None:
            stored = await self.context.tasks.in_thread(read_builders)
            await self.context.tasks.in_thread(write_builders, replace(stored, chosen=name))
            try:
                await self.context.engine.use(name)
            finally:
                await self.load()

        self.run(work)

    def remove(self, name: str) -> None:
        self._change(lambda stored: stored.without_builder(name))

    def _change(self, change: Callable[[StoredBuilders], StoredBuilders]) -> None:
        """The list is the one of ``viaduct builders``."""

        async def work() -> None:
            stored = await self.context.tasks.in_thread(read_builders)
            await self.context.tasks.in_thread(write_builders, change(stored))
            await self.load()

        self.run(work)

    def _ask(self) -> None:
        dialog = AddBuilderDialog(self)
        dialog.added.connect(
            lambda name, where: self._change(lambda stored: stored.with_builder(name, where))
        )
        dialog.open()
