from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QItemSelectionModel, QObject, Qt, Signal
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from core.client.build_file import SUFFIX, write_build
from core.errors import BuilderError
from core.progress.messages import SolveStatus
from core.wire.pb import control_pb2, engine_pb2
from desktop.models.history_replay import RecordedBuild
from desktop.models.history_times import StepTimes
from desktop.panels.failure import FailurePanel
from desktop.panels.history import HistoryPage
from desktop.panels.lane_card import LaneCard
from desktop.panels.lanes import LanesPanel
from desktop.panels.timeline import TimelinePanel
from desktop.selection import Selection
from desktop.tasks import Tasks
from desktop.theme import Theme

Record = Callable[..., RecordedBuild]
Show = Callable[[QWidget], QWidget]
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform's
FATAL = QAbstractItemModelTester.FailureReportingMode.Fatal


def test_every_platform_has_a_lane_that_says_how_far_it_is(
    theme: Theme, selection: Selection, shown: Show, recorded: Record
) -> None:
    panel = LanesPanel(theme, selection, times=StepTimes())
    tester = QAbstractItemModelTester(panel.matrix.model(), FATAL)
    shown(panel)
    build = recorded("ok")
    panel.set_build(build)
    build.seek_seconds(1.2)
    cards = panel.findChildren(LaneCard)
    assert [c._platform for c in cards] == ["linux/amd64", "linux/386"]
    assert "running" in cards[0].accessibleName()
    build.seek_seconds(build.length)
    assert "15 of 15" in cards[0].accessibleName()
    model = panel.matrix.model()
    assert (model.rowCount(), model.columnCount()) == (15, 3)
    assert tester.model() is model
    panel.set_build(None)


def test_a_cell_of_the_matrix_selects_step_and_platform(
    theme: Theme, selection: Selection, shown: Show, recorded: Record
) -> None:
    panel = LanesPanel(theme, selection, times=StepTimes())
    shown(panel)
    build = recorded("ok")
    panel.set_build(build)
    panel.matrix.setCurrentIndex(panel.matrix.model().index(4, 2))
    assert selection.platform == "linux/386"
    assert build.state.vertices[selection.vertex].name.startswith("[deps 3/3]")
    panel.set_build(None)


def test_the_timeline_selects_what_is_clicked_and_zooms(
    theme: Theme, selection: Selection, shown: Show, recorded: Record
) -> None:
    panel = TimelinePanel(theme, selection)
    shown(panel)
    build = recorded("ok")
    panel.set_build(build)
    view = panel.view
    view.grab()
    rect, bar = max(view._hits, key=lambda hit: hit[0].width())
    view.clicked.emit(bar.entry)
    assert selection.vertex in build.state.vertices
    wide = rect.width()
    view.zoom(3)
    view.grab()
    assert max(r.width() for r, _ in view._hits) > 2 * wide
    panel.set_build(None)


def test_a_failure_offers_its_remedies(
    theme: Theme, selection: Selection, shown: Show, recorded: Record
) -> None:
    panel = FailurePanel(theme, selection)
    shown(panel)
    build = recorded("fail")
    panel.set_build(build)
    asked: list[str] = []
    panel.remedy_requested.connect(asked.append)
    for button in panel.findChildren(QPushButton):
        button.click()
    failed = build.state.failed
    assert failed is not None
    assert asked == [
        f"open-shell:{failed.digest}", "retry", f"retry-without-cache:{failed.digest}",
    ]  # fmt: skip
    words = " ".join(label.text() for label in panel.findChildren(QLabel))
    assert "Line 21" in words
    assert "status 101" in words
    panel.set_build(None)


class NoHistory(QObject):
    """An engine whose builder keeps none."""

    state_changed = Signal()
    native = ("linux/amd64",)
    is_embedded = False

    async def builder(self) -> object:
        raise BuilderError("This builder keeps no history.")


