"""What the command palette can reach."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QKeySequence

from desktop.actions.palette import Entry
from desktop.actions.registry import plain_text
from desktop.editor.navigation import stage_title
from desktop.editor.tab import EditorTab

if TYPE_CHECKING:
    from desktop.window.main_window import MainWindow

_SKIPPED = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", "target"})
_MOST_FILES = 4000


def add_sources(window: MainWindow) -> None:
    """``>`` commands, ``@`` stages, ``:`` lines, otherwise files."""
    palette = window.palette_box
    palette.set_source(">", lambda _query: _commands(window))
    palette.set_source("@", lambda _query: _stages(window))
    palette.set_source(":", lambda query: _lines(window, query))
    palette.set_source("", lambda _query: _files(window))


def _commands(window: MainWindow) -> list[Entry]:
    registry = window.registry
    entries = []
    for command in registry.commands():
        if command.id.startswith("palette."):
            continue
        action = registry.action(command.id)
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        entries.append(
            Entry(
                text=plain_text(command.text),
                run=action.trigger,
                detail=keys,
                icon=command.icon,
                enabled=action.isEnabled(),
            )
        )
    return entries


def _go_to(tab: EditorTab, line: int) -> None:
    tab.editor.go_to(line)
    tab.editor.setFocus()


def _stages(window: MainWindow) -> list[Entry]:
    tab = window.workbench.documents.current()
    if tab is None or tab.program is None:
        return []
    return [
        Entry(
            text=stage_title(stage),
            detail=stage.base_name,
            icon="images",
            run=partial(_go_to, tab, stage.range.start),
        )
        for stage in tab.program.stages
    ]


def _lines(window: MainWindow, query: str) -> list[Entry]:
    tab = window.workbench.documents.current()
    if tab is None:
        return []
    count = tab.editor.blockCount()
    if not query.isdecimal() or not 1 <= int(query) <= count:
        text = window.tr("Type a line number from 1 to %1").replace("%1", str(count))
        return [Entry(text=text, run=lambda: None, icon="definition", enabled=False)]
    line = int(query)
    return [
        Entry(
            text=window.tr("Go to line %1").replace("%1", query),
            icon="definition",
            run=partial(_go_to, tab, line),
        )
    ]


def _files(window: MainWindow) -> list[Entry]:
    if window.folder is None:
        return [
            Entry(
                text=Path(text).name,
                detail=str(Path(text).parent),
                icon="file",
                run=partial(window.open_file, Path(text)),
            )
            for text in window.recent
        ]
    root = window.folder
    return [
        Entry(
            text=str(path.relative_to(root)),
            icon="images" if "ockerfile" in path.name else "file",
            run=partial(window.open_file, path),
        )
        for path in _walk(root)
    ]


def _walk(root: Path) -> list[Path]:
    """Files below ``root``, bounded so that a slip (opening /) cannot stop the window."""
    found: list[Path] = []
    seen = 0
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if n not in _SKIPPED)
        found += [Path(folder) / name for name in sorted(files)]
        seen += len(files) + len(names)
        if seen > _MOST_FILES:
            break
    return found[:_MOST_FILES]
