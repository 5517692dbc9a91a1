"""Two builds compared: a table of steps, only the differences unless all are asked for."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from desktop.models.graph import BuildGraph
from desktop.models.graph_words import duration_text
from desktop.models.history_compare import Compared, Difference, compared
from desktop.models.history_differences import COMPARED_ROLE, DifferencesModel
from desktop.models.history_list import when
from desktop.models.history_replay import RecordedBuild
from desktop.selection import Selection
from desktop.theme.theme import Theme

_ROLES = {
    Difference.ONLY_A: "cancelled",
    Difference.ONLY_B: "running",
    Difference.RAN_IN_A: "cancelled",
    Difference.RAN_IN_B: "running",
    Difference.OUTCOME: "failed",
    Difference.SLOWER: "emulated",
    Difference.FASTER: "done",
}


class ComparePanel(QWidget):
    """A is the older of the two."""

    def __init__(self, theme: Theme, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._selection = selection
        self._title = QLabel()
        self._title.setProperty("role", "heading")
        self._title.setWordWrap(True)
        self._sum = QLabel()
        self._sum.setProperty("role", "muted")
        self._sum.setWordWrap(True)
        self._all = QCheckBox(self.tr("Show equal steps too"))
        self._all.toggled.connect(self._filter)
        self._model = DifferencesModel(self)
        self._shown = _Differing(theme, self)
        self._shown.setSourceModel(self._model)
        self.table = QTreeView(self)
        self.table.setModel(self._shown)
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setAccessibleName(self.tr("Differences between two builds"))
        header = self.table.header()
        header.setStretchLastSection(False)
        for column in range(6):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        for column in (0, 5):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        top = QHBoxLayout()
        top.addWidget(self._title, 1)
        top.addWidget(self._all)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addLayout(top)
        box.addWidget(self._sum)
        box.addWidget(self.table, 1)
        self.table.selectionModel().currentChanged.connect(self._chosen)
        theme.changed.connect(self.table.viewport().update)

    def set_builds(self, a: RecordedBuild, b: RecordedBuild) -> None:
        """Compare two builds at their ends."""
        if (a.started or 0) > (b.started or 0):
            a, b = b, a
        rows = compared(_graph(a), _graph(b))
        self._model.set_rows(rows)
        self._filter()
        self._title.setText(
            self.tr("A: {0}, {1}   ·   B: {2}, {3}").format(
                a.summary.title, when(a.started or 0), b.summary.title, when(b.started or 0)
            )
        )
        counts = {d: sum(r.difference is d for r in rows) for d in Difference}
        ran_a = counts[Difference.RAN_IN_A] + counts[Difference.ONLY_A]
        ran_b = counts[Difference.RAN_IN_B] + counts[Difference.ONLY_B]
        self._sum.setText(
            self.tr("A took {0}, B {1}. {2} steps ran in A alone, {3} in B alone, {4} are equal.")
            .format(
                duration_text(a.length), duration_text(b.length), ran_a, ran_b,
                counts[Difference.SAME],
            )
        )  # fmt: skip

    def _filter(self) -> None:
        self._shown.set_all(self._all.isChecked())

    def _chosen(self, index: QModelIndex, _previous: QModelIndex) -> None:
        row = index.data(COMPARED_ROLE)
        if isinstance(row, Compared):
            side = row.b or row.a
            if side is not None:
                self._selection.set_vertex(side.vertex, self)


def _graph(build: RecordedBuild) -> BuildGraph:
    build.seek(build.finished)
    graph = BuildGraph()
    graph.set_state(build.state, tuple(build.request.platforms), ended=True)
    return graph


class _Differing(QSortFilterProxyModel):
    """Hides what is equal; colours the word that says how the rest is not."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._all = False

    def set_all(self, on: bool) -> None:
        self._all = on
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: QModelIndex | QPersistentModelIndex) -> bool:
        found = self.sourceModel().index(row, 0, parent).data(COMPARED_ROLE)
        return self._all or found.difference is not Difference.SAME

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 4:
            found = super().data(index, COMPARED_ROLE)
            name = _ROLES.get(found.difference)
            return QColor(getattr(self._theme.tokens, name)) if name else None
        return super().data(index, role)
