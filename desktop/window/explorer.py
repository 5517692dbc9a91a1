"""Files of the folder and outline of the file, left of the editor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QDir, QModelIndex, QSortFilterProxyModel, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileSystemModel,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QStackedLayout,
    QToolButton,
    QTreeView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.errors import LineRange
from desktop.editor.navigation import OutlineEntry
from desktop.theme import METRICS, Theme

_RANGE = Qt.ItemDataRole.UserRole


class _NoGit(QSortFilterProxyModel):
    def filterAcceptsRow(self, row: int, parent) -> bool:  # type: ignore[no-untyped-def]
        index = self.sourceModel().index(row, 0, parent)
        return index.data() not in (".git", ".hg", ".svn", "__pycache__", ".DS_Store")


class Explorer(QWidget):
    """Two trees above one another."""

    file_chosen = Signal(object)  # Path
    folder_wanted = Signal()
    line_chosen = Signal(object)  # LineRange

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._icons: list[tuple[QTreeWidgetItem, str]] = []
        self.setMinimumWidth(160)

        self._files = QFileSystemModel(self)
        self._files.setFilter(
            QDir.Filter.AllEntries | QDir.Filter.NoDotAndDotDot | QDir.Filter.Hidden
        )
        self._files.setOption(QFileSystemModel.Option.DontUseCustomDirectoryIcons)
        self._files.setOption(QFileSystemModel.Option.DontWatchForChanges, False)
        self._visible = _NoGit(self)
        self._visible.setSourceModel(self._files)
        self._tree = QTreeView()
        self._tree.setObjectName("files")
        self._tree.setAccessibleName(self.tr("Files of the folder"))
        self._tree.setModel(self._visible)
        self._tree.setHeaderHidden(True)
        self._tree.setIndentation(14)
        self._tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        for column in (1, 2, 3):
            self._tree.setColumnHidden(column, True)
        self._tree.activated.connect(self._open)
        self._tree.clicked.connect(self._open)

        self._no_folder = QWidget()
        hint = QLabel(self.tr("No folder is open."))
        hint.setProperty("role", "muted")
        hint.setWordWrap(True)
        button = QPushButton(self.tr("Open Folder…"))
        button.clicked.connect(self.folder_wanted)
        empty = QVBoxLayout(self._no_folder)
        empty.setContentsMargins(12, 8, 12, 8)
        empty.addWidget(hint)
        empty.addWidget(button)
        empty.addStretch()
        files = QWidget()
        self._stack = QStackedLayout(files)
        self._stack.addWidget(self._no_folder)
        self._stack.addWidget(self._tree)

        self._outline = QTreeWidget()
        self._outline.setObjectName("outline")
        self._outline.setAccessibleName(self.tr("Outline of the file"))
        self._outline.setHeaderHidden(True)
        self._outline.setColumnCount(1)
        self._outline.setIndentation(14)
        self._outline.itemActivated.connect(lambda item, _column: self._jump(item))
        self._outline.itemClicked.connect(lambda item, _column: self._jump(item))
        self._title = QLabel(self.tr("Files"))
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self._section(self._title, files))
        self.splitter.addWidget(self._section(QLabel(self.tr("Outline")), self._outline))
        self.splitter.setSizes([320, 280])
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.splitter)
        theme.changed.connect(self._dress)

    def _section(self, title: QLabel, body: QWidget, button: QToolButton | None = None) -> QWidget:
        title.setProperty("role", "heading")
        section = QWidget()
        row = QHBoxLayout()
        row.setContentsMargins(12, 8, 8, 4)
        row.addWidget(title)
        row.addStretch()
        if button is not None:
            row.addWidget(button)
        box = QVBoxLayout(section)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(METRICS.gap_small)
        box.addLayout(row)
        box.addWidget(body, 1)
        return section

    def set_folder(self, folder: Path | None) -> None:
        if folder is None:
            self._stack.setCurrentIndex(0)
            return
        root = self._files.setRootPath(str(folder))
        self._tree.setRootIndex(self._visible.mapFromSource(root))
        self._visible.sort(0)
        self._title.setText(folder.name or str(folder))
        self._title.setToolTip(str(folder))
        self._stack.setCurrentIndex(1)

    def _open(self, index: QModelIndex) -> None:
        path = Path(self._files.filePath(self._visible.mapToSource(index)))
        if path.is_file():
            self.file_chosen.emit(path)

    def show_outline(self, entries: Sequence[OutlineEntry]) -> None:
        """Replace the outline; folded stages stay folded."""
        tops = (self._outline.topLevelItem(n) for n in range(self._outline.topLevelItemCount()))
        folded = {top.text(0) for top in tops if top is not None and not top.isExpanded()}
        self._outline.clear()
        self._icons = []
        for entry in entries:
            top = self._item(entry)
            self._outline.addTopLevelItem(top)
            for child in entry.children:
                top.addChild(self._item(child))
            top.setExpanded(top.text(0) not in folded)
        self._dress()

    def _item(self, entry: OutlineEntry) -> QTreeWidgetItem:
        text = f"{entry.title}  {entry.detail}" if entry.detail else entry.title
        item = QTreeWidgetItem([text])
        item.setToolTip(0, f"{entry.title} {entry.detail}".strip())
        item.setData(0, _RANGE, entry.range)
        if entry.icon != "editor":
            self._icons.append((item, entry.icon))
        return item

    def _dress(self) -> None:
        for item, icon in self._icons:
            item.setIcon(0, self._theme.icons.get(icon))

    def _jump(self, item: QTreeWidgetItem) -> None:
        lines = item.data(0, _RANGE)
        if isinstance(lines, LineRange):
            self.line_chosen.emit(lines)
