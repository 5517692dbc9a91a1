"""Every finding of the open files, with what fixes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPoint,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QStackedLayout,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.lint.findings import Finding, Severity
from desktop.theme import METRICS, Theme
from desktop.widgets.words import counted

_SORT = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding and the key of the document it is in."""

    key: str
    file: str
    finding: Finding


class ProblemsModel(QAbstractTableModel):
    """Columns: message, place, rule, platforms, fix."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._problems: list[Problem] = []
        self._headers = (
            self.tr("Problem"),
            self.tr("Line"),
            self.tr("Rule"),
            self.tr("Platforms"),
            self.tr("Fix"),
        )
        theme.changed.connect(self._redraw)

    def _redraw(self) -> None:
        if self._problems:
            last = self.index(len(self._problems) - 1, 0)
            self.dataChanged.emit(self.index(0, 0), last, [Qt.ItemDataRole.DecorationRole])

    @property
    def problems(self) -> Sequence[Problem]:
        return self._problems

    def show(self, problems: Sequence[Problem]) -> None:
        self.beginResetModel()
        self._problems = list(problems)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | Any = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._problems)

    def columnCount(self, parent: QModelIndex | Any = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._headers)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._headers[section]
        return None

    def data(self, index: QModelIndex | Any, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        problem = self._problems[index.row()]
        finding = problem.finding
        if role == _SORT:
            return (
                (-finding.severity.rank, problem.file, finding.range.start),
                (problem.file, finding.range.start),
                (finding.rule, finding.range.start),
                (", ".join(finding.platforms), finding.range.start),
                (finding.fix.title if finding.fix else "", finding.range.start),
            )[index.column()]
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return self._theme.icons.get(finding.severity.value, finding.severity.value)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(text for text in (finding.message, finding.detail) if text)
        if role == Qt.ItemDataRole.AccessibleTextRole and index.column() == 0:
            return f"{finding.severity.value}: {finding.message}"
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(problem, index.column())
        return None

    def _text(self, problem: Problem, column: int) -> str:
        finding = problem.finding
        match column:
            case 0:
                return finding.message
            case 1:
                return f"{problem.file}:{finding.range.start}"
            case 2:
                return finding.rule
            case 3:
                return ", ".join(finding.platforms) or self.tr("all")
            case _:
                return finding.fix.title if finding.fix else ""


class _Sorted(QSortFilterProxyModel):
    """Filters by text and severity, sorts by tuples."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._query = ""
        self._hidden: set[Severity] = set()

    def set_query(self, query: str) -> None:
        self._query = query.casefold()
        self.invalidate()

    def set_hidden(self, severity: Severity, hidden: bool) -> None:
        (self._hidden.add if hidden else self._hidden.discard)(severity)
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: QModelIndex | Any) -> bool:
        model = self.sourceModel()
        assert isinstance(model, ProblemsModel)
        problem = model.problems[row]
        if problem.finding.severity in self._hidden:
            return False
        whole = f"{problem.finding.message} {problem.finding.rule} {problem.file}".casefold()
        return self._query in whole

    def lessThan(self, left: QModelIndex | Any, right: QModelIndex | Any) -> bool:
        return bool(left.data(_SORT) < right.data(_SORT))


