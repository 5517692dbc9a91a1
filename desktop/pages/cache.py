"""The Cache page: what takes space, by kind, and pruning with a preview."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QTreeWidgetItem,
    QWidget,
)

from core.wire.pb import control_pb2
from desktop.pages.base import EnginePage
from desktop.theme import METRICS
from desktop.widgets.flow import FlowLayout
from desktop.widgets.form import card, clear, label, row
from desktop.widgets.table import SORT_ROLE, SortedItem, Table, ago, size_text

if TYPE_CHECKING:
    from desktop.window.main_window import MainWindow

_RECORD = Qt.ItemDataRole.UserRole + 2
_MOST_ROWS = 2000


def make(window: MainWindow) -> QWidget:
    return CachePage(window)


class CachePage(EnginePage):
    def __init__(self, window: MainWindow) -> None:
        super().__init__(
            window,
            self.tr("Cache"),
            self.tr("Results of steps, cache mounts and sources that the builder keeps."),
        )
        self._records: list[control_pb2.UsageRecord] = []
        self.add_button(self.tr("Refresh"), self.shown, icon="refresh")
        self._tiles_box = QWidget()
        self._tiles = FlowLayout(self._tiles_box, spacing=12)
        self.body.addWidget(self._tiles_box)
        self._age = QComboBox()
        self._age.setAccessibleName(self.tr("What to prune"))
        for text, hours in (
            (self.tr("everything that is not in use"), 0),
            (self.tr("what was not used for a day"), 24),
            (self.tr("what was not used for a week"), 24 * 7),
            (self.tr("what was not used for 30 days"), 24 * 30),
        ):
            self._age.addItem(text, hours)
        self._preview = QPushButton(self.tr("Preview"))
        self._preview.clicked.connect(lambda: self.run(self._show_preview))
        self._prune = QPushButton(self.tr("Prune…"))
        self._prune.setProperty("role", "danger")
        self._prune.clicked.connect(lambda: self.run(self._ask_prune))
        self._result = label("", "muted")
        frame, box = card()
        box.addLayout(
            row(label(self.tr("Prune"), "heading"), self._age, self._preview, self._prune,
                self._result, 1)
        )  # fmt: skip
        self.body.addWidget(frame)
        self._filter = QLineEdit()
        self._filter.setPlaceholderText(self.tr("Filter by step or kind"))
        self._filter.setAccessibleName(self.tr("Filter cache records"))
        self._filter.setFixedWidth(300)
        self._filter.textChanged.connect(lambda _text: self._fill())
        self._remove = QPushButton(self.tr("Remove Selected"))
        self._remove.setEnabled(False)
        self._remove.clicked.connect(lambda: self.run(self._remove_selected))
        self.body.addLayout(row(self._filter, 1, self._remove))
        self._table = Table(
            self.tr("Cache records"),
            (
                self.tr("Step"), self.tr("Kind"), self.tr("Size"), self.tr("Last used"),
                self.tr("Uses"), self.tr("State"),
            ),
        )  # fmt: skip
        self._table.setSortingEnabled(True)
        self._table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
        self._table.setMinimumHeight(METRICS.row_height * 14)
        self._table.itemSelectionChanged.connect(
            lambda: self._remove.setEnabled(bool(self._table.selectedItems()))
        )
        self.body.addWidget(self._table)

    async def load(self) -> None:
        builder = await self.context.engine.builder()
        self._records = await builder.disk_usage()
        self._show_tiles()
        self._fill()

    def _show_tiles(self) -> None:
        clear(self._tiles)
        kinds: dict[str, tuple[int, int]] = {}
        for record in self._records:
            kind = record.RecordType or self.tr("other")
            size, count = kinds.get(kind, (0, 0))
            kinds[kind] = (size + record.Size, count + 1)
        whole = sum(record.Size for record in self._records)
        tiles = [(self.tr("All"), whole, len(self._records))]
        tiles += [(kind_text(k), *v) for k, v in sorted(kinds.items(), key=lambda i: -i[1][0])]
        for title, size, count in tiles:
            frame, box = card(spacing=2)
            frame.setMinimumWidth(150)
            box.addWidget(label(title, "muted"))
            box.addWidget(label(size_text(size), "title"))
            records = self.tr("1 record") if count == 1 else self.tr("%1 records")
            box.addWidget(label(records.replace("%1", str(count)), "muted"))
            self._tiles.addWidget(frame)
        self._tiles_box.updateGeometry()

    def _fill(self) -> None:
        query = self._filter.text().casefold()
        now = time.time_ns()
        self._table.setSortingEnabled(False)
        self._table.clear()
        shown = [
            r for r in self._records
            if query in r.Description.casefold() or query in r.RecordType.casefold()
        ]  # fmt: skip
        for record in shown[:_MOST_ROWS]:
            used = record.LastUsedAt.ToNanoseconds() or record.CreatedAt.ToNanoseconds()
            item = SortedItem(
                [
                    record.Description or record.ID,
                    kind_text(record.RecordType),
                    size_text(record.Size),
                    self.tr("%1 ago").replace("%1", ago(used, now)) if used else "",
                    str(record.UsageCount),
                    self.tr("in use") if record.InUse else "",
                ]
            )
            item.setToolTip(0, f"{record.Description}\n{record.ID}".strip())
            item.setData(0, _RECORD, record.ID)
            item.setData(2, SORT_ROLE, record.Size)
            item.setData(3, SORT_ROLE, used)
            item.setData(4, SORT_ROLE, record.UsageCount)
            self._table.addTopLevelItem(item)
        self._table.setSortingEnabled(True)

    def _request(self, *, preview: bool, ids: tuple[str, ...] = ()) -> control_pb2.PruneRequest:
        hours = int(self._age.currentData())
        return control_pb2.PruneRequest(
            all=True,
            keepDuration=0 if ids else hours * 3600 * 1_000_000_000,
            filter=[f"id=={text}" for text in ids],
            preview=preview,
        )

    async def _collect(self, request: control_pb2.PruneRequest) -> tuple[int, int]:
        """(records, bytes) of a prune or its preview."""
        builder = await self.context.engine.builder()
        count = size = 0
        async for record in builder.prune(request):
            count += 1
            size += record.Size
        return count, size

    async def _show_preview(self) -> tuple[int, int]:
        if not self.context.engine.is_embedded:
            self._result.setText(self.tr("This builder has no preview."))
            return 0, 0
        count, size = await self._collect(self._request(preview=True))
        self._result.setText(
            self.tr("%1 records, %2, would go.")
            .replace("%1", str(count))
            .replace("%2", size_text(size))
        )
        return count, size

    async def _ask_prune(self) -> None:
        count, size = await self._show_preview()
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setText(self.tr("Prune the cache: %1?").replace("%1", self._age.currentText()))
        if self.context.engine.is_embedded:
            box.setInformativeText(
                self.tr("%1 records, %2. The next build runs those steps again.")
                .replace("%1", str(count))
                .replace("%2", size_text(size))
            )
        prune = box.addButton(self.tr("Prune"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.buttonClicked.connect(
            lambda button: self.run(self._do_prune) if button is prune else None
        )
        box.open()

    async def _do_prune(self) -> None:
        count, size = await self._collect(self._request(preview=False))
        await self.load()
        self._result.setText("")
        self.say(
            self.tr("%1 records were removed, %2 are free again.")
            .replace("%1", str(count))
            .replace("%2", size_text(size))
        )

    async def _remove_selected(self) -> None:
        chosen: list[QTreeWidgetItem] = self._table.selectedItems()
        ids = tuple(str(item.data(0, _RECORD)) for item in chosen)
        if ids:
            await self._collect(self._request(preview=False, ids=ids))
            await self.load()


def kind_text(kind: str) -> str:
    """BuildKit's record types as people call them."""
    return {
        "regular": "steps",
        "internal": "internal",
        "frontend": "frontends",
        "source.local": "local contexts",
        "source.git.checkout": "git checkouts",
        "exec.cachemount": "cache mounts",
    }.get(kind, kind)
