"""The History page: every build of the builder in use, and what can be done with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from PySide6.QtCore import QMetaMethod, QPoint, QSortFilterProxyModel, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from core.client.build_file import SUFFIX
from core.errors import Error, NotFoundError
from desktop.engine import Engine
from desktop.models.graph_words import duration_text
from desktop.models.history import BuildSummary, summary
from desktop.models.history_list import REF_ROLE, TEXT_ROLE, HistoryModel, when
from desktop.models.history_plan import plan_from_json
from desktop.models.history_replay import RecordedBuild
from desktop.models.history_source import (
    ImportedBuilds,
    Recorded,
    delete,
    export,
    follow,
    load,
    pin,
    send,
)
from desktop.panels.history_compare import ComparePanel
from desktop.panels.history_delegate import StateDelegate
from desktop.selection import Selection
from desktop.settings.paths import data_folder
from desktop.tasks import Tasks
from desktop.theme.theme import Theme
from desktop.widgets.banner import Banner

UNDO_MS = 7000
_KEPT_OPEN = 4


class HistoryPage(QWidget):
    """Follows the builder's history while it is shown.

    ``open_requested`` carries the ref of a build that ``session`` then gives; ``rebuild_requested``
    a BuildRequest.
    """

    open_requested = Signal(str)
    rebuild_requested = Signal(object)

    def __init__(
        self,
        theme: Theme,
        selection: Selection,
        parent: QWidget | None = None,
        *,
        engine: Engine,
        tasks: Tasks,
        imports: Path | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._engine = engine
        self._tasks = tasks
        self._imports = ImportedBuilds(imports or data_folder() / "imported-builds")
        self._open: dict[str, RecordedBuild] = {}
        self._following: asyncio.Task[None] | None = None
        self._deleted: dict[str, BuildSummary] = {}
        self._undo = QTimer(self, interval=UNDO_MS, singleShot=True)
        self._undo.timeout.connect(self._delete_now)
        self._model = HistoryModel(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._model)
        self._sorted.setFilterRole(TEXT_ROLE)
        self._sorted.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.banner = Banner(theme, self)
        self.compare = ComparePanel(theme, selection, self)
        self._lay_out(theme)
        self.setAcceptDrops(True)
        self._connect()
        self._dress()
        self._selected()

    # Set-up

    def _lay_out(self, theme: Theme) -> None:
        self.table = QTreeView(self)
        self.table.setModel(self._sorted)
        self.table.setItemDelegateForColumn(1, StateDelegate(theme, self._model, self.table))
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setAllColumnsShowFocus(True)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setAccessibleName(self.tr("Builds"))
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header = self.table.header()
        header.setStretchLastSection(False)
        for column in range(6):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        title = QLabel(self.tr("History"))
        title.setProperty("role", "title")
        text = QLabel(self.tr("Every build that the builder remembers, with its log and timing."))
        text.setProperty("role", "muted")
        self.filter = QLineEdit(self)
        self.filter.setPlaceholderText(self.tr("Filter by name, platform, state"))
        self.filter.setAccessibleName(self.tr("Filter builds"))
        self.filter.setClearButtonEnabled(True)
        self._buttons: list[tuple[QPushButton, str, str]] = []
        actions = QHBoxLayout()
        actions.setSpacing(8)
        actions.addWidget(self.filter, 1)
        self.open_button = self._button(actions, self.tr("Open"), "eye", "primary")
        self.compare_button = self._button(actions, self.tr("Compare"), "replace")
        self.rebuild_button = self._button(actions, self.tr("Build Again"), "refresh")
        self.pin_button = self._button(actions, self.tr("Pin"), "key")
        self.export_button = self._button(actions, self.tr("Export…"), "save")
        self.import_button = self._button(actions, self.tr("Import…"), "download")
        self.delete_button = self._button(actions, self.tr("Delete"), "trash", "danger")
        self._detail = QLabel(self)
        self._detail.setWordWrap(True)
        self._detail.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._detail.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._detail.setMargin(8)
        self._lower = QStackedWidget(self)
        self._lower.addWidget(self._detail)
        self._lower.addWidget(self.compare)
        split = QSplitter(Qt.Orientation.Vertical, self)
        split.addWidget(self.table)
        split.addWidget(self._lower)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        split.setChildrenCollapsible(False)
        self._split = split
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 20, 24, 16)
        box.setSpacing(8)
        box.addWidget(title)
        box.addWidget(text)
        box.addWidget(self.banner)
        box.addLayout(actions)
        box.addWidget(split, 1)

    def _button(self, row: QHBoxLayout, text: str, icon: str, role: str = "") -> QPushButton:
        button = QPushButton(text, self)
        if role:
            button.setProperty("role", role)
        row.addWidget(button)
        colour = {"primary": "accent_text", "danger": "failed"}.get(role, "text_muted")
        self._buttons.append((button, icon, colour))
        return button

    def _connect(self) -> None:
        self.filter.textChanged.connect(self._sorted.setFilterFixedString)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._selected())
        self.table.doubleClicked.connect(lambda _: self.open_selected())
        self.table.customContextMenuRequested.connect(self._menu)
        self.open_button.clicked.connect(self.open_selected)
        self.compare_button.clicked.connect(self.compare_selected)
        self.rebuild_button.clicked.connect(self.rebuild_selected)
        self.pin_button.clicked.connect(self.pin_selected)
        self.export_button.clicked.connect(self._choose_export)
        self.import_button.clicked.connect(self._choose_import)
        self.delete_button.clicked.connect(self.delete_selected)
        self._engine.state_changed.connect(self._builder_changed)
        self._theme.changed.connect(self._dress)
        for key, slot in (
            (Qt.Key.Key_Return, self.open_selected),
            (Qt.Key.Key_Delete, self.delete_selected),
        ):
            shortcut = QShortcut(QKeySequence(key), self.table, slot)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)

    def _dress(self) -> None:
        for button, icon, colour in self._buttons:
            button.setIcon(self._theme.icons.get(icon, colour))

    # Following the builder

    def showEvent(self, event: object) -> None:
        self.refresh()

    def hideEvent(self, event: object) -> None:
        self._stop()
        if self._undo.isActive():
            self._undo.stop()
            self._delete_now()

    def refresh(self) -> None:
        """Read everything again and go on listening."""
        self._stop()
        self.banner.hide()
        self._following = self._tasks.start(self._follow(), name="history")

    def _stop(self) -> None:
        if self._following is not None:
            self._following.cancel()
            self._following = None

    def _builder_changed(self) -> None:
        # Another builder has another history; the one that follows ends by itself.
        done = self._following is None or self._following.done()
        if self.isVisible() and done and self._engine.state.value == "ready":
            self.refresh()

    async def _follow(self) -> None:
        imported = await self._tasks.in_thread(self._imports.summaries)
        self._model.set_builds(imported)
        try:
            builder = await self._engine.builder()
            async for build, deleted in follow(builder):
                if deleted:
                    self._model.remove(build.ref)
                elif build.ref not in self._deleted:
                    self._put(build)
        except Error as problem:
            self._fail(problem)

    def _put(self, build: BuildSummary) -> None:
        first = self._model.rowCount() == 0
        self._model.put(build)
        if first:
            self.table.setCurrentIndex(self._sorted.index(0, 0))
        self._selected()

    def _fail(self, problem: Error) -> None:
        text = problem.message + (f" {problem.hint}" if problem.hint else "")
        self.banner.show_notice(
            text, kind="banner-warning", actions=((self.tr("Try again"), self.refresh),)
        )

    def _run(self, work: Callable[[], Awaitable[None]], name: str) -> None:
        async def guarded() -> None:
            try:
                await work()
            except Error as problem:
                self._fail(problem)

        self._tasks.start(guarded(), name=name)

    # Selection

    def _refs(self) -> list[str]:
        rows = self.table.selectionModel().selectedRows()
        return [index.data(REF_ROLE) for index in rows]

    def _builds(self) -> list[BuildSummary]:
        return [b for r in self._refs() if (b := self._model.build(r)) is not None]

    def _selected(self) -> None:
        builds = self._builds()
        one = len(builds) == 1
        self.open_button.setEnabled(one)
        self.rebuild_button.setEnabled(one)
        self.compare_button.setEnabled(len(builds) == 2)
        self.compare_button.setToolTip(
            "" if len(builds) == 2 else self.tr("Select two builds to compare them.")
        )
        self.export_button.setEnabled(one)
        self.pin_button.setEnabled(bool(builds) and not any(b.imported for b in builds))
        unpin = bool(builds) and all(b.pinned for b in builds)
        self.pin_button.setText(self.tr("Unpin") if unpin else self.tr("Pin"))
        over = [b for b in builds if b.status.ended]
        self.delete_button.setEnabled(bool(over))
        if one:
            self._detail.setText(self._words(builds[0]))
            self._lower.setCurrentIndex(0)
        elif not builds:
            self._detail.setText(self.tr("No builds yet.") if not self._model.rowCount() else "")
            self._lower.setCurrentIndex(0)

    def _words(self, b: BuildSummary) -> str:
        lines = [f"<b>{_escaped(b.title)}</b>"]
        state = self._model.status_words(b.status)
        if b.seconds is not None:
            state = self.tr("{0} after {1}").format(state, duration_text(b.seconds))
        lines.append(self.tr("Started {0}, {1}.").format(when(b.created), state))
        if b.problem:
            lines.append(f"<i>{_escaped(b.problem)}</i>")
        for name, value in (
            (self.tr("Platforms"), ", ".join(b.platforms)),
            (self.tr("Target"), b.target),
            (self.tr("Tags"), ", ".join(b.tags)),
            (self.tr("Digest"), b.digest),
            (self.tr("Context"), b.local_dirs.get("context", "")),
            (self.tr("Build"), b.ref),
        ):
            if value:
                lines.append(f"{name}: {_escaped(value)}")
        return "<br/>".join(lines)

    def _menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for button, _, _ in self._buttons:
            action = menu.addAction(button.text(), button.click)
            action.setEnabled(button.isEnabled())
        menu.popup(self.table.viewport().mapToGlobal(at))

    # Opening

    def session(self, ref: str) -> RecordedBuild | None:
        """The build that ``open_requested`` spoke of."""
        return self._open.get(ref)

    async def recorded(self, ref: str) -> RecordedBuild:
        """A build with everything it said. Raises what the builder says."""
        found = self._open.get(ref)
        if found is not None:
            return found
        kept = await self._load(ref)
        build = self._model.build(ref) or summary(kept.build.record)
        found = RecordedBuild(
            build,
            kept.events,
            error=kept.error,
            source_text=kept.source_text,
            plan=plan_from_json(kept.build.plan),
            native=self._engine.native,
            parent=self,
        )
        if build.status.ended:
            self._open[ref] = found
            self._let_go()
        return found

    def _let_go(self) -> None:
        """Close the builds that were opened longest ago, but for what a view still shows."""
        for ref in list(self._open)[:-_KEPT_OPEN]:
            build = self._open[ref]
            if not build.isSignalConnected(QMetaMethod.fromSignal(build.changed)):
                del self._open[ref]
                build.close()
                build.deleteLater()

    async def _load(self, ref: str) -> Recorded:
        build = self._model.build(ref)
        if build is not None and build.imported:
            found = await self._tasks.in_thread(self._imports.load, ref)
            if found is None:
                raise NotFoundError(f"The imported build {ref} is gone.")
            return found
        return await load(await self._engine.builder(), ref)

    def open_selected(self) -> None:
        """Show the selected build in the editor page, as if it ran there."""
        builds = self._builds()
        if len(builds) == 1:
            ref = builds[0].ref

            async def work() -> None:
                self._open[ref] = await self.recorded(ref)
                self.open_requested.emit(ref)

            self._run(work, "open build")

    def compare_selected(self) -> None:
        """Put the two selected builds beside each other."""
        refs = self._refs()
        if len(refs) != 2:
            return

        async def work() -> None:
            a, b = [await self.recorded(ref) for ref in refs]
            self.compare.set_builds(a, b)
            self._lower.setCurrentWidget(self.compare)
            height = self._split.height()
            self._split.setSizes([height * 2 // 5, height * 3 // 5])

        self._run(work, "compare builds")

    def rebuild_selected(self) -> None:
        """Ask for the same build again."""
        for build in self._builds()[:1]:
            self.rebuild_requested.emit(build.request())

    # Changing

    def pin_selected(self) -> None:
        """Keep the selected builds for good, or give them back to the bounds of the history."""
        builds = self._builds()
        on = not all(b.pinned for b in builds)

        async def work() -> None:
            builder = await self._engine.builder()
            for build in builds:
                await pin(builder, build.ref, on)

        self._run(work, "pin builds")

    def delete_selected(self) -> None:
        """Take the selected builds away, for good after some seconds in which it can be undone."""
        if self._undo.isActive():
            self._undo.stop()
            self._delete_now()
        for build in self._builds():
            if build.status.ended:
                self._deleted[build.ref] = build
                self._model.remove(build.ref)
        if self._deleted:
            self.banner.show_notice(
                self.tr("%n builds deleted.", "", len(self._deleted)),
                actions=((self.tr("Undo"), self.undo_delete),),
            )
            self._undo.start()

    def undo_delete(self) -> None:
        """Bring back what was deleted a moment ago."""
        self._undo.stop()
        self.banner.hide()
        for build in self._deleted.values():
            self._model.put(build)
        self._deleted.clear()

    def _delete_now(self) -> None:
        gone, self._deleted = self._deleted, {}
        self.banner.hide()

        async def work() -> None:
            for ref, build in gone.items():
                self._open.pop(ref, None)
                if build.imported:
                    await self._tasks.in_thread(self._imports.remove, ref)
                else:
                    await delete(await self._engine.builder(), ref)

        if gone:
            self._run(work, "delete builds")

    # Files

    def _choose_export(self) -> None:
        builds = self._builds()
        if len(builds) != 1:
            return
        ref = builds[0].ref
        name = "".join(c if c.isalnum() or c in "-._" else "-" for c in builds[0].title)
        dialog = QFileDialog(
            self,
            self.tr("Export the build"),
            f"{name}{SUFFIX}",
            self.tr("Viaduct builds (*{0})").format(SUFFIX),
        )
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self.export_to(ref, Path(path)))
        dialog.open()

    def export_to(self, ref: str, path: Path) -> None:
        """Write a build, with its events and output, to one file."""

        async def work() -> None:
            build = self._model.build(ref)
            if build is not None and build.imported:
                await self._tasks.in_thread(self._imports.export, ref, path)
            else:
                await export(await self._engine.builder(), ref, path)
            self.banner.show_notice(self.tr("Exported to {0}.").format(path), kind="banner-done")

        self._run(work, "export build")

    def _choose_import(self) -> None:
        dialog = QFileDialog(
            self,
            self.tr("Import builds"),
            "",
            self.tr("Builds (*{0} *.dockerbuild);;All files (*)").format(SUFFIX),
        )
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(lambda names: self.import_files([Path(n) for n in names]))
        dialog.open()

    def import_files(self, paths: list[Path]) -> None:
        """Give exported builds to the builder, which lists them; keep copies of them here where
        it takes none."""

        async def work() -> None:
            for path in paths:
                if self._engine.is_embedded:
                    await send(await self._engine.builder(), path)
                else:
                    for build in await self._tasks.in_thread(self._imports.add, path):
                        self._put(build)

        self._run(work, "import builds")

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.import_files([Path(u.toLocalFile()) for u in event.mimeData().urls()])
        event.acceptProposedAction()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
