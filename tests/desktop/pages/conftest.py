"""Pages in a window whose builder is a script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from desktop.building.translate import client_request
from desktop.builds import BuildQueue
from desktop.context import Context
from desktop.engine import Engine
from desktop.notices import Notices
from desktop.selection import Selection
from desktop.settings.paths import config_folder, state_folder
from desktop.settings.session import Journal
from desktop.settings.settings import SettingsStore
from desktop.tasks import Tasks
from desktop.theme import Theme
from desktop.window.main_window import MainWindow


class ScriptedBuilder:
    """Answers by method path; keeps what it was asked."""

    embedded = True

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, Any]] = []
        self.usage: list[Any] = []
        self.pruned: list[Any] = []

    async def call(self, method: Any, request: Any, **_options: Any) -> Any:
        name = method.path.rsplit("/", 1)[-1]
        self.asked.append((name, request))
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def hello(self) -> Any:
        return self.answers["Hello"]

    async def disk_usage(self) -> list[Any]:
        return self.usage

    async def prune(self, request: Any) -> AsyncIterator[Any]:
        self.pruned.append(request)
        for record in self.usage:
            yield record

    @asynccontextmanager
    async def session(self, _services: Any = None) -> AsyncIterator[str]:
        yield "session-1"

    async def aclose(self) -> None:
        pass


@pytest.fixture
def builder() -> ScriptedBuilder:
    return ScriptedBuilder()


@pytest.fixture
def window(
    theme: Theme,
    tasks: Tasks,
    builder: ScriptedBuilder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MainWindow]:
    settings = SettingsStore(config_folder() / "settings.json")
    engine = Engine("embedded")

    async def scripted() -> ScriptedBuilder:
        return builder

    monkeypatch.setattr(engine, "builder", scripted)
    queue = BuildQueue(tasks, engine.start, client_request)
    window = MainWindow(
        Context(
            theme=theme,
            settings=settings,
            tasks=tasks,
            notices=Notices(),
            journal=Journal(state_folder() / "journal"),
            selection=Selection(),
            engine=engine,
            queue=queue,
        )
    )
    yield window
    window.close()
    window.deleteLater()
    queue.close()


@pytest.fixture
def page(window: MainWindow) -> Callable[[str], Any]:
    """Show a page and return it."""

    def show(name: str) -> Any:
        window.show_page(name)
        return window.stack.currentWidget()

    return show
