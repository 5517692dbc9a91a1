from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox

from core.client.request import BuildRequest as ClientRequest
from core.errors import CancelledBuildError, ExecError
from core.progress.messages import SolveStatus, Vertex
from desktop.building.request import BuildRequest
from desktop.builds import BuildStatus
from desktop.window.main_window import MainWindow

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)

Make = Callable[..., MainWindow]
Until = Callable[[Callable[[], object]], None]


class Outcome:
    digest = "sha256:" + "a" * 64


class Running:
    """Stands for a build on a builder: it runs until the test ends it."""

    def __init__(self, ref: str) -> None:
        self.ref = ref
        self.events: asyncio.Queue[SolveStatus | None] = asyncio.Queue()
        self.failure: Exception | None = None

    async def statuses(self) -> AsyncIterator[SolveStatus]:
        while (status := await self.events.get()) is not None:
            yield status

    async def result(self) -> Outcome:
        if self.failure is not None:
            raise self.failure
        return Outcome()

    def cancel(self) -> None:
        self.end(CancelledBuildError("cancelled"))

    def end(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.events.put_nowait(None)


@pytest.fixture
def builds() -> dict[str, Running]:
    """What runs, by the name of its folder."""
    return {}


@pytest.fixture
def window(
    make_window: Make, builds: dict[str, Running], monkeypatch: pytest.MonkeyPatch
) -> MainWindow:
    @asynccontextmanager
    async def start(_wanted: ClientRequest, request: BuildRequest) -> AsyncIterator[Running]:
        build = builds[request.context.name] = Running(f"ref-{request.context.name}")
        yield build

    made = make_window()
    monkeypatch.setattr(made.context.queue, "_start", start)
    return made


def request(name: str) -> BuildRequest:
    folder = Path("/projects", name)
    return BuildRequest(
        dockerfile=folder / "Dockerfile", context=folder, platforms=("linux/amd64",)
    )


def test_builds_of_two_folders_run_in_two_tabs_and_every_view_follows_the_chosen_one(
    window: MainWindow, builds: dict[str, Running], until: Until
) -> None:
    tabs, workbench = window.workbench.build_tabs, window.workbench
    assert tabs.isHidden()
    one = window.builds.start(request("one"))
    two = window.builds.start(request("two"))
    until(lambda: len(builds) == 2)
    assert [tabs.tabText(n) for n in range(tabs.count())] == ["one", "two"]
    assert tabs.isVisible()
    assert workbench.session is two
    builds["one"].events.put_nowait(SolveStatus(vertexes=(Vertex(digest="v", name="RUN a"),)))
    until(lambda: one.counts() == (0, 1))
    QTest.mouseClick(tabs, Qt.MouseButton.LeftButton, pos=tabs.tabRect(0).center())
    assert workbench.session is one
    assert tabs.accessibleTabName(0) == "one, is being built"
    builds["two"].end(ExecError("The step failed.", exit_code=3))
    until(lambda: two.status.ended)
    assert workbench.session is one
    assert workbench.banner.text == "Failed: two. The step failed."
    assert tabs.accessibleTabName(1) == "two, failed"
    window.builds.cancel()
    until(lambda: one.status.ended)
    assert one.status is BuildStatus.CANCELLED


def test_a_second_build_of_a_folder_waits_and_takes_the_place_of_the_first(
    window: MainWindow, builds: dict[str, Running], until: Until
) -> None:
    tabs = window.workbench.build_tabs
    first = window.builds.start(request("one"))
    second = window.builds.start(request("one"))
    until(lambda: builds)
    assert second.status is BuildStatus.QUEUED
    assert window.workbench.session is first
    assert tabs.sessions == (first, second)
    builds.pop("one").end()
    until(lambda: builds)
    until(lambda: window.workbench.session is second)
    assert tabs.sessions == (second,)
    builds["one"].end()
    until(lambda: second.status.ended)


def test_closing_tabs_cancels_what_waits_and_asks_for_what_runs(
    window: MainWindow, builds: dict[str, Running], until: Until
) -> None:
    tabs = window.workbench.build_tabs
    first = window.builds.start(request("one"))
    second = window.builds.start(request("one"))
    until(lambda: builds)
    tabs.close_requested.emit(second)
    assert second.status is BuildStatus.CANCELLED
    assert tabs.sessions == (first,)
    QTest.keyClick(tabs, Qt.Key.Key_Delete)
    box = window.findChild(QMessageBox)
    assert box is not None
    assert first.status is BuildStatus.RUNNING
    next(b for b in box.buttons() if b.text() == "Cancel the Build").click()
    until(lambda: first.status.ended)
    QTest.keyClick(tabs, Qt.Key.Key_Delete)
    assert tabs.isHidden()
    assert window.workbench.session is None


def test_the_oldest_of_many_ended_builds_lose_their_tabs(
    window: MainWindow, builds: dict[str, Running], until: Until
) -> None:
    for n in range(9):
        session = window.builds.start(request(f"p{n}"))
        until(lambda name=f"p{n}": name in builds)
        builds[f"p{n}"].end()
        until(lambda s=session: s.status.ended)
    titles = [s.request.title for s in window.workbench.build_tabs.sessions]
    assert titles == [f"p{n}" for n in range(2, 9)]


def test_a_build_that_ends_unseen_is_told_of_and_its_button_shows_the_failed_step(
    window: MainWindow,
    builds: dict[str, Running],
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[dict[str, object]] = []
    monkeypatch.setattr(
        window.builds._bus, "notify", lambda title, text, **more: told.append({"t": title} | more)
    )
    monkeypatch.setattr(window, "isActiveWindow", lambda: False)
    session = window.builds.start(request("one"))
    until(lambda: builds)
    other = window.builds.start(request("two"))
    until(lambda: len(builds) == 2)
    builds["one"].end(ExecError("The step failed.", exit_code=3))
    until(lambda: session.status.ended)
    assert [t["t"] for t in told] == ["Failed: one"]
    assert window.workbench.session is other
    told[0]["run"]()  # type: ignore[operator]
    assert window.workbench.session is session
    window.context.settings.update(notify=False)
    builds["two"].end()
    until(lambda: other.status.ended)
    assert len(told) == 1
