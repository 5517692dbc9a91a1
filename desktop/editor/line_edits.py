"""Edits of whole lines: indent, comment, move, double. Each is one step of undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QPlainTextEdit

if TYPE_CHECKING:
    from desktop.editor.code_editor import CodeEditor


def selected_blocks(editor: QPlainTextEdit) -> tuple[int, int]:
    """First and last block number of the selection; a line it merely touches is left out."""
    cursor = editor.textCursor()
    document = editor.document()
    first = document.findBlock(cursor.selectionStart()).blockNumber()
    end = cursor.selectionEnd()
    last_block = document.findBlock(end)
    last = last_block.blockNumber()
    if last > first and end == last_block.position():
        last -= 1
    return first, last


def indent(editor: CodeEditor, steps: int) -> None:
    first, last = selected_blocks(editor)
    cursor = QTextCursor(editor.document())
    cursor.beginEditBlock()
    for number in range(first, last + 1):
        block = editor.document().findBlockByNumber(number)
        cursor.setPosition(block.position())
        if steps > 0:
            if block.text():
                cursor.insertText("    ")
        else:
            text = block.text()
            count = min(4, len(text) - len(text.lstrip(" ")))
            if count == 0 and text.startswith("\t"):
                count = 1
            move = QTextCursor.MoveOperation.Right
            cursor.movePosition(move, QTextCursor.MoveMode.KeepAnchor, count)
            cursor.removeSelectedText()
    cursor.endEditBlock()


def toggle_comment(editor: CodeEditor) -> None:
    """Put ``# `` before every selected line, or take it away when all have it."""
    first, last = selected_blocks(editor)
    document = editor.document()
    blocks = [document.findBlockByNumber(n) for n in range(first, last + 1)]
    filled = [block for block in blocks if block.text().strip()]
    if not filled:
        return
    remove = all(block.text().lstrip().startswith("#") for block in filled)
    column = min(len(b.text()) - len(b.text().lstrip()) for b in filled)
    keep = QTextCursor.MoveMode.KeepAnchor
    cursor = QTextCursor(document)
    cursor.beginEditBlock()
    for block in filled:
        text = block.text()
        if remove:
            at = len(text) - len(text.lstrip())
            count = 2 if text[at : at + 2] == "# " else 1
            cursor.setPosition(block.position() + at)
            cursor.setPosition(block.position() + at + count, keep)
            cursor.removeSelectedText()
        else:
            cursor.setPosition(block.position() + column)
            cursor.insertText("# ")
    cursor.endEditBlock()


def move_lines(editor: CodeEditor, step: int) -> None:
    """Move the selected lines up (-1) or down (1)."""
    first, last = selected_blocks(editor)
    if first + step < 0 or last + step >= editor.blockCount():
        return
    lines = editor.text().split("\n")
    moved = lines[first : last + 1]
    del lines[first : last + 1]
    lines[first + step : first + step] = moved
    editor.replace_all("\n".join(lines))
    cursor = QTextCursor(editor.document().findBlockByNumber(first + step))
    end = editor.document().findBlockByNumber(last + step)
    cursor.setPosition(end.position() + end.length() - 1, QTextCursor.MoveMode.KeepAnchor)
    editor.setTextCursor(cursor)


def duplicate_lines(editor: CodeEditor) -> None:
    first, last = selected_blocks(editor)
    lines = editor.text().split("\n")
    cursor = QTextCursor(editor.document().findBlockByNumber(last))
    cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock)
    cursor.insertText("\n" + "\n".join(lines[first : last + 1]))
