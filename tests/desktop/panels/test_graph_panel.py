from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QWidget

from desktop.graph.detail import Detail, detail_at
from desktop.models.history_replay import RecordedBuild
from desktop.panels.graph import GraphPanel
from desktop.selection import Selection
from desktop.theme import Theme

Record = Callable[..., RecordedBuild]
Show = Callable[[QWidget], QWidget]
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform's


@pytest.fixture
def panel(
    theme: Theme, selection: Selection, shown: Show, recorded: Record
) -> Iterator[GraphPanel]:
    found = GraphPanel(theme, selection)
    shown(found)
    yield found
    found.set_build(None)
    found.close_workers()


def test_the_tree_has_the_content_of_the_picture(panel: GraphPanel, recorded: Record) -> None:
    tester = QAbstractItemModelTester(
        panel.tree.model(), QAbstractItemModelTester.FailureReportingMode.Fatal
    )
    build = recorded("ok")
    build.seek_seconds(1.0)
    panel.set_build(build)
    build.seek_seconds(build.length)
    panel._tree_button.click()
    model = panel.tree.model()
    names = set()
    for stage in range(model.rowCount()):
        parent = model.index(stage, 0)
        for row in range(model.rowCount(parent)):
            names.add(model.index(row, 0, parent).data(Qt.ItemDataRole.UserRole))
    assert names == set(panel.canvas.shown.positions)
    assert tester.model() is model


def test_a_click_selects_vertex_and_lines_for_all_views(
    panel: GraphPanel, selection: Selection, recorded: Record
) -> None:
    build = recorded("ok")
    panel.set_build(build)
    rect = panel.canvas.shown.rect("deps/3/exec")
    at = panel.canvas.to_view(QPointF(*rect.centre)).toPoint()
    QTest.mouseClick(panel.canvas, Qt.MouseButton.LeftButton, pos=at)
    assert build.state.vertices[selection.vertex].name.startswith("[deps 3/3] RUN for")
    assert panel.canvas.marks.selected == "deps/3/exec"


def test_what_is_selected_elsewhere_is_selected_here(
    panel: GraphPanel, selection: Selection, recorded: Record
) -> None:
    build = recorded("ok")
    panel.set_build(build)
    digest = next(d for d, v in build.state.vertices.items() if v.name.startswith("[build 3/3]"))
    selection.set_vertex(digest, object())
    assert panel.canvas.marks.selected == "build/3/exec"


def test_arrows_walk_along_edges_and_f_finds_the_failure(
    panel: GraphPanel, recorded: Record
) -> None:
    panel.set_build(recorded("fail"))
    panel.canvas.setFocus()
    QTest.keyClick(panel.canvas, Qt.Key.Key_F)
    assert panel.canvas.marks.selected == "build/3/exec"
    QTest.keyClick(panel.canvas, Qt.Key.Key_Up)
    assert panel.canvas.marks.selected == "build/2/exec"
    QTest.keyClick(panel.canvas, Qt.Key.Key_Down)
    QTest.keyClick(panel.canvas, Qt.Key.Key_Down)
    assert panel.canvas.marks.selected == "stage-5/1/file"


def test_slash_filters_and_escape_leaves(panel: GraphPanel, recorded: Record) -> None:
    panel.set_build(recorded("ok"))
    panel.canvas.setFocus()
    QTest.keyClick(panel.canvas, Qt.Key.Key_Slash)
    QTest.keyClicks(panel.filter, "deps run")
    assert panel.canvas.marks.focus == {"deps/3/exec"}
    panel._leave_filter()
    assert panel.canvas.marks.focus is None


def test_c_marks_the_critical_path(panel: GraphPanel, recorded: Record) -> None:
    panel.set_build(recorded("ok"))
    QTest.keyClick(panel.canvas, Qt.Key.Key_C)
    assert "deps/3/exec" in panel.canvas.marks.critical
    assert ("build/2/exec", "build/3/exec") in panel.canvas.marks.critical_edges
    QTest.keyClick(panel.canvas, Qt.Key.Key_C)
    assert not panel.canvas.marks.critical


def test_zooming_keeps_the_point_under_the_pointer(panel: GraphPanel, recorded: Record) -> None:
    panel.set_build(recorded("ok"))
    at = QPointF(300, 200)
    before = panel.canvas.to_scene(at)
    panel.canvas.zoom(1.7, at)
    after = panel.canvas.to_scene(at)
    assert abs(before.x() - after.x()) < 0.01
    assert abs(before.y() - after.y()) < 0.01
    QTest.keyClick(panel.canvas, Qt.Key.Key_0)
    view, bounds = panel.canvas.visible_area(), panel.canvas.shown.bounds
    assert view.x <= bounds.x
    assert view.y <= bounds.y
    assert view.right >= bounds.right
    assert view.bottom >= bounds.bottom


def test_double_clicking_a_folded_chain_opens_it(panel: GraphPanel, recorded: Record) -> None:
    panel.set_build(recorded("cached"))
    fold = next(n for n in panel.canvas.shown.positions if n.startswith("fold:"))
    panel.canvas.activated.emit(fold)
    assert fold not in panel.canvas.shown.positions
    assert fold.removeprefix("fold:") in panel.canvas.shown.positions


@pytest.mark.parametrize(
    ("suffix", "starts"),
    [("svg", b"<?xml"), ("png", b"\x89PNG"), ("dot", b"digraph"), ("mmd", b"flowchart")],
)
def test_the_graph_is_written_in_every_format(
    panel: GraphPanel, recorded: Record, tmp_path: Path, suffix: str, starts: bytes
) -> None:
    panel.set_build(recorded("fail"))
    path = tmp_path / f"graph.{suffix}"
    panel.export_to(path)
    data = path.read_bytes()
    assert data.startswith(starts)
    if suffix in {"dot", "mmd"}:
        assert data.count(b"->" if suffix == "dot" else b"-->") == len(panel.canvas.shown.routes)


def test_a_replay_moves_the_picture_and_back(panel: GraphPanel, recorded: Record) -> None:
    build = recorded("ok")
    panel.set_build(build)
    assert panel.replay.isVisible()
    build.seek_seconds(0.0)
    few = len(panel.canvas.shown.positions)
    build.seek_seconds(build.length)
    assert len(panel.canvas.shown.positions) > few


@pytest.mark.parametrize("scale", [0.05, 0.5, 1.0])
def test_every_level_of_detail_paints(panel: GraphPanel, recorded: Record, scale: float) -> None:
    build = recorded("ok")
    panel.set_build(build)
    build.seek_seconds(1.5)
    panel.canvas.zoom(scale / panel.canvas.scale)
    assert detail_at(panel.canvas.scale) in Detail
    image = panel.canvas.grab().toImage()
    colours = {image.pixel(x, y) for x in range(0, 890, 3) for y in range(0, 500, 3)}
    assert len(colours) > 3
