"""The matrix: steps down, platforms across, what became or will become of each pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from core.progress.messages import Mode
from desktop.graph.ranks import links, longest
from desktop.models.graph import BuildGraph
from desktop.models.graph_entries import Kind
from desktop.models.graph_status import Status
from desktop.models.graph_words import duration_text, short_platform

_Index = QModelIndex | QPersistentModelIndex
CELL_ROLE = int(Qt.ItemDataRole.UserRole) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One step on one platform. ``shared`` counts the other platforms of the same vertex."""

    status: Status
    mode: Mode = Mode.NONE
    interpreter: str = ""
    possible: bool = True
    seconds: float | None = None
    shared: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    step: str
    stage: str
    title: str
    first: bool
    """Whether it is the first row of its stage."""
    cells: tuple[tuple[str, Cell | None], ...]
    """Entry id and cell for each platform; ("", None) where the step has no such platform."""


def rows(graph: BuildGraph, now: int) -> tuple[Row, ...]:
    """The matrix of every step that works for a platform, in order."""
    platforms = graph.platforms
    steps: dict[str, dict[str, str]] = {}
    for entry in graph.entries.values():
        if entry.kind is not Kind.INTERNAL and entry.platforms:
            cells = steps.setdefault(entry.step, {})
            for platform in entry.platforms:
                cells.setdefault(platform, entry.id)
    found = []
    stage = None
    for step in _by_stage(graph, steps):
        cells = steps[step]
        entry = graph.entries[next(iter(cells.values()))]
        found.append(
            Row(
                step=step,
                stage=entry.stage,
                title=entry.title,
                first=entry.stage != stage,
                cells=tuple(
                    (cells[p], _cell(graph, cells[p], now)) if p in cells else ("", None)
                    for p in platforms
                ),
            )
        )
        stage = entry.stage
    return tuple(found)


def _by_stage(graph: BuildGraph, steps: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The steps of a stage together; a stage before those that stand on it."""
    ids = list(graph.entries)
    index = {e: i for i, e in enumerate(ids)}
    pairs = [
        (index[source], index[e.id])
        for e in graph.entries.values()
        for source in e.inputs
        if source in index
    ]
    rank = longest(links(len(ids), pairs))
    first: dict[str, int] = {}
    for cells in steps.values():
        for id_ in cells.values():
            stage = graph.entries[id_].stage
            first[stage] = min(first.get(stage, 1 << 30), rank[index[id_]])
    stages = {
        step: graph.entries[next(iter(cells.values()))].stage for step, cells in steps.items()
    }
    order = {stage: n for n, stage in enumerate(dict.fromkeys(stages.values()))}
    return sorted(steps, key=lambda s: (first[stages[s]], order[stages[s]]))


def _cell(graph: BuildGraph, id_: str, now: int) -> Cell:
    entry = graph.entries[id_]
    seen = graph.vertex(id_)
    ran = seen is not None and bool(seen.intervals)
    return Cell(
        status=graph.entry_status(id_),
        mode=entry.mode,
        interpreter=entry.interpreter,
        possible=entry.possible,
        seconds=seen.duration(now) / 1e9 if seen is not None and ran else None,
        shared=len(entry.platforms) - 1,
        reason=seen.vertex.reason if seen is not None else "",
    )


class MatrixModel(QAbstractTableModel):
    """Column 0 is the step. ``CELL_ROLE`` gives a Cell, ``UserRole`` an entry id."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[Row, ...] = ()
        self._platforms: tuple[str, ...] = ()

    def set_rows(self, found: tuple[Row, ...], platforms: tuple[str, ...]) -> None:
        """Show another state; the view keeps its place when steps and platforms are the same."""
        same = platforms == self._platforms and [r.step for r in found] == [
            r.step for r in self._rows
        ]
        if not same:
            self.beginResetModel()
            self._rows, self._platforms = found, platforms
            self.endResetModel()
            return
        old, self._rows = self._rows, found
        for n, (a, b) in enumerate(zip(old, found, strict=True)):
            if a != b:
                self.dataChanged.emit(self.index(n, 0), self.index(n, len(platforms)))

    def row(self, number: int) -> Row:
        return self._rows[number]

    def rowCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._platforms) + 1

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole and section == 0:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation is Qt.Orientation.Vertical:
            return str(section + 1)
        if section == 0:
            return self.tr("Step")
        if section <= len(self._platforms):
            return short_platform(self._platforms[section - 1])
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if index.column() == 0:
            if role == Qt.ItemDataRole.DisplayRole:
                return row.title
            if role == Qt.ItemDataRole.ToolTipRole:
                return f"{row.stage}\n{row.title}" if row.stage else row.title
            return row.step if role == Qt.ItemDataRole.UserRole else None
        entry, cell = row.cells[index.column() - 1]
        if role == Qt.ItemDataRole.UserRole:
            return entry
        if role == CELL_ROLE:
            return cell
        if cell is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return "" if cell.seconds is None else duration_text(cell.seconds)
        return None
