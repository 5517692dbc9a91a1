"""The graph panel: canvas, tool bar, filter, and the tree with the same content."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QMessageBox,
    QStackedWidget,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from core.errors import Error, LineRange
from core.progress.messages import SolveStatus
from desktop.graph.canvas import GraphCanvas
from desktop.graph.export import FORMATS, rendered, save
from desktop.graph.growth import updated
from desktop.graph.layout import Layout
from desktop.graph.look import Look
from desktop.models.graph import BuildGraph, Options
from desktop.models.graph_stack import Stacking
from desktop.models.graph_status import Status
from desktop.models.graph_tree import GraphTreeModel
from desktop.panels.graph_looks import look, usual_reason
from desktop.panels.history_replay import ReplayBar
from desktop.selection import Selection
from desktop.theme.theme import Theme

if TYPE_CHECKING:
    from core.frontend.plan import Plan
    from desktop.builds import BuildSession

_IN_PLACE = 400
"""Up to this many nodes a layout takes a few milliseconds: no thread is asked."""
_TICK_MS = 250


class GraphPanel(QWidget):
    """Shows a plan, and over it the build of it."""

    node_activated = Signal(str)
    """The vertex of a node that was double-clicked."""
    _laid_out = Signal(int, object)

    def __init__(self, theme: Theme, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._selection = selection
        self._graph = BuildGraph()
        self._build: BuildSession | None = None
        self._looks: dict[str, Look] = {}
        self._generation = 0
        self._workers: ThreadPoolExecutor | None = None
        self._critical = False
        self._tree_stale = True
        self._usual = ""
        self._filter: frozenset[str] | None = None
        self.canvas = GraphCanvas(theme, self)
        self.canvas.setAccessibleName(self.tr("Build graph"))
        self.canvas.setAccessibleDescription(
            self.tr("The Tree button shows the same content as a list.")
        )
        self._model = GraphTreeModel(self)
        self.tree = QTreeView(self)
        self._set_up_tree()
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.canvas)
        self._stack.addWidget(self.tree)
        self._empty = QLabel(self.tr("The steps of a Dockerfile appear here as it is typed."))
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setProperty("role", "muted")
        self._stack.addWidget(self._empty)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self._tool_bar())
        box.addWidget(self._stack, 1)
        self.replay = ReplayBar(theme, self)
        box.addWidget(self.replay)
        self._tick = QTimer(self, interval=_TICK_MS)
        self._tick.timeout.connect(self._count_time)
        self._connect()
        self._show_page()

    # Set-up

    def _set_up_tree(self) -> None:
        self.tree.setModel(self._model)
        self.tree.setAccessibleName(self.tr("Build steps"))
        self.tree.setUniformRowHeights(True)
        self.tree.header().setStretchLastSection(False)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2, 3):
            self.tree.header().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.selectionModel().currentChanged.connect(
            lambda index, _: self._chosen(index.data(Qt.ItemDataRole.UserRole) or "")
        )

    def _tool_bar(self) -> QWidget:
        bar = QFrame(self)
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(2)
        self.filter = QLineEdit(bar)
        self.filter.setPlaceholderText(self.tr("Filter steps ( / )"))
        self.filter.setAccessibleName(self.tr("Filter steps"))
        self.filter.setClearButtonEnabled(True)
        self.filter.setMinimumWidth(90)
        self.filter.textChanged.connect(self._filtered)
        row.addWidget(self.filter, 1)
        self._buttons: list[tuple[QToolButton, str]] = []
        self._fit = self._button(row, "target", self.tr("Fit (0)"), self.canvas.fit)
        self._button(row, "plus", self.tr("Zoom in (+)"), lambda: self.canvas.zoom(1.25))
        self._button(row, "minus", self.tr("Zoom out (−)"), lambda: self.canvas.zoom(0.8))
        self._critical_button = self._button(
            row, "timeline", self.tr("Critical path (C)"), self._toggle_critical, check=True
        )
        self._split = self._button(
            row, "platforms", self.tr("Every platform by itself"), self._options_changed, check=True
        )
        self._fold = self._button(
            row, "cached", self.tr("Fold cached chains"), self._fold_changed, check=True
        )
        self._tree_button = self._button(
            row, "outline", self.tr("Show as a tree"), self._show_page, check=True
        )
        self._more = self._button(row, "more", self.tr("More"), self._more_menu)
        self._theme_changed()
        return bar

    def _button(
        self, row: QHBoxLayout, icon: str, text: str, slot: object, *, check: bool = False
    ) -> QToolButton:
        button = QToolButton(self)
        button.setToolTip(text)
        button.setAccessibleName(text)
        button.setCheckable(check)
        button.clicked.connect(lambda *_: slot())  # type: ignore[operator]
        row.addWidget(button)
        self._buttons.append((button, icon))
        return button

    def _connect(self) -> None:
        self.canvas.clicked.connect(self._chosen)
        self.canvas.activated.connect(self._toggle)
        self.canvas.menu_requested.connect(self._node_menu)
        self.canvas.filter_requested.connect(self._focus_filter)
        self.canvas.next_failed.connect(lambda: self._next(Status.FAILED))
        self.canvas.next_running.connect(lambda: self._next(Status.RUNNING))
        self.canvas.critical_toggled.connect(self._critical_button.click)
        self.canvas.tidy_requested.connect(self.tidy)
        self._laid_out.connect(self._take_layout)
        self._selection.vertex_changed.connect(self._selected_elsewhere)
        self._selection.lines_changed.connect(self._lines_elsewhere)
        self._theme.changed.connect(self._theme_changed)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self.filter)
        escape.setContext(Qt.ShortcutContext.WidgetShortcut)
        escape.activated.connect(self._leave_filter)

    def _theme_changed(self) -> None:
        for button, icon in self._buttons:
            button.setIcon(self._theme.icons.get(icon))

    # Sources

    def set_plan(self, plan: Plan | None) -> None:
        """Draw what would be built. A build that is shown stays in front."""
        if self._build is not None:
            return
        self._graph.set_plan(plan)
        self._reshape()

    def set_build(self, build: BuildSession | None) -> None:
        """Follow ``build``; None goes back to the plan alone."""
        if self._build is not None:
            self._build.changed.disconnect(self._changed)
            self._build.status_changed.disconnect(self._status_changed)
        self._build = build
        self.replay.set_build(build)
        if build is None:
            self._graph.set_state(None)
        else:
            build.changed.connect(self._changed)
            build.status_changed.connect(self._status_changed)
            self._graph = BuildGraph()
            self._graph.options = self._options()
            if build.plan is not None:
                self._graph.set_plan(build.plan)
            self._graph.set_state(
                build.state, tuple(build.request.platforms), ended=build.status.ended
            )
        self._time_needed()
        self._reshape()

    def _changed(self, status: SolveStatus) -> None:
        if self._build is not None and self._build.state is not self._graph.state:
            self.set_build(self._build)  # a recorded build went back in time
            return
        digests = {v.digest for v in status.vertexes}
        digests.update(s.vertex for s in status.statuses)
        refreshed = self._graph.refresh(digests)
        if refreshed.shape:
            self._reshape()
        elif refreshed.nodes:
            self._refresh_looks(refreshed.nodes)

    def _status_changed(self) -> None:
        assert self._build is not None
        shape = self._graph.set_ended(self._build.status.ended)
        self._usual = usual_reason(self._graph)
        self._time_needed()
        if shape:
            self._reshape()
        else:
            self._refresh_looks(frozenset(self._graph.shape.nodes))
        if self._build.status.value == "failed":
            self._next(Status.FAILED)

    def _time_needed(self) -> None:
        if self._build is not None and not self._build.status.ended:
            self._tick.start()
        else:
            self._tick.stop()

    def _count_time(self) -> None:
        if not self.isVisible():
            return
        running = {
            n for n, shown in self._looks.items() if shown.running and n in self._graph.shape.nodes
        }
        self._refresh_looks(frozenset(running))
        if self._critical:
            self._mark_critical()

    def _now(self) -> int:
        """The end of what still runs, on the build's own clock."""
        if self._build is not None:
            clock = getattr(self._build, "now", None)
            if clock is not None:
                return int(clock())
            if self._build.completed is not None:
                return self._build.completed
        return time.time_ns()

    # Shape and looks

    def _reshape(self) -> None:
        now = self._now()
        several = len(self._graph.platforms) > 1
        self._usual = usual_reason(self._graph)
        self._looks = {
            n.id: look(self._graph, n, now, several=several, usual_reason=self._usual)
            for n in self._graph.shape.nodes.values()
        }
        self._tree_stale = True
        self._show_page()
        self._start_layout(self.canvas.shown)
        self._filtered(self.filter.text())
        self._selected_elsewhere(self._selection.vertex, None)
        if self._critical:
            self._mark_critical()

    def _refresh_looks(self, names: frozenset[str]) -> None:
        now = self._now()
        several = len(self._graph.platforms) > 1
        nodes = self._graph.shape.nodes
        changed = set()
        for name in names:
            if name in nodes:
                new = look(self._graph, nodes[name], now, several=several, usual_reason=self._usual)
                if new != self._looks.get(name):
                    self._looks[name] = new
                    changed.add(name)
        if changed:
            self.canvas.update_looks(self._looks, changed)
            if self.tree.isVisible():
                self._model.update_looks(self._looks, frozenset(changed))
            else:
                self._tree_stale = True

    def _start_layout(self, previous: Layout) -> None:
        self._generation += 1
        wanted = self._graph.layout_graph()
        if len(wanted.nodes) <= _IN_PLACE:
            self._take_layout(self._generation, updated(wanted, previous))
            return
        if self._workers is None:
            self._workers = ThreadPoolExecutor(1, thread_name_prefix="graph-layout")
        generation = self._generation
        future = self._workers.submit(updated, wanted, previous)
        future.add_done_callback(lambda done: self._deliver(generation, done))

    def _deliver(self, generation: int, done: Future[Layout]) -> None:
        """In the worker's thread: the signal is queued to the window's."""
        if not done.cancelled() and done.exception() is None:
            self._laid_out.emit(generation, done.result())

    def _take_layout(self, generation: int, found: Layout) -> None:
        if generation != self._generation:
            return
        self.canvas.marks.looks = self._looks
        self.canvas.set_layout(found)
        self.canvas.set_looks(self._looks)

    def tidy(self) -> None:
        """Lay everything out anew."""
        self._start_layout(Layout())

    def set_reduced_motion(self, on: bool) -> None:
        """Nothing in the picture moves by itself."""
        self.canvas.set_reduced_motion(on)

    def close_workers(self) -> None:
        """Idempotent; before the window goes."""
        if self._workers is not None:
            self._workers.shutdown(wait=True, cancel_futures=True)
            self._workers = None

    def _fill_tree(self) -> None:
        """The tree follows while it is seen."""
        if self._tree_stale:
            self._tree_stale = False
            self._model.set_graph(self._graph, self._looks)
            self.tree.expandToDepth(0)
            self._selected_elsewhere(self._selection.vertex, None)

    def _show_page(self) -> None:
        if not self._graph.shape.nodes:
            self._stack.setCurrentWidget(self._empty)
        elif self._tree_button.isChecked():
            self._fill_tree()
            self._stack.setCurrentWidget(self.tree)
        else:
            self._stack.setCurrentWidget(self.canvas)

    # Options

    def _options(self) -> Options:
        return replace(
            self._graph.options,
            stacking=Stacking.SPLIT if self._split.isChecked() else Stacking.AUTO,
            internal=self._graph.options.internal,
        )

    def _options_changed(self) -> None:
        if self._graph.set_options(self._options()):
            self._reshape()

    def _fold_changed(self) -> None:
        options = replace(self._graph.options, fold=self._fold.isChecked(), unfolded=frozenset())
        if self._graph.set_options(options):
            self._reshape()

    def _set_internal(self, on: bool) -> None:
        if self._graph.set_options(replace(self._graph.options, internal=on)):
            self._reshape()

    def _toggle(self, node: str) -> None:
        if node not in self._graph.shape.nodes:
            return
        options = self._graph.toggled(node)
        if options != self._graph.options:
            if self._graph.set_options(options):
                self._reshape()
        else:
            self.node_activated.emit(self._graph.vertex_of(node))

    # Filter, critical path, impact

    def _focus_filter(self) -> None:
        self.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter.selectAll()

    def _leave_filter(self) -> None:
        self.filter.clear()
        self.canvas.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _filtered(self, text: str) -> None:
        self.canvas.marks.focus = self._graph.matching(text) if text.strip() else None
        self.canvas.update()

    def _toggle_critical(self) -> None:
        self._critical = self._critical_button.isChecked()
        self._mark_critical()

    def _mark_critical(self) -> None:
        path = self._graph.critical(self._now()) if self._critical else ()
        self.canvas.marks.critical = frozenset(path)
        self.canvas.marks.critical_edges = frozenset(pairwise(path))
        self.canvas.update()

    def show_impact(self, line: int | None) -> None:
        """Mark what would run again if a Dockerfile line changed; None marks nothing."""
        nodes = self._graph.nodes_at(line) if line is not None else ()
        self.canvas.marks.affected = self._graph.affected(nodes)
        self.canvas.update()

    def _next(self, status: Status) -> None:
        names = [n for n in self._graph.shape.nodes if self._graph.status(n) is status]
        if not names:
            return
        selected = self.canvas.marks.selected
        at = names.index(selected) + 1 if selected in names else 0
        name = names[at % len(names)]
        self.canvas.select(name)
        self.canvas.show_node(name)
        self._chosen(name)

    # Selection

    def _chosen(self, node: str) -> None:
        found = self._graph.shape.nodes.get(node)
        if found is None:
            self._selection.set_vertex("", self)
            return
        self.canvas.select(node)
        self._selection.set_vertex(self._graph.vertex_of(node), self)
        ranges = [r for e in found.entries for r in self._graph.entries[e].ranges]
        if ranges:
            first, last = min(r.start for r in ranges), max(r.end for r in ranges)
            self._selection.set_lines(LineRange(first, last), self)
        if len(found.platforms) == 1:
            self._selection.set_platform(found.platforms[0], self)

    def _selected_elsewhere(self, vertex: str, origin: object) -> None:
        if origin is self:
            return
        node = self._graph.node_of(vertex) if vertex else ""
        if node != self.canvas.marks.selected:
            self.canvas.select(node or "")
            if node and origin is not None:
                self.canvas.show_node(node, zoom=False)
        index = self._model.index_of(node or "")
        if index.isValid():
            blocked = self.tree.selectionModel().blockSignals(True)
            self.tree.setCurrentIndex(index)
            self.tree.selectionModel().blockSignals(blocked)

    def _lines_elsewhere(self, lines: object, origin: object) -> None:
        if origin is self or not isinstance(lines, LineRange):
            return
        nodes = self._graph.nodes_at(lines.start)
        if nodes and self.canvas.marks.selected not in nodes:
            self.canvas.select(nodes[0])
            self.canvas.show_node(nodes[0], zoom=False)

    # Menus

    def _more_menu(self) -> None:
        menu = QMenu(self)
        internal = menu.addAction(self.tr("Show the builder's own work"))
        internal.setCheckable(True)
        internal.setChecked(self._graph.options.internal)
        internal.toggled.connect(self._set_internal)
        menu.addAction(self.tr("Tidy (T)"), self.tidy)
        menu.addSeparator()
        export = menu.addAction(self.tr("Export…"), self.export)
        export.setEnabled(bool(self._graph.shape.nodes))
        self._open_menu(menu, self._more.mapToGlobal(self._more.rect().bottomLeft()))

    def _node_menu(self, node: str, at: QPoint) -> None:
        menu = QMenu(self)
        found = self._graph.shape.nodes.get(node)
        if found is not None:
            menu.addAction(self.tr("Show the log"), lambda: self._show_log(node))
            if self._graph.toggled(node) != self._graph.options:
                words = (
                    self.tr("Unfold") if found.folded else self.tr("Stack or set apart platforms")
                )
                menu.addAction(words, lambda: self._toggle(node))
            menu.addSeparator()
        menu.addAction(self.tr("Fit (0)"), self.canvas.fit)
        menu.addAction(self.tr("Export…"), self.export)
        self._open_menu(menu, at)

    @staticmethod
    def _open_menu(menu: QMenu, at: QPoint) -> None:
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(at)

    def _show_log(self, node: str) -> None:
        self._chosen(node)
        self.node_activated.emit(self._graph.vertex_of(node))

    def export(self) -> None:
        """Ask for a file and write the graph to it."""
        filters = ";;".join(f"{name} (*.{suffix})" for suffix, name in FORMATS.items())
        dialog = QFileDialog(self, self.tr("Export the graph"), "build-graph.svg", filters)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.export_to(Path(name)))
        dialog.open()

    def export_to(self, path: Path) -> None:
        """Write the graph in the format that the name's suffix says."""
        painter, picture = self.canvas.painter_for_export()
        suffix = path.suffix.removeprefix(".").lower() or "svg"
        try:
            save(path, rendered(suffix, painter, picture, self._looks, self._graph.shape))
        except Error as problem:
            box = QMessageBox(self)
            box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            box.setIcon(QMessageBox.Icon.Warning)
            box.setText(problem.message)
            box.setInformativeText(problem.hint)
            box.open()
