"""The builds of a builder and of imported files, newest first, as an item model."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QDateTime,
    QLocale,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from desktop.builds import BuildStatus
from desktop.models.graph_words import duration_text, short_platform
from desktop.models.history import BuildSummary

_Index = QModelIndex | QPersistentModelIndex
REF_ROLE = int(Qt.ItemDataRole.UserRole)
TEXT_ROLE = REF_ROLE + 1
"""Everything that a filter looks at."""


class HistoryModel(QAbstractTableModel):
    """Columns: build, state, platforms, started, time, steps."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._builds: list[BuildSummary] = []
        self._rows: dict[str, int] = {}

    def clear(self) -> None:
        self.set_builds(())

    def set_builds(self, builds: Iterable[BuildSummary]) -> None:
        self.beginResetModel()
        self._builds = sorted(builds, key=lambda b: -b.created)
        self._number()
        self.endResetModel()

    def put(self, build: BuildSummary) -> None:
        """Add a build or show its present state."""
        row = self._rows.get(build.ref)
        if row is not None:
            self._builds[row] = build
            self.dataChanged.emit(self.index(row, 0), self.index(row, 5))
            return
        at = next(
            (i for i, b in enumerate(self._builds) if b.created <= build.created),
            len(self._builds),
        )
        self.beginInsertRows(QModelIndex(), at, at)
        self._builds.insert(at, build)
        self._number()
        self.endInsertRows()

    def remove(self, ref: str) -> BuildSummary | None:
        """Take a build out of the list; None when it is not in it."""
        row = self._rows.get(ref)
        if row is None:
            return None
        self.beginRemoveRows(QModelIndex(), row, row)
        build = self._builds.pop(row)
        self._number()
        self.endRemoveRows()
        return build

    def build(self, ref: str) -> BuildSummary | None:
        row = self._rows.get(ref)
        return self._builds[row] if row is not None else None

    def _number(self) -> None:
        self._rows = {b.ref: i for i, b in enumerate(self._builds)}

    def rowCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._builds)

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
            self.tr("Build"),
            self.tr("State"),
            self.tr("Platforms"),
            self.tr("Started"),
            self.tr("Time"),
            self.tr("Steps"),
        )
        return names[section]

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        build = self._builds[index.row()]
        if role == REF_ROLE:
            return build.ref
        if role == TEXT_ROLE:
            words = (build.title, build.ref, build.status.value, build.target, build.problem)
            return " ".join((*words, *build.platforms, *build.tags)).lower()
        if role == Qt.ItemDataRole.ToolTipRole:
            return build.problem or build.ref
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(build, index.column())
        return None

    def _text(self, build: BuildSummary, column: int) -> str:
        match column:
            case 0:
                return build.title
            case 1:
                return self.status_words(build.status)
            case 2:
                return ", ".join(short_platform(p) for p in build.platforms)
            case 3:
                return when(build.created)
            case 4:
                return "" if build.seconds is None else duration_text(build.seconds)
            case _:
                if not build.steps:
                    return ""
                return self.tr("{0}, {1} cached").format(build.steps, build.cached)

    def status_words(self, status: BuildStatus) -> str:
        return {
            BuildStatus.QUEUED: self.tr("queued"),
            BuildStatus.RUNNING: self.tr("running"),
            BuildStatus.DONE: self.tr("done"),
            BuildStatus.FAILED: self.tr("failed"),
            BuildStatus.CANCELLED: self.tr("cancelled"),
        }[status]


def when(nanoseconds: int) -> str:
    """The time of day for today's, the date for older ones; "" for 0."""
    if not nanoseconds:
        return ""
    moment = QDateTime.fromMSecsSinceEpoch(nanoseconds // 1_000_000)
    today = QDateTime.fromMSecsSinceEpoch(int(time.time() * 1000)).date()
    locale = QLocale()
    if moment.date() == today:
        return locale.toString(moment.time(), QLocale.FormatType.ShortFormat)
    return locale.toString(moment, QLocale.FormatType.ShortFormat)
