"""Tables of a few hundred rows, for pages."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem

from desktop.theme import METRICS

SORT_ROLE = Qt.ItemDataRole.UserRole + 1


class SortedItem(QTreeWidgetItem):
    """Sorts by SORT_ROLE where a column has it, by text otherwise."""

    def __lt__(self, other: QTreeWidgetItem) -> bool:
        tree = self.treeWidget()
        column = tree.sortColumn() if tree is not None else 0
        mine, theirs = self.data(column, SORT_ROLE), other.data(column, SORT_ROLE)
        if mine is not None and theirs is not None:
            return bool(mine < theirs)
        return self.text(column).casefold() < other.text(column).casefold()


class Table(QTreeWidget):
    """A tree with headers; ``rows`` may have children."""

    def __init__(self, name: str, headers: Sequence[str], *, stretch: int = 0) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setHeaderLabels(list(headers))
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAlternatingRowColors(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setAllColumnsShowFocus(True)
        self.setMinimumHeight(METRICS.row_height * 5)
        header = self.header()
        header.setStretchLastSection(False)
        for column in range(len(headers)):
            mode = QHeaderView.ResizeMode.ResizeToContents
            header.setSectionResizeMode(
                column, QHeaderView.ResizeMode.Stretch if column == stretch else mode
            )

    def fit(self, *, most: int = 14) -> None:
        """As high as its rows need, up to ``most``."""
        rows = max(2, min(most, self.topLevelItemCount()))
        height = self.header().sizeHint().height() + rows * (METRICS.row_height + 2) + 6
        self.setMinimumHeight(height)


def size_text(size: int) -> str:
    """Bytes as people read them: 12.3 MB (decimal, as registries count)."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return ""


def ago(nanoseconds: int, now: int) -> str:
    """How long ago, in one unit."""
    seconds = max(0, (now - nanoseconds) // 1_000_000_000)
    for limit, divisor, unit in (
        (90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h"), (1 << 62, 86_400, "d"),
    ):  # fmt: skip
        if seconds < limit:
            return f"{seconds // divisor} {unit}"
    return ""
