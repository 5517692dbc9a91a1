from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

from desktop.editor.tab import EditorTab
from desktop.window.main_window import MainWindow

# The offscreen plugin says so of every window that is shown.
pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints", extend=True)

Make = Callable[..., MainWindow]
Until = Callable[[Callable[[], object]], None]


def current(window: MainWindow) -> EditorTab:
    tab = window.workbench.documents.current()
    assert tab is not None
    return tab


@pytest.fixture
def sample(make_window: Make, until: Until) -> MainWindow:
    window = make_window()
    until(lambda: current(window).analysis is not None)
    return window


def test_the_first_start_opens_the_sample_with_its_finding(sample: MainWindow) -> None:
    tab = current(sample)
    assert tab.title == "Dockerfile"
    assert [f.rule for f in tab.findings] == ["arch/hard-coded-url"]
    assert tab.editor.text().split("\n")[tab.findings[0].range.start - 1].startswith("RUN")
    assert tab.analysis is not None
    assert tab.analysis.plan is not None
    assert not tab.analysis.plan.errors


def test_typing_changes_findings_and_outline(sample: MainWindow, until: Until) -> None:
    tab = current(sample)
    tab.editor.replace_all("FROM busybox AS one\nBAD x\n")
    until(lambda: [f.rule for f in tab.findings] == ["dockerfile/syntax"])
    tab.editor.replace_all("FROM busybox AS one\nRUN true\nFROM one AS two\n")
    until(lambda: tab.findings == ())
    combo = sample.findChild(QComboBox, "target")
    assert combo is not None
    assert [combo.itemText(n) for n in range(combo.count())] == ["last stage", "one", "two"]


def test_a_quick_fix_is_one_step_of_undo(sample: MainWindow, until: Until) -> None:
    tab = current(sample)
    text = tab.editor.text()
    finding = tab.findings[0]
    sample.workbench.apply_fix(tab.key, finding)
    assert tab.editor.text() != text
    until(lambda: tab.findings == ())
    tab.editor.undo()
    assert tab.editor.text() == text


def test_ignoring_a_finding_silences_it(sample: MainWindow, until: Until) -> None:
    tab = current(sample)
    sample.workbench.ignore(tab.key, tab.findings[0])
    until(lambda: tab.findings == ())
    assert "# viaduct: ignore=arch/hard-coded-url" in tab.editor.text()


def test_unsaved_text_comes_back_after_a_crash(
    make_window: Make, until: Until, run: Callable[..., object], tmp_path: Path
) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM a\n")
    window = make_window(path)
    tab = current(window)
    tab.editor.replace_all("FROM b\n")
    until(window.context.journal.entries)
    again = make_window(path)
    assert current(again).editor.text() == "FROM b\n"
    assert current(again).modified
    assert "recovered" in current(again).banner.text
    assert path.read_text() == "FROM a\n"
    run(again.workbench.documents.save(current(again)))
    assert path.read_text() == "FROM b\n"
    assert window.context.journal.entries() == ()


def test_the_next_start_opens_the_same_files(
    make_window: Make, run: Callable[..., object], tmp_path: Path
) -> None:
    path = tmp_path / "app.Dockerfile"
    path.write_text("FROM a\nRUN b\n")
    window = make_window(path)
    current(window).editor.go_to(2)
    window.close()
    again = make_window()
    assert current(again).path == path
    assert current(again).editor.textCursor().blockNumber() == 1


def test_a_file_that_changes_on_disk_is_read_again(
    make_window: Make, run: Callable[..., object], until: Until, tmp_path: Path
) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM a\n")
    tab = current(make_window(path))
    path.write_text("FROM b\n")
    until(lambda: tab.editor.text() == "FROM b\n")
    assert not tab.modified


def test_a_change_on_disk_and_here_asks(
    make_window: Make, run: Callable[..., object], tmp_path: Path
) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM a\n")
    tab = current(make_window(path))
    tab.editor.replace_all("FROM mine\n")
    path.write_text("FROM theirs\n")
    run(tab.changed_on_disk())
    assert tab.editor.text() == "FROM mine\n"
    assert "changed on disk" in tab.banner.text


