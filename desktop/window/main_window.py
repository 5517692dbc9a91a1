"""The one window: pages, menus, palette, status bar, and what happens when it closes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QSystemTrayIcon,
    QWidget,
)

from core.errors import Error
from desktop.actions.palette import CommandPalette
from desktop.actions.registry import ActionRegistry
from desktop.context import Context
from desktop.editor.files import is_dockerfile
from desktop.editor.tab import EditorTab
from desktop.models.history_plan import recorded_plan
from desktop.pages.catalog import PAGES, PageSpec, make_page
from desktop.settings.paths import state_folder
from desktop.settings.projects import Projects
from desktop.tasks import settle
from desktop.window.activity_bar import ActivityBar
from desktop.window.builds_control import BuildsControl
from desktop.window.commands import menu_titles, window_commands
from desktop.window.palette_sources import add_sources
from desktop.window.reconnect import image_names, running_builds
from desktop.window.session_keeper import SessionKeeper
from desktop.window.status import StatusBar
from desktop.window.workbench import Workbench


class MainWindow(QMainWindow):
    """Made by ``desktop.app``; ``restore`` brings back the last session."""

    closing = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.folder: Path | None = None
        self.recent: tuple[str, ...] = ()
        self._keeper = SessionKeeper(self)
        self._projects = Projects(state_folder() / "projects")
        self._pages: dict[str, QWidget] = {}
        self._closing = False
        self._tray: QSystemTrayIcon | None = None
        self._balloon: Callable[[], object] = self.to_front
        self._leave = False
        self.setWindowTitle("Viaduct")
        self.setObjectName("main window")
        self.setAcceptDrops(True)
        self.resize(1480, 940)

        self.activity = ActivityBar(context.theme)
        self.workbench = Workbench(context)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.workbench)
        self._pages["editor"] = self.workbench
        self.activity.add("editor", self.tr("Editor"), "editor")
        for spec in PAGES:
            self.activity.add(spec.name, spec.title(), spec.icon, bottom=spec.bottom)
        body = QWidget()
        row = QHBoxLayout(body)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.activity)
        row.addWidget(self.stack, 1)
        self.setCentralWidget(body)
        self.status = StatusBar(context.theme)
        self.setStatusBar(self.status)
        self.palette_box = CommandPalette(context.theme, self)

        self.registry = ActionRegistry(context.theme, context.settings.value.shortcuts, self)
        self.builds = BuildsControl(self)
        self.registry.add_all(window_commands(self))
        self.registry.fill_menu_bar(self.menuBar(), menu_titles())
        add_sources(self)
        self._connect()
        self.show_page("editor")

    def _connect(self) -> None:
        workbench, context = self.workbench, self.context
        self.activity.chosen.connect(self.show_page)
        workbench.documents.current_changed.connect(self._document_changed)
        workbench.documents.opened.connect(self._document_opened)
        workbench.documents.saved.connect(lambda _tab: self._retitle())
        workbench.explorer.file_chosen.connect(self.open_file)
        workbench.explorer.folder_wanted.connect(self.ask_folder)
        workbench.problems.count_changed.connect(self.status.set_problems)
        workbench.problems.go_to.connect(self._go_to_problem)
        workbench.problems.fix_requested.connect(workbench.apply_fix)
        workbench.problems.fix_all_requested.connect(workbench.apply_all)
        workbench.problems.ignore_requested.connect(workbench.ignore)
        workbench.bar.changed.connect(self._choices_changed)
        context.engine.state_changed.connect(lambda: self.status.set_engine(context.engine))
        context.engine.platforms_changed.connect(self._choices_changed)
        context.settings.changed.connect(lambda value: self.registry.set_overrides(value.shortcuts))
        self.status.clicked.connect(self._status_clicked)
        self.status.set_engine(context.engine)
        self._choices_changed()

    # Pages

    def show_page(self, name: str) -> None:
        if name not in self._pages:
            spec = next(spec for spec in PAGES if spec.name == name)
            page = self._make(spec)
            self._pages[name] = page
            self.stack.addWidget(page)
        page = self._pages[name]
        self.stack.setCurrentWidget(page)
        self.activity.set_current(name)
        shown: Callable[[], object] | None = getattr(page, "shown", None)
        if shown is not None:
            shown()
        if name == "editor":
            tab = self.workbench.documents.current()
            if tab is not None:
                tab.editor.setFocus()
        else:
            page.setFocus()

    def _make(self, spec: PageSpec) -> QWidget:
        return make_page(spec, self)

    @property
    def page(self) -> str:
        current = self.stack.currentWidget()
        return next(name for name, page in self._pages.items() if page is current)

    # Files

    def start(self, work, name: str) -> None:  # type: ignore[no-untyped-def]
        self.context.tasks.start(work, name=name)

    def new_file(self) -> None:
        self.show_page("editor")
        self.workbench.documents.new()

    def open_file(self, path: Path) -> None:
        self.show_page("editor")
        self.start(self.open_path(path), "open file")

    async def open_path(self, path: Path, line: int = 0) -> EditorTab | None:
        """Open a file or a folder; an error becomes a notice."""
        try:
            if path.is_dir():
                await self.open_folder(path)
                return None
            tab = await self.workbench.documents.open(path)
        except Error as problem:
            self.context.notices.error(problem)
            return None
        if self.folder is None:
            self.set_folder(path.parent)
        if line:
            tab.editor.go_to(line)
        self._remember(path)
        return tab

    async def open_folder(self, folder: Path) -> None:
        self.set_folder(folder)
        self._remember(folder)
        found = await self.context.tasks.in_thread(_dockerfiles, folder)
        if found:
            await self.open_path(found[0])
        else:
            self.context.notices.show(
                self.tr("There is no Dockerfile in %1.").replace("%1", str(folder)),
                actions=((self.tr("New Dockerfile"), self.new_file),),
            )

    def set_folder(self, folder: Path) -> None:
        if folder == self.folder:
            return
        self._remember_choices()
        self.folder = folder
        profile = self._projects.load(folder)
        if profile is not None:
            self.workbench.bar.set_profile(profile)
        self.workbench.explorer.set_folder(folder)
        self._retitle()

    def _remember_choices(self) -> None:
        """What the build bar says belongs to the folder that is open."""
        if self.folder is not None:
            self._projects.remember(self.folder, self.workbench.bar.profile())

    def share_choices(self) -> None:
        """Write the project's own profile, for the team."""
        if self.folder is not None:
            path = self._projects.share(self.folder, self.workbench.bar.profile())
            self.context.notices.show(
                self.tr("The build bar's choices are kept in %1 from now on.").replace(
                    "%1", str(path)
                )
            )

    def _remember(self, path: Path) -> None:
        text = str(path)
        self.recent = (text, *(p for p in self.recent if p != text))[:12]

    def ask_file(self) -> None:
        dialog = QFileDialog(self, self.tr("Open File"), str(self.folder or Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda text: self.open_file(Path(text)))
        dialog.open()

    def ask_folder(self) -> None:
        dialog = QFileDialog(self, self.tr("Open Folder"), str(self.folder or Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(
            lambda text: self.start(self.open_folder(Path(text)), "open folder")
        )
        dialog.open()

    def save(self) -> None:
        tab = self.workbench.documents.current()
        if tab is not None:
            self.start(self.workbench.documents.save(tab), "save")

    def save_as(self) -> None:
        tab = self.workbench.documents.current()
        if tab is not None:
            self.start(self.workbench.documents.save_as(tab), "save as")

    def close_tab(self) -> None:
        tab = self.workbench.documents.current()
        if tab is not None:
            self.workbench.documents.close_tab(tab)

    # What changed

    def _document_opened(self, tab: EditorTab) -> None:
        tab.caret_moved.connect(lambda line, column, t=tab: self._caret(t, line, column))
        tab.modified_changed.connect(lambda _on: self._retitle())

    def _document_changed(self, tab: EditorTab | None) -> None:
        self._retitle()
        if tab is not None:
            cursor = tab.editor.textCursor()
            self.status.set_caret(cursor.blockNumber() + 1, cursor.positionInBlock() + 1)

    def _caret(self, tab: EditorTab, line: int, column: int) -> None:
        if tab is self.workbench.documents.current():
            self.status.set_caret(line, column)
            self._hover_step(tab, line)

    def _hover_step(self, tab: EditorTab, line: int) -> None:
        from core.errors import LineRange
        from desktop.editor.navigation import instruction_at

        if tab.program is None:
            return
        instruction = instruction_at(tab.program, line)
        lines = instruction.range if instruction is not None else LineRange(line, line)
        self.context.selection.set_lines(lines, self.workbench)

    def _retitle(self) -> None:
        tab = self.workbench.documents.current()
        self.setWindowModified(tab is not None and tab.modified)
        if tab is None:
            self.setWindowTitle("Viaduct")
            self.setWindowFilePath("")
            return
        where = tab.folder.name if tab.folder else ""
        self.setWindowTitle(f"{tab.title}[*]{f' — {where}' if where else ''} — Viaduct")
        self.setWindowFilePath(str(tab.path) if tab.path else "")

    def _choices_changed(self) -> None:
        bar, engine = self.workbench.bar, self.context.engine
        platforms = bar.platforms()
        self.status.set_target(bar.target())
        self.status.set_platforms(platforms)
        self.status.set_emulation({p: engine.platform_state(p) for p in platforms})

    def _go_to_problem(self, key: str, line: int, column: int) -> None:
        tab = self.workbench.documents.by_key(key)
        if tab is not None:
            self.workbench.documents.setCurrentWidget(tab)
            tab.editor.go_to(line, column)
            tab.editor.setFocus()

    def _status_clicked(self, name: str) -> None:
        match name:
            case "caret":
                self.palette_box.open(":")
            case "target":
                self.palette_box.open("@")
            case "builder":
                self.show_page("builders")
            case "emulation":
                self.show_page("emulation")
            case "problems":
                self.show_page("editor")
                self.workbench.show_panel("problems")
            case "platforms":
                self.show_page("editor")
                self.workbench.show_panel("platforms")
            case _:
                self.show_page("editor")
                self.workbench.show_panel("log")

    # Session

    async def restore(self, argument: Path | None, *, sample: Callable[[], Path]) -> None:
        """Open what was asked for, what was open, or the sample project."""
        await self._keeper.restore(argument, sample=sample)

    async def open_sample(self, sample: Callable[[], Path]) -> None:
        folder = await self.context.tasks.in_thread(sample)
        await self.open_folder(folder)
        if not self.workbench.bar.tags():
            self.workbench.bar.set_tags(("viaduct-sample:latest",))
        self.workbench.banner.show_notice(
            self.tr(
                "Welcome. This sample builds for four platforms without a network. Press Ctrl+B"
                " to build it; the marked line shows what Viaduct finds in a Dockerfile."
            ),
            actions=((self.tr("Open a Folder…"), self.ask_folder),),
        )

    async def reconnect(self) -> None:
        """Wake the builder; show a build that was left running. Failures go to the status bar."""
        try:
            builder = await self.context.engine.builder()
            self.workbench.documents.set_images(await image_names(builder))
            left = await running_builds(builder)
        except Error:
            return
        for build in left:
            self.builds.follow(build, await recorded_plan(builder, build.ref))
        await self.builds.tidy_history()

    def reset_layout(self) -> None:
        self.show_page("editor")
        self.workbench.reset_layout()

    # Events

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.builds.escape_pressed():
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.palette_box.hide()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _local_files(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for path in _local_files(event.mimeData()):
            self.start(self.open_path(path), "open dropped")
        event.acceptProposedAction()

    def close_at_once(self) -> None:
        """Leave without asking: running builds go on in the builder."""
        self._leave = True
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Unsaved text stays in the journal and comes back; only a running build asks."""
        if not self._leave and self.builds.ask_before_leaving():
            event.ignore()
            return
        self._keeper.save()
        self._remember_choices()
        if not self._closing:
            self._closing = True
            self.workbench.graph.close_workers()
            self.closing.emit()
        event.accept()

    # Used by pages and by the control of builds

    def open_recorded_build(self, ref: str) -> None:
        """Show a build of the history in the editor page, as if live."""
        page = self._pages["history"]
        session = page.session(ref)  # type: ignore[attr-defined]
        if session is not None:
            self.builds.show(session)

    def to_front(self) -> None:
        """Above the other windows, with the keyboard."""
        if self.isMinimized():
            self.showNormal()
        self.raise_()
        self.activateWindow()

    def ask_for_attention(self, title: str, text: str, run: Callable[[], object]) -> None:
        """Where nobody shows notifications: the tray's balloon, or a mark on the task bar."""
        if self._tray is None and QSystemTrayIcon.isSystemTrayAvailable():
            self._tray = QSystemTrayIcon(self.windowIcon(), self)
            self._tray.messageClicked.connect(self._balloon_clicked)
        if self._tray is None:
            QApplication.alert(self)
            return
        self._balloon = run
        self._tray.show()
        self._tray.showMessage(title, text, self.windowIcon())

    def _balloon_clicked(self) -> None:
        self._balloon()


def _dockerfiles(folder: Path) -> list[Path]:
    """Dockerfiles of a folder: the one called Dockerfile first."""
    try:
        found = [p for p in folder.iterdir() if p.is_file() and is_dockerfile(p)]
    except OSError:
        return []
    return sorted(found, key=lambda p: (p.name != "Dockerfile", p.name))


def _local_files(data: QMimeData) -> list[Path]:
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


async def until_closed(window: MainWindow) -> None:
    """Wait for the window to close."""
    closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    window.closing.connect(lambda: settle(closed, None))
    await closed
