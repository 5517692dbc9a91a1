from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from core.dockerfile.edits import TextEdit
from core.dockerfile.source import Span
from desktop.editor.code_editor import CodeEditor
from desktop.editor.completer import Completer
from desktop.editor.completion import Surroundings, complete
from desktop.editor.find_bar import FindBar
from desktop.editor.highlighter import Highlighter
from desktop.theme import Theme

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints", extend=True)


@pytest.fixture
def editor(theme: Theme, qtbot: QtBot) -> CodeEditor:
    editor = CodeEditor(theme)
    qtbot.addWidget(editor)
    return editor


def test_a_no_break_space_survives(editor: CodeEditor) -> None:
    editor.setPlainText("RUN echo a\u00a0b\n")
    assert editor.text() == "RUN echo a\u00a0b\n"


def test_edits_are_one_undo_and_count_code_points(editor: CodeEditor) -> None:
    editor.setPlainText("# 😀\nFROM a\n")
    editor.apply_edits(
        (TextEdit(span=Span(4, 8), text="from"), TextEdit(span=Span(9, 10), text="b"))
    )
    assert editor.text() == "# 😀\nfrom b\n"
    editor.undo()
    assert editor.text() == "# 😀\nFROM a\n"


def test_undoing_an_edit_elsewhere_keeps_the_caret_near(editor: CodeEditor) -> None:
    editor.setPlainText("FROM a\nRUN b\nRUN c\n")
    editor.go_to(2)
    editor.apply_edits((TextEdit(span=Span(17, 18), text="d"),))
    editor.undo()
    assert editor.text() == "FROM a\nRUN b\nRUN c\n"
    assert editor.textCursor().blockNumber() == 1


def test_replacing_the_text_touches_only_what_differs(editor: CodeEditor) -> None:
    editor.setPlainText("one\ntwo\nthree\n")
    editor.go_to(3, 2)
    editor.replace_all("one\nTWO\nthree\n")
    assert editor.textCursor().blockNumber() == 2
    assert editor.textCursor().positionInBlock() == 2


def test_a_continued_line_is_indented(editor: CodeEditor) -> None:
    QTest.keyClicks(editor, "RUN a \\")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    QTest.keyClicks(editor, "b")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert editor.text() == "RUN a \\\n    b\n"


def test_comments_come_and_go(editor: CodeEditor) -> None:
    editor.setPlainText("  RUN a\n\n    b\n")
    editor.selectAll()
    editor.toggle_comment()
    assert editor.text() == "  # RUN a\n\n  #   b\n"
    editor.toggle_comment()
    assert editor.text() == "  RUN a\n\n    b\n"


def test_lines_move_and_are_doubled(editor: CodeEditor) -> None:
    editor.setPlainText("a\nb\nc")
    editor.go_to(2)
    editor.move_lines(-1)
    assert editor.text() == "b\na\nc"
    editor.move_lines(-1)
    assert editor.text() == "b\na\nc"
    editor.duplicate_lines()
    assert editor.text() == "b\nb\na\nc"


def test_tab_indents_a_selection(editor: CodeEditor) -> None:
    editor.setPlainText("a\n\nb")
    editor.selectAll()
    QTest.keyClick(editor, Qt.Key.Key_Tab)
    assert editor.text() == "    a\n\n    b"
    QTest.keyClick(editor, Qt.Key.Key_Backtab)
    assert editor.text() == "a\n\nb"


def test_a_completion_is_taken_with_return(editor: CodeEditor, theme: Theme) -> None:
    completer = Completer(
        editor, theme, lambda offset: complete(editor.text(), offset, Surroundings())
    )
    editor.show()
    editor.setPlainText("FROM x\nCOP")
    editor.moveCursor(QTextCursor.MoveOperation.End)
    completer.open()
    assert completer.is_open
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert editor.text() == "FROM x\nCOPY "


def test_escape_closes_the_completions_and_keeps_the_text(editor: CodeEditor, theme: Theme) -> None:
    completer = Completer(
        editor, theme, lambda offset: complete(editor.text(), offset, Surroundings())
    )
    editor.show()
    editor.setPlainText("CO")
    editor.moveCursor(QTextCursor.MoveOperation.End)
    completer.open()
    QTest.keyClick(editor, Qt.Key.Key_Escape)
    assert not completer.is_open
    assert editor.text() == "CO"


@pytest.fixture
def bar(editor: CodeEditor, theme: Theme) -> FindBar:
    editor.setPlainText("FROM a\nRUN from\nfromage\n")
    return FindBar(editor, theme, editor)


def selected(editor: CodeEditor) -> tuple[int, int]:
    cursor = editor.textCursor()
    return cursor.selectionStart(), cursor.selectionEnd()


def test_find_goes_round(editor: CodeEditor, bar: FindBar) -> None:
    bar._find.setText("from")
    places = []
    for _ in range(4):
        bar.step(1)
        places.append(selected(editor))
    assert places == [(0, 4), (11, 15), (16, 20), (0, 4)]
    bar.step(-1)
    assert selected(editor) == (16, 20)


def test_case_and_whole_words_narrow_it(editor: CodeEditor, bar: FindBar) -> None:
    bar._find.setText("from")
    bar._case.setChecked(True)
    bar._word.setChecked(True)
    bar.step(1)
    assert selected(editor) == (11, 15)
    bar.step(1)
    assert selected(editor) == (11, 15)


def test_replacing_all_is_one_undo(editor: CodeEditor, bar: FindBar) -> None:
    bar._find.setText(r"(f)rom")
    bar._regex.setChecked(True)
    bar._replace.setText(r"\1ROM")
    bar._replace_every()
    assert editor.text() == "FROM a\nRUN fROM\nfROMage\n"
    editor.undo()
    assert editor.text() == "FROM a\nRUN from\nfromage\n"


def test_a_wrong_expression_is_marked_and_finds_nothing(bar: FindBar) -> None:
    bar._regex.setChecked(True)
    bar._find.setText("(")
    bar._search()
    assert bar._find.property("invalid") == "true"
    assert bar._matches == []


def test_the_highlighter_remembers_states_over_lines(editor: CodeEditor, theme: Theme) -> None:
    highlighter = Highlighter(editor.document(), theme)
    editor.setPlainText("RUN <<EOF\nFROM here\nEOF\nFROM x\n")
    highlighter.rehighlight()
    states = []
    block = editor.document().begin()
    while block.isValid():
        states.append(block.userState())
        block = block.next()
    assert states[0] == states[1]
    assert states[2] == states[3] != states[0]
