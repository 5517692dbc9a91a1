"""Every command of the window, with its default shortcut."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QUrl
from PySide6.QtGui import QAction, QDesktopServices
from PySide6.QtWidgets import QApplication, QInputDialog

from desktop.actions.registry import Command, Menu
from desktop.editor.tab import EditorTab
from desktop.pages.catalog import PAGES
from desktop.theme import ColourScheme

if TYPE_CHECKING:
    from desktop.window.main_window import MainWindow


def _tr(text: str) -> str:
    return QCoreApplication.translate("Commands", text)


def menu_titles() -> dict[Menu, str]:
    return {
        Menu.FILE: _tr("&File"),
        Menu.EDIT: _tr("&Edit"),
        Menu.VIEW: _tr("&View"),
        Menu.GO: _tr("&Go"),
        Menu.BUILD: _tr("&Build"),
        Menu.HELP: _tr("&Help"),
    }


def window_commands(window: MainWindow) -> list[Command]:
    return [
        *_file(window),
        *_edit(window),
        *_view(window),
        *_go(window),
        *_build(window),
        *_help(window),
    ]


def _on_tab(window: MainWindow, run: Callable[[EditorTab], object]) -> Callable[[], None]:
    """Run with the current tab; nothing happens without one."""

    def call() -> None:
        tab = window.workbench.documents.current()
        if tab is not None:
            run(tab)

    return call


def _file(window: MainWindow) -> list[Command]:
    m = Menu.FILE
    return [
        Command(id="file.new", text=_tr("&New File"), run=window.new_file, menu=m, group=0,
                icon="new", shortcuts=("Ctrl+N",)),
        Command(id="file.open", text=_tr("&Open File…"), run=window.ask_file, menu=m, group=0,
                icon="file", shortcuts=("Ctrl+O",)),
        Command(id="file.open-folder", text=_tr("Open &Folder…"), run=window.ask_folder, menu=m,
                group=0, icon="folder", shortcuts=("Ctrl+Shift+O",)),
        Command(id="file.open-recent", text=_tr("Open &Recent…"),
                run=lambda: _recent(window), menu=m, group=0, icon="history",
                shortcuts=("Ctrl+R",)),
        Command(id="file.save", text=_tr("&Save"), run=window.save, menu=m, group=1, icon="save",
                shortcuts=("Ctrl+S",)),
        Command(id="file.save-as", text=_tr("Save &As…"), run=window.save_as, menu=m, group=1,
                shortcuts=("Ctrl+Shift+S",)),
        Command(id="file.revert", text=_tr("Re&vert to the File on Disk"),
                run=_on_tab(window, lambda tab: tab.revert()), menu=m, group=1, icon="refresh"),
        Command(id="file.close", text=_tr("&Close"), run=window.close_tab, menu=m, group=2,
                icon="close", shortcuts=("Ctrl+W",)),
        Command(id="file.settings", text=_tr("Se&ttings"),
                run=lambda: window.show_page("settings"), menu=m, group=3, icon="settings",
                shortcuts=("Ctrl+,",), role=QAction.MenuRole.PreferencesRole),
        Command(id="file.quit", text=_tr("&Quit"), run=window.close, menu=m, group=4,
                shortcuts=("Ctrl+Q",), role=QAction.MenuRole.QuitRole),
    ]  # fmt: skip


def _recent(window: MainWindow) -> None:
    from pathlib import Path

    from desktop.actions.palette import Entry

    def entries(_query: str) -> list[Entry]:
        return [
            Entry(text=Path(text).name, detail=str(Path(text).parent), icon="history",
                  run=partial(window.open_file, Path(text)))
            for text in window.recent
        ]  # fmt: skip

    window.palette_box.set_source("~", entries)
    window.palette_box.open("~")


def _edit(window: MainWindow) -> list[Command]:
    m = Menu.EDIT

    def tab(run: Callable[[EditorTab], object]) -> Callable[[], None]:
        return _on_tab(window, run)

    return [
        Command(id="edit.undo", text=_tr("&Undo"), run=tab(lambda t: t.editor.undo()), menu=m,
                group=0, icon="undo", shortcuts=("Ctrl+Z",)),
        Command(id="edit.redo", text=_tr("&Redo"), run=tab(lambda t: t.editor.redo()), menu=m,
                group=0, icon="redo", shortcuts=("Ctrl+Shift+Z", "Ctrl+Y")),
        Command(id="edit.find", text=_tr("&Find…"),
                run=tab(lambda t: t.find_bar.open(replace=False)), menu=m, group=1, icon="search",
                shortcuts=("Ctrl+F",)),
        Command(id="edit.replace", text=_tr("R&eplace…"),
                run=tab(lambda t: t.find_bar.open(replace=True)), menu=m, group=1, icon="replace",
                shortcuts=("Ctrl+H",)),
        Command(id="edit.find-next", text=_tr("Find &Next"),
                run=tab(lambda t: t.find_bar.step(1)), menu=m, group=1, shortcuts=("F3",)),
        Command(id="edit.find-previous", text=_tr("Find &Previous"),
                run=tab(lambda t: t.find_bar.step(-1)), menu=m, group=1,
                shortcuts=("Shift+F3",)),
        Command(id="edit.comment", text=_tr("Toggle &Comment"),
                run=tab(lambda t: t.editor.toggle_comment()), menu=m, group=2, icon="comment",
                shortcuts=("Ctrl+/",)),
        Command(id="edit.move-up", text=_tr("Move Lines Up"),
                run=tab(lambda t: t.editor.move_lines(-1)), menu=m, group=2, icon="arrow-up",
                shortcuts=("Alt+Up",)),
        Command(id="edit.move-down", text=_tr("Move Lines Down"),
                run=tab(lambda t: t.editor.move_lines(1)), menu=m, group=2, icon="arrow-down",
                shortcuts=("Alt+Down",)),
        Command(id="edit.duplicate", text=_tr("&Duplicate Lines"),
                run=tab(lambda t: t.editor.duplicate_lines()), menu=m, group=2, icon="copy",
                shortcuts=("Ctrl+Shift+D",)),
        Command(id="edit.complete", text=_tr("Complete &Word"),
                run=tab(lambda t: t.complete_now()), menu=m, group=3,
                shortcuts=("Ctrl+Space",)),
        Command(id="edit.hover", text=_tr("Show &Help at Caret"),
                run=tab(lambda t: t.editor.show_hover()), menu=m, group=3, icon="info",
                shortcuts=("Ctrl+I",)),
        Command(id="edit.quick-fix", text=_tr("&Quick Fix…"), run=tab(lambda t: _fix(window, t)),
                menu=m, group=3, icon="fix", shortcuts=("Ctrl+.",)),
        Command(id="edit.rename", text=_tr("Re&name Stage or Variable…"),
                run=tab(lambda t: _rename(window, t)), menu=m, group=3, icon="rename",
                shortcuts=("F2",)),
        Command(id="edit.format", text=_tr("F&ormat File"),
                run=tab(window.workbench.documents.format), menu=m, group=3, icon="format",
                shortcuts=("Ctrl+Shift+I",)),
    ]  # fmt: skip


def _fix(window: MainWindow, tab: EditorTab) -> None:
    """A menu of what can be done about the findings at the caret."""
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QMenu

    workbench = window.workbench
    menu = QMenu(window)
    menu.setObjectName("quick fixes")
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    fix_icon = window.context.theme.icons.get("fix", "warning")
    findings = tab.findings_at_caret()
    for finding in findings:
        if finding.fix is not None:
            action = menu.addAction(finding.fix.title)
            action.setIcon(fix_icon)
            action.triggered.connect(lambda _on, f=finding: workbench.apply_fix(tab.key, f))
    for rule in dict.fromkeys(f.rule for f in findings if f.fix is not None):
        action = menu.addAction(_tr("Fix all of this kind: %1").replace("%1", rule))
        action.triggered.connect(lambda _on, r=rule: workbench.apply_all(tab.key, r))
    if findings:
        menu.addSeparator()
    for finding in findings:
        action = menu.addAction(_tr("Ignore here: %1").replace("%1", finding.rule))
        action.triggered.connect(lambda _on, f=finding: workbench.ignore(tab.key, f))
    if not findings:
        menu.addAction(_tr("Nothing to fix here")).setEnabled(False)
    editor = tab.editor
    menu.popup(editor.viewport().mapToGlobal(editor.cursorRect().bottomLeft()))


def _rename(window: MainWindow, tab: EditorTab) -> None:
    from core.dockerfile.edits import TextEdit
    from desktop.editor.navigation import occurrences, symbol_at

    program = tab.program
    current = program is not None and program.document.text == tab.editor.text()
    symbol = symbol_at(program, tab.editor.offset()) if program is not None and current else None
    if symbol is None or program is None:
        window.context.notices.show(
            _tr("Put the caret on the name of a stage or a variable to rename it.")
        )
        return
    places = occurrences(program, symbol)
    dialog = QInputDialog(window)
    dialog.setWindowTitle(_tr("Rename"))
    dialog.setLabelText(
        _tr("New name for %1 (%2 places):")
        .replace("%1", symbol.name)
        .replace("%2", str(len(places)))
    )
    dialog.setTextValue(symbol.span.of(program.document.text))

    def take(name: str) -> None:
        name = name.strip()
        valid = name.replace("-", "_").replace(".", "_").isidentifier()
        if not valid:
            window.context.notices.show(
                _tr("%1 cannot be a name here.").replace("%1", repr(name)), kind="banner-warning"
            )
            return
        tab.editor.apply_edits(TextEdit(span=place.span, text=name) for place in places)

    dialog.textValueSelected.connect(take)
    dialog.open()


def _view(window: MainWindow) -> list[Command]:
    m = Menu.VIEW
    workbench = window.workbench

    def toggle(widget: object) -> Callable[[], None]:
        return lambda: widget.setVisible(not widget.isVisible())  # type: ignore[attr-defined]

    def scheme(value: ColourScheme) -> Callable[[], None]:
        return lambda: window.context.settings.update(theme=value.value)

    def panel(name: str) -> Callable[[], None]:
        def show() -> None:
            window.show_page("editor")
            workbench.show_panel(name)

        return show

    pages = [
        Command(id=f"view.{spec.name}", text=spec.title(),
                run=partial(window.show_page, spec.name), menu=m, group=1, icon=spec.icon)
        for spec in PAGES
        if spec.name != "settings"
    ]  # fmt: skip
    return [
        Command(id="palette.commands", text=_tr("Command &Palette…"),
                run=lambda: window.palette_box.open(">"), menu=m, group=0, icon="command",
                shortcuts=("Ctrl+Shift+P",)),
        Command(id="view.editor", text=_tr("&Editor"), run=lambda: window.show_page("editor"),
                menu=m, group=1, icon="editor", shortcuts=("Ctrl+1",)),
        *pages,
        Command(id="view.problems", text=_tr("&Problems"), run=panel("problems"), menu=m, group=2,
                icon="problems", shortcuts=("Ctrl+Shift+M",)),
        Command(id="view.log", text=_tr("Build &Log"), run=panel("log"), menu=m, group=2,
                icon="log", shortcuts=("Ctrl+Shift+L",)),
        Command(id="view.timeline", text=_tr("&Timeline"), run=panel("timeline"), menu=m, group=2,
                icon="timeline", shortcuts=("Ctrl+Shift+T",)),
        Command(id="view.platforms", text=_tr("Plat&forms"), run=panel("platforms"), menu=m,
                group=2, icon="platforms", shortcuts=("Ctrl+Shift+R",)),
        Command(id="view.toggle-explorer", text=_tr("Show or Hide Files"),
                run=toggle(workbench.explorer), menu=m, group=3, icon="folder",
                shortcuts=("Ctrl+Shift+E",)),
        Command(id="view.toggle-graph", text=_tr("Show or Hide the Graph"),
                run=toggle(workbench.graph), menu=m, group=3, icon="graph",
                shortcuts=("Ctrl+Shift+G",)),
        Command(id="view.toggle-panels", text=_tr("Show or Hide the Panels"),
                run=toggle(workbench.panels), menu=m, group=3, icon="layout",
                shortcuts=("Ctrl+J",)),
        Command(id="view.zoom-in", text=_tr("Larger Text"),
                run=lambda: workbench.documents.zoom(1), menu=m, group=4, icon="plus",
                shortcuts=("Ctrl++", "Ctrl+=")),
        Command(id="view.zoom-out", text=_tr("Smaller Text"),
                run=lambda: workbench.documents.zoom(-1), menu=m, group=4, icon="minus",
                shortcuts=("Ctrl+-",)),
        Command(id="view.zoom-reset", text=_tr("Normal Text Size"),
                run=lambda: workbench.documents.zoom(0), menu=m, group=4, shortcuts=("Ctrl+0",)),
        Command(id="view.theme-system", text=_tr("Colours of the System"),
                run=scheme(ColourScheme.SYSTEM), menu=m, group=5, icon="settings"),
        Command(id="view.theme-light", text=_tr("Light Colours"), run=scheme(ColourScheme.LIGHT),
                menu=m, group=5, icon="sun"),
        Command(id="view.theme-dark", text=_tr("Dark Colours"), run=scheme(ColourScheme.DARK),
                menu=m, group=5, icon="moon"),
        Command(id="view.reset-layout", text=_tr("&Reset Layout"), run=window.reset_layout,
                menu=m, group=6, icon="layout"),
    ]  # fmt: skip


def _go(window: MainWindow) -> list[Command]:
    m = Menu.GO
    workbench = window.workbench

    def problem(step: int) -> Callable[[], None]:
        return _on_tab(window, lambda tab: _next_problem(tab, step))

    return [
        Command(id="go.file", text=_tr("&File…"), run=lambda: window.palette_box.open(""), menu=m,
                icon="file", shortcuts=("Ctrl+P",)),
        Command(id="go.stage", text=_tr("&Stage…"), run=lambda: window.palette_box.open("@"),
                menu=m, icon="images", shortcuts=("Ctrl+Shift+.",)),
        Command(id="go.line", text=_tr("&Line…"), run=lambda: window.palette_box.open(":"),
                menu=m, icon="definition", shortcuts=("Ctrl+G",)),
        Command(id="go.definition", text=_tr("&Definition"),
                run=_on_tab(
                    window, lambda t: workbench.go_to_definition(t, t.editor.offset())
                ),
                menu=m, group=1, icon="definition", shortcuts=("F12",)),
        Command(id="go.next-problem", text=_tr("&Next Problem"), run=problem(1), menu=m, group=2,
                icon="chevron-down", shortcuts=("F8",)),
        Command(id="go.previous-problem", text=_tr("&Previous Problem"), run=problem(-1), menu=m,
                group=2, icon="chevron-up", shortcuts=("Shift+F8",)),
    ]  # fmt: skip


def _next_problem(tab: EditorTab, step: int) -> None:
    lines = sorted({f.range.start for f in tab.findings})
    if not lines:
        return
    here = tab.editor.textCursor().blockNumber() + 1
    if step > 0:
        line = next((n for n in lines if n > here), lines[0])
    else:
        line = next((n for n in reversed(lines) if n < here), lines[-1])
    tab.editor.go_to(line)


def _build(window: MainWindow) -> list[Command]:
    m = Menu.BUILD
    return [
        Command(id="build.build", text=_tr("&Build"), run=lambda: window.builds.build(False),
                menu=m, icon="play", shortcuts=("Ctrl+B",)),
        Command(id="build.push", text=_tr("Build && &Push"),
                run=lambda: window.builds.build(True), menu=m, icon="push",
                shortcuts=("Ctrl+Shift+B",)),
        Command(id="build.cancel", text=_tr("&Cancel Build"), run=window.builds.cancel, menu=m,
                icon="stop", shortcuts=("Ctrl+Shift+C",), hint=_tr("Escape twice does it too.")),
        Command(id="build.options", text=_tr("Build &Options…"), run=window.builds.options,
                menu=m, group=1, icon="settings", shortcuts=("Ctrl+Shift+,",)),
        Command(id="build.share", text=_tr("&Keep These Choices in the Project"),
                run=window.share_choices, menu=m, group=1, icon="save"),
    ]  # fmt: skip


def _help(window: MainWindow) -> list[Command]:
    m = Menu.HELP

    def open_url(url: str) -> Callable[[], object]:
        return lambda: QDesktopServices.openUrl(QUrl(url))

    return [
        Command(id="help.sample", text=_tr("Open the &Sample Project"),
                run=lambda: _open_sample(window), menu=m, icon="viaduct"),
        Command(id="help.reference", text=_tr("Dockerfile &Reference"),
                run=open_url("https://docs.docker.com/reference/dockerfile/"), menu=m,
                icon="link"),
        Command(id="help.shortcuts", text=_tr("&Keyboard Shortcuts"),
                run=lambda: _shortcuts(window), menu=m, icon="keyboard",
                shortcuts=("Ctrl+Alt+K",)),
        Command(id="help.diagnostics", text=_tr("Copy &Diagnostics"),
                run=lambda: _diagnostics(window), menu=m, group=1, icon="copy"),
        Command(id="help.about", text=_tr("&About Viaduct"), run=lambda: _about(window), menu=m,
                group=2, icon="info", role=QAction.MenuRole.AboutRole),
    ]  # fmt: skip


def _open_sample(window: MainWindow) -> None:
    from desktop.sample import install_sample

    window.start(window.open_sample(install_sample), "sample")


def _shortcuts(window: MainWindow) -> None:
    window.show_page("settings")


def _diagnostics(window: MainWindow) -> None:
    from desktop.crash import diagnostics

    QApplication.clipboard().setText(diagnostics(window.context.engine))
    window.context.notices.show(
        _tr("Diagnostics were copied; passwords, tokens and file contents are not in them.")
    )


def _about(window: MainWindow) -> None:
    from importlib.metadata import version

    from PySide6.QtWidgets import QMessageBox

    box = QMessageBox(window)
    box.setWindowTitle(_tr("About Viaduct"))
    box.setText(f"Viaduct {version('viaduct-desktop')}")
    box.setInformativeText(
        _tr(
            "Container images of many architectures: edit, lint, build, watch and push."
            " Apache License 2.0. No telemetry, no account."
        )
    )
    box.setIconPixmap(window.windowIcon().pixmap(64, 64))
    box.open()