class ProblemsPanel(QWidget):
    """Double click or Return goes there; Ctrl+. fixes."""

    go_to = Signal(str, int, int)  # document key, line, column
    fix_requested = Signal(str, object)  # document key, Finding
    fix_all_requested = Signal(str, str)  # document key, rule ("" = every fix that is safe)
    ignore_requested = Signal(str, object)  # document key, Finding
    count_changed = Signal(int, int)  # errors, all

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._by_key: dict[str, tuple[str, tuple[Finding, ...]]] = {}
        self._model = ProblemsModel(theme, self)
        self._sorted = _Sorted(self)
        self._sorted.setSourceModel(self._model)
        self._sorted.sort(0)
        self._table = QTableView()
        self._table.setAccessibleName(self.tr("Problems"))
        self._table.setModel(self._sorted)
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._table.setShowGrid(False)
        self._table.setSortingEnabled(True)
        self._table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self._table.setWordWrap(False)
        self._table.setTabKeyNavigation(False)
        self._table.verticalHeader().hide()
        self._table.verticalHeader().setDefaultSectionSize(METRICS.row_height)
        header = self._table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, width in ((1, 130), (2, 190), (3, 170), (4, 230)):
            header.resizeSection(column, width)
        self._table.activated.connect(self._activated)
        self._table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._table.customContextMenuRequested.connect(self._menu)
        self._table.selectionModel().selectionChanged.connect(lambda *_: self._selection_changed())

        self._filter = QLineEdit()
        self._filter.setPlaceholderText(self.tr("Filter"))
        self._filter.setAccessibleName(self.tr("Filter problems"))
        self._filter.setClearButtonEnabled(True)
        self._filter.setMaximumWidth(260)
        self._filter.textChanged.connect(self._sorted.set_query)
        self._toggles: dict[Severity, QToolButton] = {}
        bar = QHBoxLayout()
        bar.setContentsMargins(8, 4, 8, 4)
        bar.setSpacing(4)
        for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO):
            bar.addWidget(self._toggle(severity))
        bar.addSpacing(8)
        bar.addWidget(self._filter)
        bar.addStretch()
        self._fix = QPushButton(self.tr("Fix"))
        self._fix.setToolTip(self.tr("Apply the fix of the selected problem (Ctrl+.)"))
        self._fix.clicked.connect(self._fix_selected)
        self._fix_all = QPushButton(self.tr("Fix All"))
        self._fix_all.setToolTip(self.tr("Apply every fix that is certain"))
        self._fix_all.clicked.connect(self._fix_everything)
        bar.addWidget(self._fix)
        bar.addWidget(self._fix_all)
        self._empty = QLabel(self.tr("No problems were found in the open files."))
        self._empty.setProperty("role", "muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        body = QWidget()
        self._stack = QStackedLayout(body)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._table)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(bar)
        box.addWidget(body, 1)
        theme.changed.connect(self._dress)
        self._dress()
        self._show()

    def _toggle(self, severity: Severity) -> QToolButton:
        button = QToolButton()
        button.setCheckable(True)
        button.setChecked(True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.toggled.connect(lambda on, s=severity: self._sorted.set_hidden(s, not on))
        self._toggles[severity] = button
        return button

    def _dress(self) -> None:
        for severity, button in self._toggles.items():
            button.setIcon(self._theme.icons.get(severity.value, severity.value))

    def set_findings(self, key: str, file: str, findings: tuple[Finding, ...]) -> None:
        """The findings of one open document."""
        self._by_key[key] = (file, findings)
        self._show()

    def forget(self, key: str) -> None:
        """The document was closed."""
        self._by_key.pop(key, None)
        self._show()

    def _show(self) -> None:
        selected = self.selected()
        problems = [
            Problem(key, file, finding)
            for key, (file, findings) in self._by_key.items()
            for finding in findings
        ]
        self._model.show(problems)
        counts = {s: sum(p.finding.severity is s for p in problems) for s in Severity}
        words = {
            Severity.ERROR: counted(
                counts[Severity.ERROR], self.tr("1 error"), self.tr("%n errors")
            ),
            Severity.WARNING: counted(
                counts[Severity.WARNING], self.tr("1 warning"), self.tr("%n warnings")
            ),
            Severity.INFO: counted(counts[Severity.INFO], self.tr("1 note"), self.tr("%n notes")),
        }
        for severity, button in self._toggles.items():
            button.setText(str(counts[severity]))
            button.setAccessibleName(words[severity])
            button.setToolTip(words[severity])
        self._stack.setCurrentIndex(1 if problems else 0)
        self._fix_all.setEnabled(any(p.finding.fix is not None for p in problems))
        if selected is not None and selected in problems:
            row = self._sorted.mapFromSource(self._model.index(problems.index(selected), 0)).row()
            if row >= 0:
                self._table.selectRow(row)
        self._selection_changed()
        self.count_changed.emit(counts[Severity.ERROR], len(problems))

    def selected(self) -> Problem | None:
        index = self._table.currentIndex()
        if not index.isValid():
            return None
        row = self._sorted.mapToSource(index).row()
        return self._model.problems[row] if row < len(self._model.problems) else None

    def _selection_changed(self) -> None:
        problem = self.selected()
        self._fix.setEnabled(problem is not None and problem.finding.fix is not None)

    def _activated(self, index: QModelIndex) -> None:
        problem = self._model.problems[self._sorted.mapToSource(index).row()]
        lines = problem.finding.range
        self.go_to.emit(problem.key, lines.start, lines.start_column)

    def _fix_selected(self) -> None:
        problem = self.selected()
        if problem is not None and problem.finding.fix is not None:
            self.fix_requested.emit(problem.key, problem.finding)

    def _fix_everything(self) -> None:
        for key in tuple(self._by_key):
            self.fix_all_requested.emit(key, "")

    def _menu(self, point: QPoint) -> None:
        problem = self.selected()
        if problem is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        finding = problem.finding
        if finding.fix is not None:
            menu.addAction(
                self.tr("Fix: %1").replace("%1", finding.fix.title),
                lambda: self.fix_requested.emit(problem.key, finding),
            )
            menu.addAction(
                self.tr("Fix All of This Kind"),
                lambda: self.fix_all_requested.emit(problem.key, finding.rule),
            )
        menu.addAction(
            self.tr("Ignore Here"), lambda: self.ignore_requested.emit(problem.key, finding)
        )
        menu.addSeparator()
        menu.addAction(
            self.tr("Copy Message"),
            lambda: QGuiApplication.clipboard().setText(f"{finding.rule}: {finding.message}"),
        )
        menu.popup(self._table.viewport().mapToGlobal(point))
