"""A whole window, offscreen, with a builder that is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.client.endpoints import Endpoint
from desktop.building.translate import client_request
from desktop.builds import BuildQueue
from desktop.context import Context
from desktop.engine import Engine
from desktop.notices import Notices
from desktop.sample import install_sample
from desktop.selection import Selection
from desktop.settings.paths import config_folder, state_folder
from desktop.settings.session import Journal
from desktop.settings.settings import SettingsStore
from desktop.tasks import Tasks
from desktop.theme import Theme
from desktop.window.main_window import MainWindow


@pytest.fixture
def context(theme: Theme, tasks: Tasks, tmp_path: Path) -> Iterator[Context]:
    settings = SettingsStore(config_folder() / "settings.json")
    engine = Engine("embedded")
    engine.endpoint = Endpoint.unix(str(tmp_path / "nobody.sock"))
    queue = BuildQueue(tasks, engine.start, client_request)
    yield Context(
        theme=theme,
        settings=settings,
        tasks=tasks,
        notices=Notices(),
        journal=Journal(state_folder() / "journal"),
        selection=Selection(),
        engine=engine,
        queue=queue,
    )
    queue.close()


@pytest.fixture
def make_window(
    context: Context, run: Callable[..., object]
) -> Iterator[Callable[[Path | None], MainWindow]]:
    windows: list[MainWindow] = []

    def make(argument: Path | None = None) -> MainWindow:
        window = MainWindow(context)
        windows.append(window)
        window.show()
        run(window.restore(argument, sample=install_sample))
        return window

    yield make
    for window in windows:
        window.close()
        window.deleteLater()
