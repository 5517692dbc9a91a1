"""The log panel: what to show, search, errors, follow, copy, save."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QIODevice, QPoint, QSaveFile, Qt, QTimer
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.errors import LineRange
from core.progress.messages import SolveStatus
from core.progress.state import StepState
from desktop.models.graph_words import short_platform
from desktop.models.log_search import ERRORS, Search, compiled
from desktop.models.log_store import LineFilter, LineStore
from desktop.models.log_text import Label, blocks, label, of_platform, siblings, with_context
from desktop.panels.log_view import LogView
from desktop.selection import Selection
from desktop.theme.theme import Theme

if TYPE_CHECKING:
    from core.frontend.plan import Plan
    from desktop.builds import BuildSession

_COPY_LIMIT = 100_000
_SLICES_A_TURN = 4


class LogPanel(QWidget):
    """The output of a build: of all of it, of the selected step, of one platform."""

    def __init__(self, theme: Theme, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._selection = selection
        self._build: BuildSession | None = None
        self._store: LineStore | None = None
        self._shown: LineFilter | None = None
        self._labels: dict[str, Label] = {}
        self._search: Search | None = None
        self._errors: Search | None = None
        self._jump: int | None = None
        self._saving: tuple[QSaveFile, Iterator[bytes]] | None = None
        self.view = LogView(theme, self)
        self.view.set_labels(self._label_of)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self._tool_bar())
        box.addWidget(self.view, 1)
        self._work = QTimer(self, interval=0)
        self._work.timeout.connect(self._turn)
        self._connect()
        self._theme_changed()

    # Set-up

    def _tool_bar(self) -> QWidget:
        bar = QFrame(self)
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(4)
        self.scope = QComboBox(bar)
        self.scope.setAccessibleName(self.tr("Steps to show"))
        self.scope.addItem(self.tr("All steps"), False)
        self.scope.addItem(self.tr("Selected step"), True)
        row.addWidget(self.scope)
        self.platform = QComboBox(bar)
        self.platform.setAccessibleName(self.tr("Platform to show"))
        row.addWidget(self.platform)
        self.search = QLineEdit(bar)
        self.search.setPlaceholderText(self.tr("Search the log"))
        self.search.setAccessibleName(self.tr("Search the log"))
        self.search.setClearButtonEnabled(True)
        row.addWidget(self.search, 1)
        self.count = QLabel(bar)
        self.count.setProperty("role", "muted")
        row.addWidget(self.count)
        self._buttons: list[tuple[QToolButton, str, str]] = []
        self.regex = self._button(row, ".*", self.tr("Regular expression"), check=True)
        self.previous = self._button(row, "chevron-up", self.tr("Previous match (Shift+F3)"))
        self.next = self._button(row, "chevron-down", self.tr("Next match (F3)"))
        self.error = self._button(row, "failed", self.tr("Next error (E)"))
        self.follow = self._button(row, "arrow-down", self.tr("Follow the end (End)"), check=True)
        self.follow.setChecked(True)
        self.copy = self._button(row, "copy", self.tr("Copy with step and time"))
        self.save = self._button(row, "save", self.tr("Save the log…"))
        return bar

    def _button(
        self, row: QHBoxLayout, icon: str, text: str, *, check: bool = False
    ) -> QToolButton:
        button = QToolButton(self)
        button.setToolTip(text)
        button.setAccessibleName(text)
        button.setCheckable(check)
        if icon == ".*":
            button.setText(icon)
        row.addWidget(button)
        self._buttons.append((button, icon, text))
        return button

    def _connect(self) -> None:
        self.scope.currentIndexChanged.connect(lambda _: self._refilter())
        self.platform.currentIndexChanged.connect(lambda _: self._refilter())
        self.search.textChanged.connect(lambda _: self._search_changed())
        self.search.returnPressed.connect(lambda: self.go_to_match(forward=True))
        self.regex.toggled.connect(lambda _: self._search_changed())
        self.previous.clicked.connect(lambda: self.go_to_match(forward=False))
        self.next.clicked.connect(lambda: self.go_to_match(forward=True))
        self.error.clicked.connect(self.next_error)
        self.follow.clicked.connect(self.view.set_following)
        self.view.follow_changed.connect(self.follow.setChecked)
        self.view.line_clicked.connect(self._line_clicked)
        self.copy.clicked.connect(self.copy_with_context)
        self.save.clicked.connect(self.choose_file)
        self._selection.vertex_changed.connect(self._selected)
        self._theme.changed.connect(self._theme_changed)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._menu)
        self._action(QKeySequence(QKeySequence.StandardKey.Find), self._focus_search)
        self._action(QKeySequence(Qt.Key.Key_F3), partial(self.go_to_match, forward=True))
        shift_f3 = Qt.KeyboardModifier.ShiftModifier | Qt.Key.Key_F3
        self._action(QKeySequence(shift_f3), partial(self.go_to_match, forward=False))
        for widget, key, slot in (
            (self.view, QKeySequence(Qt.Key.Key_E), self.next_error),
            (self.view, QKeySequence(Qt.Key.Key_Slash), self._focus_search),
            (self.view, QKeySequence(QKeySequence.StandardKey.Copy), self.copy_selection),
        ):
            self._action(key, slot, widget)

    def _action(self, key: QKeySequence, slot: object, widget: QWidget | None = None) -> None:
        action = QAction(self)
        action.setShortcut(key)
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(lambda *_: slot())  # type: ignore[operator]
        (widget or self).addAction(action)

    def _theme_changed(self) -> None:
        for button, icon, _ in self._buttons:
            if icon != ".*":
                button.setIcon(self._theme.icons.get(icon))

    # Sources

    def set_plan(self, plan: Plan | None) -> None:
        """A plan prints nothing."""

    def set_build(self, build: BuildSession | None) -> None:
        """Show the output of ``build``, from its first line on."""
        if self._build is not None:
            self._build.changed.disconnect(self._changed)
        self._build = build
        self._labels = {}
        self._errors = None
        self._stop_saving()
        self._store = build.lines if build is not None else None
        platforms = tuple(build.request.platforms) if build is not None else ()
        self.platform.blockSignals(True)
        self.platform.clear()
        self.platform.addItem(self.tr("All platforms"), "")
        for platform in platforms:
            self.platform.addItem(short_platform(platform), platform)
        self.platform.blockSignals(False)
        self.platform.setVisible(len(platforms) > 1)
        if build is not None:
            build.changed.connect(self._changed)
        self._refilter()
        self._search_changed()

    def _changed(self, status: SolveStatus) -> None:
        for vertex in status.vertexes:
            self._labels.pop(vertex.digest, None)
        if self._build is not None and self._build.lines is not self._store:
            self._store = self._build.lines
            self._refilter()
        if status.logs:
            self.view.refresh()
            if self._search is not None:
                self._work.start()

    def _label_of(self, vertex: str) -> Label:
        found = self._labels.get(vertex)
        if found is None:
            assert self._build is not None
            seen = self._build.state.vertices.get(vertex)
            platforms = tuple(self._build.request.platforms)
            found = label(seen, platforms) if seen is not None else Label("", -1)
            self._labels[vertex] = found
        return found

    def _refilter(self) -> None:
        build, store = self._build, self._store
        if build is None or store is None:
            self._shown = None
            self.view.set_lines(None, None, began=0, tags=True)
            return
        vertices: frozenset[str] | None = None
        platform = self.platform.currentData() or ""
        chosen = self._selection.vertex
        single = bool(self.scope.currentData()) and chosen in build.state.vertices
        if single:
            vertices = siblings(build.state, chosen, platform)
        elif platform:
            vertices = of_platform(build.state, platform)
        if self._shown is None or self._shown.vertices != vertices or not len(store):
            self._shown = LineFilter(store, vertices)
            several = vertices is None or len(vertices) > 1
            self.view.set_lines(store, self._shown, began=build.started or 0, tags=several)

    # Selection

    def _selected(self, vertex: str, origin: object) -> None:
        if origin is self or self._build is None:
            return
        if self.scope.currentData():
            self._refilter()
        elif vertex in self._build.state.vertices and self._shown is not None:
            if self._build.state.vertices[vertex].state is StepState.FAILED:
                self._show_last(vertex)
                return
            wanted = siblings(self._build.state, vertex)
            first = next((r[2] for r in self._shown_runs() if r[1] in wanted), None)
            if first is not None:
                self.view.show_line(first)

    def _show_last(self, vertex: str) -> bool:
        """Go to the end of what a step printed; False when it is there or printed nothing."""
        runs = [r for r in self._shown_runs() if r[1] == vertex]
        last = runs[-1][3] - 1 if runs else -1
        if last < 0 or self.view.current_line == last:
            return False
        if self._shown is None or not self._shown.has(last):
            return False
        self.view.show_line(last)
        return True

    def _shown_runs(self) -> Iterator[tuple[int, str, int, int]]:
        return self._store.runs() if self._store is not None else iter(())

    def _line_clicked(self, number: int) -> None:
        if self._store is None or self._build is None:
            return
        vertex = self._store.info(number).vertex
        self._selection.set_vertex(vertex, self)
        seen = self._build.state.vertices.get(vertex)
        if seen is not None and seen.vertex.ranges:
            ranges = seen.vertex.ranges
            lines = LineRange(min(r.start for r in ranges), max(r.end for r in ranges))
            self._selection.set_lines(lines, self)

    # Search

    def _focus_search(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def _search_changed(self) -> None:
        text = self.search.text()
        self._search = None
        self._jump = None
        shown: re.Pattern[str] | None = None
        invalid = False
        if text and self._store is not None:
            try:
                pattern = compiled(text, regex=self.regex.isChecked())
                shown = re.compile(pattern.pattern.decode(), pattern.flags & re.IGNORECASE)
            except re.error:
                invalid = True
            else:
                self._search = Search(self._store, pattern)
                self._jump = self.view.top_line()
                self._work.start()
        self.search.setProperty("invalid", invalid)
        self.search.style().polish(self.search)
        self.view.set_pattern(shown)
        self._show_count()

    def _turn(self) -> None:
        """Some slices of searching or saving, then the window has its turn."""
        more = False
        for search in (self._search, self._errors):
            for _ in range(_SLICES_A_TURN):
                if search is None or not search.step():
                    break
            more = more or (search is not None and not search.finished)
        if self._jump is not None and self._search is not None and self._shown is not None:
            hit = self._search.following(self._jump, self._shown)
            if hit is not None:
                self._jump = None
                self.view.show_line(hit)
        if self._saving is not None:
            more = self._write_some() or more
        self._show_count()
        if not more:
            self._jump = None
            self._work.stop()

    def _show_count(self) -> None:
        if self._search is None:
            self.count.setText("")
        else:
            found = len(self._search.lines)
            dots = "" if self._search.finished else "…"
            self.count.setText(self.tr("%n lines", "", found) + dots)

    def go_to_match(self, *, forward: bool) -> None:
        """Go to the next or previous line that matches, round the end."""
        if self._search is not None:
            self._go(self._search, forward)

    def next_error(self) -> None:
        """Go to the end of what a failed step printed, then to the next line that says so."""
        if self._store is None or self._shown is None or self._build is None:
            return
        failed = self._build.state.failed
        if failed is not None and self._show_last(failed.digest):
            return
        if self._errors is None:
            self._errors = Search(self._store, ERRORS)
            while self._errors.step() and len(self._errors.lines) < 1:
                pass
            self._work.start()
        self._go(self._errors, True)

    def _go(self, search: Search, forward: bool) -> None:
        if self._shown is None:
            return
        at = self.view.top_line()
        hit = (search.following if forward else search.preceding)(at, self._shown)
        if hit is not None:
            self.view.show_line(hit)

    # Copy and save

    def copy_selection(self) -> None:
        text = self.view.selected_text()
        if text:
            QGuiApplication.clipboard().setText(text)

    def copy_with_context(self) -> None:
        """Copy the selected lines, or all when few enough, with the names of their steps."""
        if self._store is None or self._shown is None or self._build is None:
            return
        rows = self.view.selected_rows()
        first, last = rows if rows is not None else (0, len(self._shown) - 1)
        first = max(first, last - _COPY_LIMIT)
        lines = with_context(
            self._store,
            self._shown,
            range(first, last + 1),
            self._build.state,
            self._build.started or 0,
        )
        QGuiApplication.clipboard().setText("\n".join(lines))

    def choose_file(self) -> None:
        """Ask where to write what is shown."""
        dialog = QFileDialog(self, self.tr("Save the log"), "build.log")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.save_to)
        dialog.open()

    def save_to(self, path: str) -> None:
        """Write what is shown to a file, in slices; the file appears when it is whole."""
        if self._store is None or self._shown is None or self._build is None:
            return
        self._stop_saving()
        file = QSaveFile(path)
        if not file.open(QIODevice.OpenModeFlag.WriteOnly):
            self.count.setText(self.tr("Not saved: {0}").format(file.errorString()))
            return
        began = self._build.started or 0
        self._saving = (file, blocks(self._store, self._shown, self._build.state, began))
        self._work.start()

    def _write_some(self) -> bool:
        assert self._saving is not None
        file, pieces = self._saving
        piece = next(pieces, None)
        if piece is not None:
            file.write(piece)
            return True
        self._saving = None
        file.commit()
        return False

    def _stop_saving(self) -> None:
        if self._saving is not None:
            self._saving[0].cancelWriting()
            self._saving = None

    def _menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        copy = menu.addAction(self.tr("Copy"), self.copy_selection)
        copy.setEnabled(self.view.selected_rows() is not None)
        menu.addAction(self.tr("Copy with step and time"), self.copy_with_context)
        menu.addAction(self.tr("Select all"), self.view.select_all)
        menu.addSeparator()
        menu.addAction(self.tr("Save the log…"), self.choose_file)
        menu.popup(self.view.viewport().mapToGlobal(at))
