"""The Registries page: who is signed in where, and where the secret is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from core.errors import AuthenticationError, Error, RegistryError
from desktop.pages.base import EnginePage
from desktop.pages.docker_logins import docker_hosts
from desktop.pages.registry_check import check_registry
from desktop.widgets.form import card, clear, label, restyle, row
from desktop.widgets.words import sentence

if TYPE_CHECKING:
    from desktop.window.main_window import MainWindow


def make(window: MainWindow) -> QWidget:
    return RegistriesPage(window)


class RegistryCard(QFrame):
    """One registry."""

    def __init__(self, page: RegistriesPage, host: str, username: str, origin: str) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setAccessibleName(host)
        self._badge = label("", "badge-done")
        self._badge.hide()
        self._problem = label("", "error", wrap=True)
        self._problem.hide()
        where = {
            "keyring": self.tr("kept in this computer's keyring"),
            "this session": self.tr("kept until the window closes"),
            "docker config": self.tr("read from Docker's config.json"),
        }.get(origin, self.tr("asked from %1").replace("%1", origin))
        who = username or self.tr("identity token")
        if not origin:
            who, where = self.tr("not signed in"), self.tr("anonymous access only")
        test = QPushButton(self.tr("Test"))
        test.setAccessibleName(self.tr("Test %1").replace("%1", host))
        test.clicked.connect(lambda: page.test(self, host))
        sign_in = QPushButton(self.tr("Change…") if origin else self.tr("Sign In…"))
        sign_in.clicked.connect(lambda: page.sign_in(host))
        insecure = host in page.context.settings.value.insecure_registries
        plain = QPushButton(self.tr("Require TLS") if insecure else self.tr("Allow Plain HTTP"))
        plain.setToolTip(self.tr("Registries on this machine are always reached over plain HTTP."))
        plain.clicked.connect(lambda: page.set_insecure(host, not insecure))
        forget = QPushButton(self.tr("Sign Out"))
        forget.setProperty("role", "danger")
        forget.setEnabled(origin in ("keyring", "this session", ""))
        if not forget.isEnabled():
            forget.setToolTip(self.tr("Use `docker logout`: Docker keeps this one."))
        forget.clicked.connect(lambda: page.sign_out(host))
        if not origin:
            forget.setText(self.tr("Remove"))
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 12, 16, 12)
        box.setSpacing(4)
        box.addLayout(
            row(label(host, "heading", selectable=True), self._badge, 1, test, sign_in, plain,
                forget)
        )  # fmt: skip
        box.addWidget(label(f"{who} — {where}", "muted", wrap=True))
        box.addWidget(self._problem)

    def show_result(self, problem: Error | None, text: str) -> None:
        self._badge.setText(text)
        restyle(self._badge, "badge-failed" if problem else "badge-done")
        self._badge.show()
        self._problem.setText(sentence(problem) if problem is not None else "")
        self._problem.setVisible(problem is not None)


class RegistriesPage(EnginePage):
    def __init__(self, window: MainWindow) -> None:
        super().__init__(
            window,
            self.tr("Registries"),
            self.tr(
                "Where images are pulled from and pushed to. Secrets are kept in this computer's"
                " keyring; those of the docker command are used too."
            ),
        )
        self.busy.setText(self.tr("Reading…"))
        self.add_button(self.tr("Sign In…"), lambda: self.sign_in(""), icon="key", role="primary")
        self._list = QVBoxLayout()
        self._list.setSpacing(10)
        self.body.addLayout(self._list)
        self._keyring = label("", "muted", wrap=True)
        self.body.addWidget(self._keyring)

    async def load(self) -> None:
        settings = self.context.settings.value
        known = await self.context.tasks.in_thread(docker_hosts)
        hosts = dict.fromkeys((*settings.registries, *known, *settings.insecure_registries))
        store = self.context.engine.credentials
        cards: list[RegistryCard] = []
        for host in hosts:
            try:
                found = await store.find(host)
            except AuthenticationError as problem:
                entry = RegistryCard(self, host, "", "")
                entry.show_result(problem, self.tr("helper failed"))
                cards.append(entry)
                continue
            username = found.username if found is not None else ""
            origin = found.origin if found is not None else ""
            cards.append(RegistryCard(self, host, username, origin))
        clear(self._list)
        for entry in cards:
            self._list.addWidget(entry)
        if not cards:
            frame, box = card()
            box.addWidget(label(self.tr("No registry is signed in."), "heading"))
            box.addWidget(
                label(
                    self.tr(
                        "Public images can be pulled without. Sign in to push, or to pull private"
                        " images. A registry on this machine (localhost:5000) needs nothing."
                    ),
                    "muted",
                    wrap=True,
                )
            )
            self._list.addWidget(frame)
        self._keyring.setText(
            self.tr("Keyring: %1.").replace("%1", store.keyring_problem)
            if store.keyring_problem
            else ""
        )

    def sign_in(self, host: str) -> None:
        async def work() -> None:
            if await self.window_.builds.sign_in(host):
                await self.load()

        self.context.tasks.start(work(), name="sign in")

    def sign_out(self, host: str) -> None:
        async def work() -> None:
            await self.context.engine.credentials.forget(host)
            settings = self.context.settings
            settings.update(
                registries=tuple(h for h in settings.value.registries if h != host),
                insecure_registries=tuple(
                    h for h in settings.value.insecure_registries if h != host
                ),
            )
            await self.load()

        self.run(work)

    def set_insecure(self, host: str, on: bool) -> None:
        settings = self.context.settings
        others = tuple(h for h in settings.value.insecure_registries if h != host)
        settings.update(insecure_registries=(*others, host) if on else others)
        self.shown()

    def test(self, entry: RegistryCard, host: str) -> None:
        async def work() -> None:
            insecure = host in self.context.settings.value.insecure_registries
            try:
                words = await check_registry(
                    host, self.context.engine.credentials, insecure=insecure
                )
            except RegistryError as problem:
                entry.show_result(problem, self.tr("failed"))
            else:
                entry.show_result(None, words)

        self.run(work)
