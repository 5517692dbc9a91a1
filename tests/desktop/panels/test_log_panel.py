from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from core.progress.messages import SolveStatus, VertexLog
from desktop.models.history_replay import RecordedBuild
from desktop.panels.log import LogPanel
from desktop.selection import Selection
from desktop.theme import Theme

Record = Callable[..., RecordedBuild]
Show = Callable[[QWidget], QWidget]
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform's


@pytest.fixture
def panel(theme: Theme, selection: Selection, shown: Show, recorded: Record) -> Iterator[LogPanel]:
    found = LogPanel(theme, selection)
    shown(found)
    yield found
    found.set_build(None)


def work_off(panel: LogPanel) -> None:
    """Let the slices run out."""
    for _ in range(200):
        if not panel._work.isActive():
            return
        QApplication.processEvents()
    raise AssertionError("the panel never finished")


def digest(build: RecordedBuild, name: str) -> str:
    return next(d for d, v in build.state.vertices.items() if v.name.startswith(name))


def test_it_follows_the_end_until_somebody_scrolls_up(panel: LogPanel, recorded: Record) -> None:
    build = recorded("ok")
    panel.set_build(build)
    bar = panel.view.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    bar.setValue(3)
    assert not panel.follow.isChecked()
    more = SolveStatus(logs=(VertexLog(vertex=digest(build, "[deps"), data=b"more\n" * 50),))
    build.lines.take(more)
    build.changed.emit(more)
    assert bar.value() == 3
    QTest.keyClick(panel.view, Qt.Key.Key_End)
    assert bar.value() == bar.maximum()
    assert panel.follow.isChecked()


def test_a_search_goes_to_the_next_hit_and_round(panel: LogPanel, recorded: Record) -> None:
    build = recorded("ok")
    panel.set_build(build)
    panel.view.set_following(False)
    panel.view.verticalScrollBar().setValue(0)
    panel.search.setText("test result")
    work_off(panel)
    first = panel.view.current_line
    assert build.lines.line(first) == b"test result: ok. 42 passed"
    assert "2" in panel.count.text()
    panel.go_to_match(forward=True)
    second = panel.view.current_line
    assert second > first
    panel.go_to_match(forward=True)
    assert panel.view.current_line == first
    panel.go_to_match(forward=False)
    assert panel.view.current_line == second


def test_a_broken_pattern_is_marked_not_raised(panel: LogPanel, recorded: Record) -> None:
    panel.set_build(recorded("ok"))
    panel.regex.setChecked(True)
    panel.search.setText("cc (")
    assert panel.search.property("invalid")
    panel.search.setText("cc .*file2\\.c")
    work_off(panel)
    assert not panel.search.property("invalid")
    assert panel.view.current_line >= 0


def test_the_error_button_goes_to_the_end_of_the_failed_step(
    panel: LogPanel, recorded: Record
) -> None:
    build = recorded("fail")
    panel.set_build(build)
    panel.next_error()
    line = panel.view.current_line
    assert build.lines.line(line) == b"assertion failed: left == right"
    failed = build.state.failed
    assert failed is not None
    assert build.lines.info(line).vertex == failed.digest
    panel.next_error()
    work_off(panel)
    assert panel.view.current_line != line


def test_the_selected_step_shows_all_its_platforms(
    panel: LogPanel, selection: Selection, recorded: Record
) -> None:
    build = recorded("ok")
    panel.set_build(build)
    panel.scope.setCurrentIndex(1)
    selection.set_vertex(digest(build, "[deps 3/3]"), object())
    assert panel._shown is not None
    assert len(panel._shown) == 80
    texts = {build.lines.line(panel._shown.number(r)) for r in range(80)}
    assert texts == {b"fetching dependency %d" % n for n in range(1, 41)}


def test_copying_with_context_names_step_and_time(panel: LogPanel, recorded: Record) -> None:
    build = recorded("fail")
    panel.set_build(build)
    panel.copy_with_context()
    text = QGuiApplication.clipboard().text()
    assert text.startswith("# [build 3/3] RUN echo")
    assert "assertion failed: left == right" in text


def test_a_mouse_selection_is_copied_as_shown(panel: LogPanel, recorded: Record) -> None:
    panel.set_build(recorded("fail"))
    panel.view.select_all()
    panel.copy_selection()
    assert QGuiApplication.clipboard().text().count("running 3 tests") == 2


def test_saving_writes_every_line(panel: LogPanel, recorded: Record, tmp_path: Path) -> None:
    build = recorded("ok")
    panel.set_build(build)
    path = tmp_path / "build.log"
    panel.save_to(str(path))
    assert not path.exists()
    work_off(panel)
    text = path.read_text()
    assert len(re.findall(r"fetching dependency \d", text)) == 80
    assert "\x1b" not in text


def test_a_line_that_is_clicked_selects_its_step(
    panel: LogPanel, selection: Selection, recorded: Record
) -> None:
    build = recorded("ok")
    panel.set_build(build)
    panel.view.set_following(False)
    panel.view.verticalScrollBar().setValue(0)
    QTest.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton)
    row = panel.view._caret.row
    assert selection.vertex == build.lines.info(row).vertex
