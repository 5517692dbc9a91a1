"""The graph as a tree of stages, steps and platforms, for lists and screen readers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from desktop.graph.look import Look
from desktop.models.graph import BuildGraph

_Index = QModelIndex | QPersistentModelIndex


@dataclass(slots=True)
class _Row:
    """``node`` is "" for a stage; ``chip`` is -1 but for a platform below a step."""

    parent: _Row | None
    position: int
    title: str
    node: str = ""
    chip: int = -1
    children: list[_Row] | None = None


class GraphTreeModel(QAbstractItemModel):
    """Columns: step, state, time, how it runs. ``UserRole`` is the node's id."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stages: list[_Row] = []
        self._of_node: dict[str, _Row] = {}
        self._looks: dict[str, Look] = {}

    def set_graph(self, graph: BuildGraph, looks: dict[str, Look]) -> None:
        """Show another shape."""
        self.beginResetModel()
        self._looks = looks
        self._stages = []
        self._of_node = {}
        stages: dict[str, _Row] = {}
        for node in graph.shape.nodes.values():
            stage = stages.get(node.stage)
            if stage is None:
                title = node.stage or self.tr("Builder")
                stage = _Row(None, len(self._stages), title, children=[])
                stages[node.stage] = stage
                self._stages.append(stage)
            assert stage.children is not None
            row = _Row(stage, len(stage.children), node.title, node.id, children=[])
            stage.children.append(row)
            self._of_node[node.id] = row
            chips = looks[node.id].chips if node.id in looks else ()
            if len(chips) > 1:
                row.children = [_Row(row, n, chip.text, node.id, n) for n, chip in enumerate(chips)]
        self.endResetModel()

    def update_looks(self, looks: dict[str, Look], names: frozenset[str]) -> None:
        """What these nodes show changed, not their number."""
        self._looks = looks
        for name in names:
            row = self._of_node.get(name)
            if row is not None:
                self.dataChanged.emit(self._index(row, 0), self._index(row, 3))
                if row.children:
                    first, last = row.children[0], row.children[-1]
                    self.dataChanged.emit(self._index(first, 0), self._index(last, 3))

    def index_of(self, node: str) -> QModelIndex:
        row = self._of_node.get(node)
        return self._index(row, 0) if row is not None else QModelIndex()

    def _index(self, row: _Row, column: int) -> QModelIndex:
        return self.createIndex(row.position, column, row)

    def _row(self, index: _Index) -> _Row:
        row = index.internalPointer()
        assert isinstance(row, _Row)
        return row

    def _children(self, parent: _Index) -> list[_Row]:
        if not parent.isValid():
            return self._stages
        if parent.column() > 0:
            return []
        return self._row(parent).children or []

    def index(self, row: int, column: int, parent: _Index | None = None) -> QModelIndex:
        children = self._children(parent if parent is not None else QModelIndex())
        if 0 <= row < len(children) and 0 <= column < 4:
            return self.createIndex(row, column, children[row])
        return QModelIndex()

    def parent(self, index: _Index | None = None) -> Any:
        if index is None:
            return super().parent()
        if not index.isValid():
            return QModelIndex()
        above = self._row(index).parent
        return self._index(above, 0) if above is not None else QModelIndex()

    def rowCount(self, parent: _Index | None = None) -> int:
        return len(self._children(parent if parent is not None else QModelIndex()))

    def columnCount(self, parent: _Index | None = None) -> int:
        return 4

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            names = (self.tr("Step"), self.tr("State"), self.tr("Time"), self.tr("Runs"))
            return names[section]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self._row(index)
        look = self._looks.get(row.node)
        if role == Qt.ItemDataRole.UserRole:
            return row.node
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, look, index.column())
        if look is None:
            return None
        if role == Qt.ItemDataRole.ToolTipRole:
            return look.description
        if role == Qt.ItemDataRole.AccessibleTextRole and index.column() == 0 and row.chip < 0:
            return f"{look.title}, {look.status}"
        return None

    def _text(self, row: _Row, look: Look | None, column: int) -> str:
        if column == 0:
            return look.title if look is not None and row.chip < 0 else row.title
        if look is None:
            return ""
        if row.chip >= 0:
            chip = look.chips[row.chip] if row.chip < len(look.chips) else None
            return chip.state if chip is not None and column == 1 else ""
        if column == 1:
            return look.status
        if column == 2:
            return look.time
        return look.badge[1] if look.badge is not None else ""
