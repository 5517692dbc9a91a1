"""The editor tabs: opening, saving, closing, watching and recovering files."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QPoint, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QTabBar, QTabWidget, QWidget

from core.errors import Error
from desktop.editor.files import TextFile, read_text_file
from desktop.editor.tab import EditorTab
from desktop.notices import Notices
from desktop.settings.session import Journal, OpenFile, Unsaved
from desktop.settings.settings import Settings, SettingsStore
from desktop.tasks import Tasks, settle
from desktop.theme import Theme


class Documents(QTabWidget):
    """Tabs of open files. A file is opened once."""

    current_changed = Signal(object)  # EditorTab | None
    opened = Signal(object)
    closed = Signal(object)
    saved = Signal(object)

    def __init__(
        self,
        *,
        theme: Theme,
        settings: SettingsStore,
        tasks: Tasks,
        journal: Journal,
        notices: Notices,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._settings = settings
        self._tasks = tasks
        self._journal = journal
        self._notices = notices
        self._numbers = itertools.count(1)
        self._images: tuple[str, ...] = ()
        self._watcher = QFileSystemWatcher(self)
        self._watcher.fileChanged.connect(self._file_changed)
        self.setObjectName("documents")
        self.setAccessibleName(self.tr("Open files"))
        self.setDocumentMode(True)
        self.setTabsClosable(True)
        self.setMovable(True)
        self.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.tabBar().setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tabBar().customContextMenuRequested.connect(self._menu)
        self.tabCloseRequested.connect(self._close_index)
        self.currentChanged.connect(lambda _index: self.current_changed.emit(self.current()))
        settings.changed.connect(self._settings_changed)
        theme.changed.connect(self._dress)

    def _settings_changed(self, value: Settings) -> None:
        for tab in self.tabs():
            tab.apply_settings(value)

    def tabs(self) -> list[EditorTab]:
        found = [self.widget(n) for n in range(self.count())]
        return [tab for tab in found if isinstance(tab, EditorTab)]

    def current(self) -> EditorTab | None:
        tab = self.currentWidget()
        return tab if isinstance(tab, EditorTab) else None

    def by_key(self, key: str) -> EditorTab | None:
        return next((tab for tab in self.tabs() if tab.key == key), None)

    def by_path(self, path: Path) -> EditorTab | None:
        wanted = path.resolve()
        return next(
            (t for t in self.tabs() if t.path is not None and t.path.resolve() == wanted), None
        )

    def set_images(self, names: tuple[str, ...]) -> None:
        """References that completion offers."""
        self._images = names
        for tab in self.tabs():
            tab.images = names

    # Opening

    def new(self, text: str = "") -> EditorTab:
        return self._add(None, TextFile(text=text), f"untitled:{os.getpid()}:{next(self._numbers)}")

    async def open(self, path: Path, *, focus: bool = True) -> EditorTab:
        """Show ``path``; errors of reading are raised."""
        known = self.by_path(path)
        if known is None:
            file = await self._tasks.in_thread(read_text_file, path)
            known = self.by_path(path) or self._add(path, file, str(path))
        self.setCurrentWidget(known)
        if focus:
            known.editor.setFocus()
        return known

    def _add(self, path: Path | None, file: TextFile, key: str) -> EditorTab:
        tab = EditorTab(
            path=path,
            file=file,
            key=key,
            theme=self._theme,
            tasks=self._tasks,
            journal=self._journal,
            settings=self._settings.value,
        )
        tab.images = self._images
        tab.modified_changed.connect(lambda _on, t=tab: self._retitle(t))
        tab.editor.zoomed.connect(self.zoom)
        index = self.addTab(tab, tab.title)
        if path is not None:
            self._watcher.addPath(str(path))
        self._retitle(tab)
        self.opened.emit(tab)
        self.setCurrentIndex(index)
        return tab

    def zoom(self, step: int) -> None:
        size = self._settings.value.font_size
        self._settings.update(font_size=max(6, min(40, size + step)) if step else 11)

    def restore(self, file: OpenFile, tab: EditorTab) -> None:
        """Caret and scroll of the last session."""
        cursor = tab.editor.textCursor()
        cursor.setPosition(min(file.caret, tab.editor.document().characterCount() - 1))
        tab.editor.setTextCursor(cursor)
        tab.editor.verticalScrollBar().setValue(file.scroll)

    async def recover(self, key: str, unsaved: Unsaved) -> None:
        """Bring back text of the journal, in its file's tab or in a new one."""
        if unsaved.path and Path(unsaved.path).exists():
            tab = await self.open(Path(unsaved.path), focus=False)
            if tab.editor.text() == unsaved.text:
                self._journal.forget(key)
                return
        else:
            tab = self.new()
            self._journal.forget(key)
        tab.recover(unsaved)

    def _retitle(self, tab: EditorTab) -> None:
        index = self.indexOf(tab)
        title = tab.title
        same = [t for t in self.tabs() if t.title == title]
        if len(same) > 1 and tab.path is not None:
            title = f"{title} — {tab.path.parent.name}"
        mark = "● " if tab.modified else ""
        self.setTabText(index, mark + title.replace("&", "&&"))
        close = self.tabBar().tabButton(index, QTabBar.ButtonPosition.RightSide)
        if close is not None:
            close.setAccessibleName(self.tr("Close %1").replace("%1", title))
        self.setTabToolTip(index, str(tab.path or self.tr("Not saved yet")))
        self._dress()

    def _dress(self) -> None:
        for n, tab in enumerate(self.tabs()):
            icon = "images" if tab.is_dockerfile else "file"
            self.setTabIcon(n, self._theme.icons.get(icon))

    # Saving

    async def save(self, tab: EditorTab) -> bool:
        """False when the user left the file dialog."""
        if tab.path is None or tab.file.read_only:
            return await self.save_as(tab)
        if self._settings.value.format_on_save and tab.is_dockerfile:
            self.format(tab)
        await self._write(tab, tab.path)
        return True

    async def save_as(self, tab: EditorTab) -> bool:
        folder = tab.folder or Path.home()
        path = await self._ask_path(folder / (tab.path.name if tab.path else "Dockerfile"))
        if path is None:
            return False
        tab.file = TextFile(text=tab.file.text, newline=tab.file.newline, bom=tab.file.bom)
        tab.editor.setReadOnly(False)
        await self._write(tab, path)
        return True

    async def _write(self, tab: EditorTab, path: Path) -> None:
        self._watcher.removePath(str(path))
        try:
            await tab.save(path)
        finally:
            if path.exists():
                self._watcher.addPath(str(path))
        self._retitle(tab)
        self.saved.emit(tab)

    async def _ask_path(self, start: Path) -> Path | None:
        answer: asyncio.Future[Path | None] = asyncio.get_running_loop().create_future()
        dialog = QFileDialog(self, self.tr("Save As"), str(start.parent))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(start.name)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda text: settle(answer, Path(text)))
        dialog.rejected.connect(lambda: settle(answer, None))
        dialog.open()
        return await answer

    def format(self, tab: EditorTab) -> None:
        from core.dockerfile.formatting import format_text

        try:
            tab.editor.replace_all(format_text(tab.editor.text()))
        except Error as problem:
            self._notices.error(problem)

    # Closing

    def _close_index(self, index: int) -> None:
        tab = self.widget(index)
        if isinstance(tab, EditorTab):
            self.close_tab(tab)

    def close_tab(self, tab: EditorTab, then: Callable[[], None] | None = None) -> None:
        """Close, after asking about unsaved text."""
        if not tab.modified:
            self._remove(tab)
            if then is not None:
                then()
            return
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setText(self.tr("Save the changes to %1?").replace("%1", tab.title))
        box.setInformativeText(self.tr("They are lost when they are not saved."))
        buttons = QMessageBox.StandardButton
        box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
        box.setDefaultButton(buttons.Save)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def decided(result: int) -> None:
            if result == buttons.Save:
                self._tasks.start(self._save_and_close(tab, then), name="save and close")
            elif result == buttons.Discard:
                self._remove(tab)
                if then is not None:
                    then()

        box.finished.connect(decided)
        box.open()

    async def _save_and_close(self, tab: EditorTab, then: Callable[[], None] | None) -> None:
        if await self.save(tab):
            self._remove(tab)
            if then is not None:
                then()

    def _remove(self, tab: EditorTab) -> None:
        tab.discard()
        if tab.path is not None:
            self._watcher.removePath(str(tab.path))
        self.removeTab(self.indexOf(tab))
        self.closed.emit(tab)
        tab.deleteLater()

    def _menu(self, point: QPoint) -> None:
        index = self.tabBar().tabAt(point)
        tab = self.widget(index)
        if not isinstance(tab, EditorTab):
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Close"), lambda: self.close_tab(tab))
        menu.addAction(
            self.tr("Close Others"),
            lambda: self._close_others(tab),
        )
        menu.popup(self.tabBar().mapToGlobal(point))

    def _close_others(self, kept: EditorTab) -> None:
        for tab in self.tabs():
            if tab is not kept:
                self.close_tab(tab)

    def _file_changed(self, path: str) -> None:
        tab = self.by_path(Path(path))
        if tab is None:
            return
        # Editors replace a file by renaming: the watch must be put on the new one.
        if Path(path).exists() and path not in self._watcher.files():
            self._watcher.addPath(path)
        self._tasks.start(tab.changed_on_disk(), name="changed on disk")

    def session(self) -> tuple[OpenFile, ...]:
        """What to open again next time."""
        return tuple(
            OpenFile(
                path=str(tab.path),
                caret=tab.editor.textCursor().position(),
                scroll=tab.editor.verticalScrollBar().value(),
            )
            for tab in self.tabs()
            if tab.path is not None
        )
