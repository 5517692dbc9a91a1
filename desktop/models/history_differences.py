"""The comparison of two builds as an item model."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from desktop.models.graph_words import duration_text, short_platform
from desktop.models.history_compare import Compared, Difference, Side

_Index = QModelIndex | QPersistentModelIndex
COMPARED_ROLE = int(Qt.ItemDataRole.UserRole)


class DifferencesModel(QAbstractTableModel):
    """Columns: step, platform, A, B, difference, why. ``COMPARED_ROLE`` gives the Compared."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[Compared, ...] = ()

    def set_rows(self, rows: tuple[Compared, ...]) -> None:
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def rowCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else 6

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        if role != Qt.ItemDataRole.DisplayRole or orientation is not Qt.Orientation.Horizontal:
            return None
        names = (
            self.tr("Step"), self.tr("Platform"), self.tr("A"), self.tr("B"),
            self.tr("Difference"), self.tr("Why"),
        )  # fmt: skip
        return names[section]

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == COMPARED_ROLE:
            return row
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{row.stage}\n{row.title}" if row.stage else row.title
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        match index.column():
            case 0:
                return f"{row.stage}: {row.title}" if row.stage else row.title
            case 1:
                return short_platform(row.platform)
            case 2:
                return self._side(row.a)
            case 3:
                return self._side(row.b)
            case 4:
                return self._difference(row)
            case _:
                return self._reason(row)

    def _side(self, side: Side | None) -> str:
        from desktop.panels.graph_looks import status_words

        if side is None:
            return "—"
        words = status_words(side.status)
        if side.seconds is not None and side.seconds >= 0.05:
            words += f" {duration_text(side.seconds)}"
        return words

    def _difference(self, row: Compared) -> str:
        match row.difference:
            case Difference.ONLY_A:
                return self.tr("only in A")
            case Difference.ONLY_B:
                return self.tr("only in B")
            case Difference.RAN_IN_A:
                return self.tr("ran in A only")
            case Difference.RAN_IN_B:
                return self.tr("ran in B only")
            case Difference.OUTCOME:
                return self.tr("another outcome")
            case Difference.SLOWER:
                return self.tr("{0} slower in B").format(duration_text(row.delta))
            case Difference.FASTER:
                return self.tr("{0} faster in B").format(duration_text(-row.delta))
            case Difference.SAME:
                return ""

    @staticmethod
    def _reason(row: Compared) -> str:
        """The reason of the build in which it ran; of B where it ran in both."""
        first = row.a if row.difference is Difference.RAN_IN_A else row.b
        for side in (first, row.b, row.a):
            if side is not None and side.reason:
                return side.reason
        return ""
