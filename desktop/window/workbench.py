"""The editor page: build bar, explorer, editor, graph and the panels below."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QLabel,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from core.lint.findings import Finding
from core.progress.messages import Mode
from desktop.building.bar import BuildBar
from desktop.builds import BuildSession, BuildStatus
from desktop.context import Context
from desktop.editor.analysis import Analysis, Analyzer, Question
from desktop.editor.base_facts import BaseFacts
from desktop.editor.documents import Documents
from desktop.editor.navigation import outline, stage_title
from desktop.editor.tab import EditorTab
from desktop.panels.failure import FailurePanel
from desktop.panels.graph import GraphPanel
from desktop.panels.lanes import LanesPanel
from desktop.panels.log import LogPanel
from desktop.panels.problems import ProblemsPanel
from desktop.panels.timeline import TimelinePanel
from desktop.widgets.banner import Banner
from desktop.window.build_tabs import BuildTabs
from desktop.window.explorer import Explorer
from desktop.window.step_marks import step_marks

if TYPE_CHECKING:
    from core.frontend.plan import Plan


# The graph of a large file takes longer to draw than a key to type.
_PLAN_PAUSE = 150
_ENDED_TABS = 6


class Workbench(QWidget):
    """Wires the views of one Dockerfile and its build together."""

    analysed = Signal(object)
    panel_shown = Signal(str)
    build_shown = Signal(object)  # BuildSession | None

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        theme = context.theme
        self.session: BuildSession | None = None
        self._plan: Plan | None = None
        self._lanes_due = False
        self._plan_timer = QTimer(self)
        self._plan_timer.setSingleShot(True)
        self._plan_timer.setInterval(_PLAN_PAUSE)
        self._plan_timer.timeout.connect(self._show_plan)

        self.bar = BuildBar(theme, context.settings.value.platforms)
        self.banner = Banner(theme)
        self.documents = Documents(
            theme=theme,
            settings=context.settings,
            tasks=context.tasks,
            journal=context.journal,
            notices=context.notices,
        )
        self.explorer = Explorer(theme)
        self.graph = GraphPanel(theme, context.selection)
        self.problems = ProblemsPanel(theme)
        self.log = LogPanel(theme, context.selection)
        self.failure = FailurePanel(theme, context.selection)
        self.timeline = TimelinePanel(theme, context.selection)
        self.lanes = LanesPanel(theme, context.selection)
        self.build_tabs = BuildTabs(theme)
        self.build_tabs.chosen.connect(self._build_chosen)
        self.analyzer = Analyzer(context.tasks, self)
        self._arrange()

        self.analyzer.ready.connect(self._analysed)
        self._bases = BaseFacts(context.engine, context.tasks, self)
        self._bases.changed.connect(self.ask)
        self.documents.current_changed.connect(self._current_changed)
        self.documents.opened.connect(self._opened)
        self.documents.closed.connect(lambda tab: self.problems.forget(tab.key))
        self.bar.changed.connect(self.ask)
        self.explorer.line_chosen.connect(self._outline_chosen)
        context.engine.platforms_changed.connect(self._platforms_known)
        context.selection.lines_changed.connect(self._lines_selected)
        self.graph.node_activated.connect(lambda _vertex: self.show_panel("log"))
        self.graph.set_reduced_motion(context.settings.value.reduced_motion)
        context.settings.changed.connect(
            lambda value: self.graph.set_reduced_motion(value.reduced_motion)
        )
        context.notices.shown.connect(
            lambda notice: self.banner.show_notice(
                notice.text, kind=notice.kind, actions=notice.actions
            )
        )
        self._platforms_known()

    def _arrange(self) -> None:
        empty = QLabel(
            self.tr("No file is open.\n\nCtrl+O opens a file, Ctrl+P finds one in the folder.")
        )
        empty.setProperty("role", "muted")
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty = empty
        centre = QWidget()
        box = QVBoxLayout(centre)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.documents, 1)
        box.addWidget(empty, 1)
        self.documents.setMinimumWidth(280)
        self.top = QSplitter(Qt.Orientation.Horizontal)
        self.top.addWidget(centre)
        self.top.addWidget(self.graph)
        self.top.setStretchFactor(0, 3)
        self.top.setStretchFactor(1, 2)
        self.top.setChildrenCollapsible(False)
        self.graph.setMinimumWidth(200)

        self.panels = QTabWidget()
        self.panels.setObjectName("panels")
        self.panels.setAccessibleName(self.tr("Panels"))
        self.panels.setDocumentMode(True)
        self.panels.setMinimumHeight(120)
        self._failure_box = QScrollArea()
        self._failure_box.setWidgetResizable(True)
        self._failure_box.setFrameShape(QScrollArea.Shape.NoFrame)
        self._failure_box.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._failure_box.setWidget(self.failure)
        self._failure_box.hide()
        log = QSplitter(Qt.Orientation.Horizontal)
        log.setHandleWidth(1)
        log.setChildrenCollapsible(False)
        log.addWidget(self._failure_box)
        log.addWidget(self.log)
        log.setSizes([600, 600])
        self._pages = {
            "problems": (self.problems, self.tr("Problems"), "problems"),
            "log": (log, self.tr("Build log"), "log"),
            "timeline": (self.timeline, self.tr("Timeline"), "timeline"),
            "platforms": (self.lanes, self.tr("Platforms"), "platforms"),
        }
        for widget, title, _icon in self._pages.values():
            self.panels.addTab(widget, title)
        self.middle = QSplitter(Qt.Orientation.Vertical)
        self.middle.addWidget(self.top)
        self._below = QWidget()
        below = QVBoxLayout(self._below)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(0)
        below.addWidget(self.build_tabs)
        below.addWidget(self.panels, 1)
        self.middle.addWidget(self._below)
        self.middle.setStretchFactor(0, 3)
        self.middle.setStretchFactor(1, 1)
        self.middle.setChildrenCollapsible(False)
        self.sides = QSplitter(Qt.Orientation.Horizontal)
        self.sides.addWidget(self.explorer)
        self.sides.addWidget(self.middle)
        self.sides.setStretchFactor(0, 0)
        self.sides.setStretchFactor(1, 1)
        self.sides.setChildrenCollapsible(False)
        for splitter in (self.top, self.middle, self.sides, self.explorer.splitter):
            splitter.setHandleWidth(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.bar)
        outer.addWidget(self.banner)
        outer.addWidget(self.sides, 1)
        self.panels.currentChanged.connect(lambda _index: self._show_plan_of_lanes())
        self._context.theme.changed.connect(self._dress)
        self._dress()
        self.reset_layout()
        self._current_changed(None)

    def _dress(self) -> None:
        for n, (_widget, _title, icon) in enumerate(self._pages.values()):
            self.panels.setTabIcon(n, self._context.theme.icons.get(icon))

    # Layout

    def reset_layout(self) -> None:
        self.explorer.show()
        self.panels.show()
        self.graph.show()
        self.sides.setSizes([220, 1300])
        self.middle.setSizes([620, 260])
        self.top.setSizes([760, 540])

    def layout_state(self) -> tuple[tuple[str, str], ...]:
        """Each splitter's state as base64."""
        return tuple(
            (name, bytes(splitter.saveState().toBase64().data()).decode())
            for name, splitter in self._splitters()
        )

    def restore_layout(self, state: tuple[tuple[str, str], ...]) -> None:
        known = dict(state)
        for name, splitter in self._splitters():
            if name in known:
                splitter.restoreState(QByteArray.fromBase64(known[name].encode()))

    def _splitters(self) -> tuple[tuple[str, QSplitter], ...]:
        return (
            ("sides", self.sides),
            ("middle", self.middle),
            ("top", self.top),
            ("explorer", self.explorer.splitter),
        )

    def show_panel(self, name: str) -> None:
        """Bring one of problems, log, timeline, platforms to the front."""
        self.panels.show()
        self.panels.setCurrentWidget(self._pages[name][0])
        self.panel_shown.emit(name)

    # Analysis

    def _opened(self, tab: EditorTab) -> None:
        tab.text_changed.connect(lambda t=tab: self._text_changed(t))
        tab.go_to_definition.connect(lambda offset, t=tab: self.go_to_definition(t, offset))
        tab.editor.gutter.hovered.connect(lambda line: self.graph.show_impact(line or None))
        tab.editor.gutter.clicked.connect(lambda line, t=tab: self._gutter_clicked(t, line))

    def _gutter_clicked(self, tab: EditorTab, line: int) -> None:
        """Put the caret there: the graph, the log and the timeline follow it."""
        tab.editor.go_to(line)
        tab.editor.setFocus()

    def _text_changed(self, tab: EditorTab) -> None:
        if tab is self.documents.current():
            self.ask()

    def _current_changed(self, tab: EditorTab | None) -> None:
        self._empty.setVisible(tab is None)
        self.documents.setVisible(tab is not None)
        if tab is None:
            self.analyzer.cancel()
            self.explorer.show_outline(())
            self._plan = None
            self.graph.set_plan(None)
            self.lanes.set_plan(None)
            return
        if tab.analysis is not None:
            self._show_analysis(tab, tab.analysis)
        self.ask(at_once=True)

    def ask(self, *, at_once: bool = False) -> None:
        """Analyse the current file with the choices of the bar."""
        tab = self.documents.current()
        if tab is None or not tab.is_dockerfile:
            return
        tab.platforms = self.bar.platforms()
        tab.build_args = self.bar.extra.build_args
        self.analyzer.ask(
            Question(
                key=tab.key,
                text=tab.editor.text(),
                name=tab.title,
                folder=tab.folder,
                platforms=self.bar.platforms(),
                target=self.bar.target(),
                build_args=dict(self.bar.extra.build_args),
                native=self._context.engine.native,
                emulated={
                    platform: state.detail
                    for platform, state in self._context.engine.platforms.items()
                    if state.mode is Mode.EMULATED
                },
                images=self._bases.facts,
            ),
            at_once=at_once,
        )

    def _analysed(self, analysis: Analysis) -> None:
        tab = self.documents.by_key(analysis.question.key)
        if tab is None or tab.editor.text() != analysis.question.text:
            return
        tab.set_analysis(analysis)
        self._bases.learn(analysis.bases)
        self.problems.set_findings(tab.key, tab.title, analysis.findings)
        if tab is self.documents.current():
            self._show_analysis(tab, analysis)
        self.analysed.emit(analysis)

    def _show_analysis(self, tab: EditorTab, analysis: Analysis) -> None:
        program = tab.program
        if program is not None:
            self.explorer.show_outline(outline(program))
            self.bar.set_targets([stage_title(s) for s in program.stages if s.name])
        if analysis.plan is not None and analysis.plan != self._plan:
            self._plan = analysis.plan
            self._lanes_due = True
            self._plan_timer.start()

    def _show_plan(self) -> None:
        """Draw the newest plan: once typing rests, and what is hidden when it is shown."""
        if self._build_is_live() or self._plan is None:
            return
        self.graph.set_plan(self._plan)
        if self._lanes_due and self.lanes.isVisible():
            self._lanes_due = False
            self.lanes.set_plan(self._plan)

    def _show_plan_of_lanes(self) -> None:
        if self._lanes_due and self.panels.currentWidget() is self.lanes and self._plan:
            self._lanes_due = False
            self.lanes.set_plan(self._plan)

    def _build_is_live(self) -> bool:
        return self.session is not None and self.session.status is BuildStatus.RUNNING

    def _platforms_known(self) -> None:
        engine = self._context.engine
        shown = dict.fromkeys((*self.bar.shown_platforms(), *engine.platforms))
        self.bar.set_states({p: engine.platform_state(p) for p in shown})
        self.ask()

    # Builds

    def show_build(self, session: BuildSession | None) -> None:
        """Point every view at a build, which gets a tab; None goes back to the plan."""
        if session is not None:
            self.build_tabs.add(session)
            self.build_tabs.select(session)
        if session is self.session and session is not None:
            return
        if self.session is not None:
            self.session.status_changed.disconnect(self._build_moved)
            self.session.changed.disconnect(self._build_changed)
        self.session = session
        for view in (self.graph, self.log, self.timeline, self.lanes, self.failure):
            view.set_build(session)
        self._failure_box.hide()
        if session is not None:
            session.status_changed.connect(self._build_moved)
            session.changed.connect(self._build_changed)
            self._build_moved()
            self._close_old_builds(session)
        else:
            self._lanes_due = True
            self._show_plan()
        self.build_shown.emit(session)

    def add_build(self, session: BuildSession) -> None:
        """A tab for a build that waits, or runs beside the one that is shown."""
        self.build_tabs.add(session)
        self._close_old_builds(session)

    def forget_build(self, session: BuildSession) -> None:
        """Close the tab; the builder's history still has the build."""
        self.build_tabs.remove(session)
        if self.session is session:
            self.show_build(self.build_tabs.current())
        if isinstance(session, BuildSession):
            session.close()
            # The queue owned it: from here on it lives as long as somebody looks at it.
            session.setParent(None)

    def _close_old_builds(self, newest: BuildSession) -> None:
        """Of the builds that ended, an earlier one of the same file and the oldest ones."""
        ended = [
            s
            for s in self.build_tabs.sessions
            if s.status.ended and s is not newest and s is not self.session
        ]
        of_file = (newest.request.dockerfile, newest.request.title)
        for n, session in enumerate(ended):
            same = (session.request.dockerfile, session.request.title) == of_file
            if same or n < len(ended) - _ENDED_TABS:
                self.forget_build(session)

    def _build_chosen(self, session: BuildSession) -> None:
        """Its Dockerfile comes along, so that lines and steps belong together."""
        tab = self.documents.by_path(session.request.dockerfile)
        if tab is not None:
            self.documents.setCurrentWidget(tab)
        self.show_build(session)

    def _build_changed(self, _status: object) -> None:
        self._mark_steps()

    def _mark_steps(self) -> None:
        session = self.session
        if session is None:
            return
        tab = self.documents.by_path(session.request.dockerfile)
        if tab is not None:
            tab.editor.gutter.set_step_marks(step_marks(session.state))

    def _build_moved(self) -> None:
        session = self.session
        if session is None:
            return
        self._mark_steps()
        if session.status is BuildStatus.FAILED:
            self._failure_box.show()
            self.show_panel("log")
            self._point_at_failure(session)

    def _point_at_failure(self, session: BuildSession) -> None:
        tab = self.documents.by_path(session.request.dockerfile)
        ranges = session.error.ranges if session.error is not None else ()
        failed = session.state.failed
        if not ranges and failed is not None:
            ranges = failed.vertex.ranges
        if tab is not None and ranges:
            tab.show_lines(ranges[0])

    # Places

    def _outline_chosen(self, lines: object) -> None:
        tab = self.documents.current()
        if tab is not None:
            tab.editor.go_to(lines.start)  # type: ignore[attr-defined]
            tab.editor.setFocus()

    def _lines_selected(self, lines: object, origin: object) -> None:
        if origin is self:
            return
        tab = self.documents.current()
        if self.session is not None:
            tab = self.documents.by_path(self.session.request.dockerfile) or tab
        if tab is not None:
            self.documents.setCurrentWidget(tab)
            tab.show_lines(lines)  # type: ignore[arg-type]

    def go_to_definition(self, tab: EditorTab, offset: int) -> bool:
        from desktop.editor.navigation import definition_of, symbol_at

        if tab.program is None:
            return False
        symbol = symbol_at(tab.program, offset)
        place = definition_of(tab.program, symbol) if symbol is not None else None
        if place is None:
            return False
        tab.editor.select(place.span.start, place.span.end)
        tab.editor.setFocus()
        return True

    def apply_fix(self, key: str, finding: Finding) -> None:
        tab = self.documents.by_key(key)
        if tab is not None and finding.fix is not None and self._is_current(tab):
            tab.editor.apply_edits(finding.fix.edits)
            self.documents.setCurrentWidget(tab)
            self.ask(at_once=True)

    def apply_all(self, key: str, rule: str) -> None:
        """Every fix of ``rule``; every certain one for ""."""
        from desktop.editor.fixes import chosen_edits

        tab = self.documents.by_key(key)
        if tab is not None and self._is_current(tab):
            tab.editor.apply_edits(chosen_edits(tab.findings, rule))
            self.ask(at_once=True)

    def ignore(self, key: str, finding: Finding) -> None:
        from desktop.editor.fixes import ignore_edit

        tab = self.documents.by_key(key)
        if tab is not None and self._is_current(tab):
            tab.editor.apply_edits((ignore_edit(tab.editor.text(), finding),))
            self.ask(at_once=True)

    def _is_current(self, tab: EditorTab) -> bool:
        """Offsets of findings are only good for the text that was analysed."""
        return tab.analysis is not None and tab.analysis.question.text == tab.editor.text()

    def dockerfile_tab(self) -> EditorTab | None:
        """The file that Build builds: the current one, or the first open Dockerfile."""
        tab = self.documents.current()
        if tab is not None and tab.is_dockerfile:
            return tab
        return next((t for t in self.documents.tabs() if t.is_dockerfile), None)

    def context_folder(self, tab: EditorTab) -> Path:
        return tab.folder or Path.home()
