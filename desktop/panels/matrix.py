"""The matrix as a table: colour, icon and word in every cell."""

from __future__ import annotations

from PySide6.QtCore import (
    QCoreApplication,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QHelpEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QToolTip,
    QWidget,
)

from core.progress.messages import Mode
from desktop.models.graph import BuildGraph
from desktop.models.graph_status import Status
from desktop.models.graph_words import duration_text, interpreter_name
from desktop.models.lanes_matrix import CELL_ROLE, Cell, MatrixModel, rows
from desktop.panels.graph_looks import mode_words, status_words
from desktop.selection import Selection
from desktop.theme.theme import Theme

_ROW = 26
_STEP = 230
_NARROW = 78
_WIDE = 116
_STAGE = 76


class MatrixPanel(QTableView):
    """Follows a BuildGraph that its owner keeps; call ``refresh`` after a change."""

    def __init__(self, theme: Theme, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._selection = selection
        self._graph = BuildGraph()
        self._model = MatrixModel(self)
        self.setModel(self._model)
        self.setItemDelegate(_CellDelegate(theme, self))
        self.setAccessibleName(self.tr("Steps by platform"))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setMinimumSectionSize(_NARROW)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.selectionModel().currentChanged.connect(self._chosen)
        selection.vertex_changed.connect(self._selected_elsewhere)
        theme.changed.connect(self.viewport().update)

    def set_graph(self, graph: BuildGraph) -> None:
        self._graph = graph

    def refresh(self, now: int) -> None:
        """Read the graph again; ``now`` is nanoseconds since the epoch."""
        self._model.set_rows(rows(self._graph, now), self._graph.platforms)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Platforms get what they need, the steps the rest, and never less than a few words."""
        header = self.horizontalHeader()
        count = header.count() - 1
        if count < 1:
            return
        room = self.viewport().width()
        width = max(_NARROW, min(_WIDE, (room - _STEP) // count))
        for column in range(1, count + 1):
            if header.sectionSize(column) != width:
                header.resizeSection(column, width)
        header.resizeSection(0, max(_STEP, room - count * width))

    def _chosen(self, index: QModelIndex, _previous: QModelIndex) -> None:
        if not index.isValid():
            return
        row = self._model.row(index.row())
        entry = index.data(Qt.ItemDataRole.UserRole) or ""
        if index.column() == 0:
            entry = next((e for e, cell in row.cells if cell is not None), "")
        found = self._graph.entries.get(entry)
        if found is None:
            return
        if index.column() > 0:
            self._selection.set_platform(self._graph.platforms[index.column() - 1], self)
        running = self._graph.vertex(entry) is not None
        self._selection.set_vertex(found.vertex if running else found.step, self)
        if found.ranges:
            self._selection.set_lines(found.ranges[0], self)

    def _selected_elsewhere(self, vertex: str, origin: object) -> None:
        if origin is self or not vertex:
            return
        for n in range(self._model.rowCount()):
            row = self._model.row(n)
            for column, (entry, _) in enumerate(row.cells, 1):
                found = self._graph.entries.get(entry)
                if found is not None and vertex in {found.vertex, found.step}:
                    blocked = self.selectionModel().blockSignals(True)
                    self.setCurrentIndex(self._model.index(n, column))
                    self.selectionModel().blockSignals(blocked)
                    self.viewport().update()
                    return


class _CellDelegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, parent: MatrixPanel) -> None:
        super().__init__(parent)
        self._theme = theme
        self._panel = parent

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(104, _ROW)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        tokens = self._theme.tokens
        rect: QRect = option.rect
        row = self._panel._model.row(index.row())
        painter.save()
        painter.fillRect(rect, QColor(tokens.surface))
        if row.first and index.row():
            painter.setPen(QColor(tokens.border))
            painter.drawLine(rect.topLeft(), rect.topRight())
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if index.column() == 0:
            self._step(painter, rect, row.stage if row.first else "", row.title, selected)
        else:
            self._cell(painter, rect, index.data(CELL_ROLE), selected)
        painter.restore()

    def _step(self, painter: QPainter, rect: QRect, stage: str, title: str, selected: bool) -> None:
        tokens = self._theme.tokens
        if selected:
            painter.fillRect(rect, QColor(tokens.selection))
        font = QFont(painter.font())
        room = rect.adjusted(8, 0, -6, 0)
        if stage:
            bold = QFont(font)
            bold.setBold(True)
            painter.setFont(bold)
            painter.setPen(QColor(tokens.text_muted))
            name = painter.fontMetrics().elidedText(stage, Qt.TextElideMode.ElideRight, _STAGE)
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, name)
        painter.setFont(font)
        room = room.adjusted(_STAGE + 8, 0, 0, 0)
        painter.setPen(QColor(tokens.selection_text if selected else tokens.text))
        text = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)

    def _cell(self, painter: QPainter, rect: QRect, cell: Cell | None, selected: bool) -> None:
        if cell is None:
            return
        tokens, token = self._theme.tokens, cell.status.token
        box = QRectF(rect).adjusted(2, 2, -2, -2)
        planned = cell.status is Status.PLANNED
        mode = cell.mode.value if cell.mode in {Mode.EMULATED, Mode.CROSS} else ""
        if not cell.possible and not cell.status.finished:
            mode = "failed"
        colour = getattr(tokens, mode if planned and mode else token)
        soft = getattr(tokens, f"{mode if planned and mode else token}_soft")
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(tokens.accent) if selected else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(soft))
        painter.drawRoundedRect(box, 4, 4)
        icon = mode or "native" if planned and cell.mode is not Mode.NONE else token
        at = QRectF(box.x() + 5, box.center().y() - 7, 14, 14)
        if not planned or cell.mode is not Mode.NONE:
            self._theme.icons.paint(painter, at, icon, colour)
        right = box.right() - 4
        if mode and not planned:
            right -= 16
            spot = QRectF(right, box.center().y() - 6, 12, 12)
            self._theme.icons.paint(painter, spot, mode, getattr(tokens, mode))
        painter.setPen(QColor(colour))
        room = QRectF(box.x() + 23, box.y(), right - box.x() - 25, box.height())
        text = painter.fontMetrics().elidedText(
            _words(cell), Qt.TextElideMode.ElideRight, int(room.width())
        )
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        cell = index.data(CELL_ROLE)
        if cell is None:
            return super().helpEvent(event, view, option, index)
        lines = [status_words(cell.status), mode_words(cell.mode, cell.interpreter)]
        if cell.shared:
            lines.append(self.tr("shared with %n other platforms", "", cell.shared))
        lines.append(cell.reason)
        QToolTip.showText(event.globalPos(), "\n".join(line for line in lines if line), view)
        return True


def _words(cell: Cell) -> str:
    if not cell.possible and not cell.status.finished:
        return QCoreApplication.translate("Matrix", "cannot run")
    if cell.status is Status.PLANNED:
        if cell.mode is Mode.EMULATED:
            return interpreter_name(cell.interpreter) or mode_words(cell.mode)
        if cell.mode is Mode.CROSS:
            return mode_words(cell.mode).partition(":")[0]
        return mode_words(cell.mode)
    if cell.seconds is not None and cell.status not in {Status.CACHED, Status.SKIPPED}:
        return duration_text(cell.seconds)
    return status_words(cell.status)