def test_a_missing_file_is_a_sentence(
    make_window: Make, run: Callable[..., object], tmp_path: Path
) -> None:
    window = make_window(tmp_path / "gone")
    assert "There is no file" in window.workbench.banner.text


def test_a_builder_that_is_not_there_is_a_sentence(
    sample: MainWindow, until: Until, problems: list[object]
) -> None:
    sample.builds.build()
    until(lambda: sample.workbench.session is not None)
    until(lambda: problems or sample.workbench.session.error)
    until(sample.workbench.banner.isVisible)
    assert "nobody.sock" in sample.workbench.banner.text
    assert problems == []


def test_a_push_without_a_tag_says_so(sample: MainWindow, until: Until) -> None:
    sample.workbench.bar.set_tags(())
    sample.builds.build(push=True)
    until(lambda: "needs a tag" in sample.workbench.banner.text)
    assert sample.context.queue.current is None


def test_no_two_commands_share_a_shortcut(sample: MainWindow) -> None:
    owners: dict[str, list[str]] = {}
    for command in sample.registry.commands():
        for shortcut in sample.registry.shortcuts(command.id):
            owners.setdefault(QKeySequence(shortcut).toString(), []).append(command.id)
    assert {k: v for k, v in owners.items() if len(v) > 1} == {}


def test_a_shortcut_can_be_changed(sample: MainWindow) -> None:
    sample.context.settings.update(shortcuts={"file.save": ("Ctrl+Alt+S",)})
    assert sample.registry.action("file.save").shortcut().toString() == "Ctrl+Alt+S"
    assert sample.registry.owner_of("Ctrl+S") is None


def test_the_palette_runs_a_command(sample: MainWindow) -> None:
    sample.palette_box.open(">")
    field = sample.palette_box.findChild(QLineEdit)
    assert field is not None
    QTest.keyClicks(field, "reset layout")
    sample.workbench.explorer.hide()
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert not sample.palette_box.isVisible()
    assert not sample.workbench.explorer.isHidden()


def test_every_control_has_a_name(sample: MainWindow) -> None:
    kinds = (
        QAbstractButton, QComboBox, QLineEdit, QAbstractSpinBox, QAbstractItemView, QPlainTextEdit,
    )  # fmt: skip
    for page in ("editor", "images", "emulation", "registries", "builders", "cache", "settings"):
        sample.show_page(page)
    unnamed = [
        f"{type(widget).__name__} {widget.objectName()} in {_path(widget)}"
        for widget in sample.findChildren(QWidget)
        if isinstance(widget, kinds)
        and not isinstance(widget, QHeaderView)
        and not widget.objectName().startswith("qt_")
        and not _inside_a_combo_box(widget)
        and not _name(widget)
    ]
    assert unnamed == [], "\n".join(unnamed)


def _inside_a_combo_box(widget: QWidget) -> bool:
    """Parts of Qt's own: the list of a combo box, the field of a spin box."""
    parent = widget.parentWidget()
    grand = parent.parentWidget() if parent is not None else None
    own = QAbstractSpinBox | QComboBox | QLineEdit
    return isinstance(parent, own) or isinstance(grand, QComboBox)


def _name(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return widget.accessibleName() or text


def _path(widget: QWidget) -> str:
    names = []
    parent = widget.parentWidget()
    while parent is not None:
        names.append(type(parent).__name__)
        parent = parent.parentWidget()
    return " < ".join(names[:4])


def test_both_themes_reach_every_part(sample: MainWindow) -> None:
    for scheme in ("dark", "light", "dark"):
        sample.context.settings.update(theme=scheme)
        sample.context.theme.set_scheme(sample.context.theme.scheme)
        QApplication.sendPostedEvents()


@pytest.mark.bench
def test_a_keystroke_costs_less_than_a_frame(sample: MainWindow) -> None:
    tab = current(sample)
    tab.editor.replace_all("FROM busybox\n" + "RUN echo $HOME && true\n" * 2000)
    QTest.keyClick(tab.editor, Qt.Key.Key_End)
    times = []
    for letter in "FROM busybox AS other" * 3:
        start = time.perf_counter()
        QTest.keyClick(tab.editor, letter)
        times.append(time.perf_counter() - start)
    times.sort()
    assert times[len(times) // 2] < 0.016
