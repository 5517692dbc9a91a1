"""Offscreen windows, a loop that Qt and asyncio share, and homes of the test's own."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from core.errors import Error
from desktop.tasks import Tasks
from desktop.theme import ColourScheme, Theme

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(autouse=True)
def viaduct_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, sessions and caches below the test's folder."""
    home = tmp_path / "viaduct-home"
    monkeypatch.setenv("VIADUCT_HOME", str(home))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker-config"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return home


@pytest.fixture(autouse=True)
def qt_objects_die_on_the_main_thread() -> Iterator[None]:
    """As in the window: no collection on a worker's thread (see desktop.collector)."""
    gc.disable()
    yield
    gc.collect()
    gc.enable()


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    theme = Theme(ColourScheme.LIGHT)
    theme.install()
    return theme


@pytest.fixture
def loop(qapp: QApplication) -> Iterator[QEventLoop]:
    loop = QEventLoop(qapp)
    asyncio.set_event_loop(loop)
    yield loop
    asyncio._set_running_loop(None)
    loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture
def run(loop: QEventLoop) -> Run:
    """Run a coroutine in the loop, for ten seconds at most."""

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return loop.run_until_complete(asyncio.wait_for(work, 10))
        finally:
            # In the window the loop runs all the time. Here Qt's events are also processed between
            # two runs (pytest-qt does it around a test), and turn tasks that look for their loop.
            asyncio._set_running_loop(loop)

    return run


@pytest.fixture
def until(run: Run) -> Callable[[Callable[[], object]], None]:
    """Let the loop turn until something holds; fails after five seconds."""

    def until(holds: Callable[[], object]) -> None:
        async def wait() -> None:
            async with asyncio.timeout(5):
                while not holds():  # noqa: ASYNC110  (Qt's state has no event to wait for)
                    await asyncio.sleep(0.005)

        run(wait())

    return until


@pytest.fixture
def problems() -> list[object]:
    """Errors and bugs that tasks ended with."""
    return []


@pytest.fixture
def tasks(run: Run, problems: list[object]) -> Iterator[Tasks]:
    def on_error(problem: Error) -> None:
        problems.append(problem)

    tasks = Tasks(on_error=on_error, on_bug=problems.append)
    yield tasks
    run(tasks.close())