@pytest.fixture
def page(
    theme: Theme,
    selection: Selection,
    run: Callable[..., object],
    tmp_path: Path,
    recorded: Record,
) -> Iterator[HistoryPage]:
    # The loop of an earlier test holds timers: it must not be collected in a thread of this one.
    gc.collect()
    for name in ("ok", "cached", "fail"):
        build = recorded(name)
        record = control_pb2.BuildHistoryRecord(
            Ref=name, title=f"team/{name}", state=build.status.value
        )
        record.CreatedAt.FromNanoseconds(build.started or 0)
        record.CompletedAt.FromNanoseconds(build.finished)
        record.FrontendAttrs["platform"] = "linux/amd64,linux/386"

        async def events(build: RecordedBuild = build) -> AsyncIterator[SolveStatus]:
            for event in build.events:
                yield event

        folder = tmp_path / "imports"
        folder.mkdir(exist_ok=True)
        found_build = engine_pb2.GetBuildResponse(record=record)
        run(write_build(folder / f"{name}{SUFFIX}", found_build, events()))
    tasks = Tasks(on_error=lambda e: None, on_bug=lambda e: None)
    found = HistoryPage(
        theme, selection, engine=NoHistory(), tasks=tasks, imports=tmp_path / "imports"  # type: ignore[arg-type]
    )  # fmt: skip
    yield found
    for build in found.findChildren(RecordedBuild):
        build.close()
    found.hide()
    run(tasks.close())
    found.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


async def appear(page: HistoryPage) -> None:
    page.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    page.show()


def select(page: HistoryPage, *rows: int) -> None:
    model = page.table.selectionModel()
    model.clear()
    flags = QItemSelectionModel.SelectionFlag
    for row in rows:
        index = page.table.model().index(row, 0)
        model.select(index, flags.Select | flags.Rows)


def test_a_page_without_a_builder_shows_imported_builds(
    page: HistoryPage, until: Callable[..., None], run: Callable[..., object]
) -> None:
    tester = QAbstractItemModelTester(page._model, FATAL)

    run(appear(page))
    until(lambda: page._model.rowCount() == 3)
    assert page.table.model().index(0, 0).data() == "team/fail"
    until(page.banner.isVisible)
    assert "no history" in page.banner.text
    assert tester.model() is page._model


def test_builds_are_opened_compared_deleted_and_brought_back(
    page: HistoryPage, until: Callable[..., None], run: Callable[..., object]
) -> None:
    run(appear(page))
    until(lambda: page._model.rowCount() == 3)
    opened: list[str] = []
    page.open_requested.connect(opened.append)

    async def do(action: Callable[[], None]) -> None:
        action()

    select(page, 0)
    run(do(page.open_selected))
    until(lambda: bool(opened))
    session = page.session("fail")
    assert session is not None
    assert session.status.value == "failed"

    select(page, 1, 2)
    run(do(page.compare_selected))
    until(lambda: page.compare.table.model().rowCount() > 0)

    select(page, 1)
    page.delete_selected()
    assert page._model.rowCount() == 2
    page.undo_delete()
    assert page._model.rowCount() == 3
    select(page, 1)
    page.delete_selected()
    page._undo.stop()
    run(do(page._delete_now))
    until(lambda: page._imports.load("cached") is None)


def test_a_file_is_imported_and_a_damaged_one_named(
    page: HistoryPage,
    tmp_path: Path,
    until: Callable[..., None],
    run: Callable[..., object],
) -> None:
    run(appear(page))
    until(lambda: page._model.rowCount() == 3)
    there = tmp_path / "imports" / f"ok{SUFFIX}"
    copy = tmp_path / f"carried{SUFFIX}"

    async def do(action: Callable[[], None]) -> None:
        action()

    run(do(lambda: page.export_to("ok", copy)))
    until(copy.exists)
    page._model.remove("ok")
    there.unlink()
    run(do(lambda: page.import_files([copy])))
    until(lambda: page._model.build("ok") is not None)
    assert there.exists()
    bad = tmp_path / "bad.viaductbuild"
    bad.write_bytes(b"no build")
    run(do(lambda: page.import_files([bad])))
    until(lambda: "bad.viaductbuild" in page.banner.text)


def test_a_build_is_asked_for_again(
    page: HistoryPage, until: Callable[..., None], run: Callable[..., object]
) -> None:
    run(appear(page))
    until(lambda: page._model.rowCount() == 3)
    asked: list[object] = []
    page.rebuild_requested.connect(asked.append)
    select(page, 2)
    page.rebuild_selected()
    assert getattr(asked[0], "platforms", None) == ("linux/amd64", "linux/386")
    assert page.open_button.isEnabled()
    assert not page.compare_button.isEnabled()
