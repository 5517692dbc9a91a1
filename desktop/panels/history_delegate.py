"""The state of a build in a table: icon and word in the state's colour, a pin where it has one."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from desktop.models.history_list import REF_ROLE, HistoryModel
from desktop.theme.theme import Theme

_TOKENS = {"queued": "waiting"}


class StateDelegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, model: HistoryModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._model = model

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(118, 26)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        build = self._model.build(index.data(REF_ROLE))
        if build is None:
            return
        tokens = self._theme.tokens
        token = _TOKENS.get(build.status.value, build.status.value)
        rect = QRectF(option.rect)
        painter.save()
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(rect, QColor(tokens.selection))
        colour = getattr(tokens, token)
        middle = rect.center().y()
        self._theme.icons.paint(painter, QRectF(rect.x() + 4, middle - 7, 14, 14), token, colour)
        painter.setPen(QColor(tokens.selection_text if selected else colour))
        words = self._model.status_words(build.status)
        painter.drawText(rect.adjusted(24, 0, -20, 0), Qt.AlignmentFlag.AlignVCenter, words)
        if build.pinned:
            spot = QRectF(rect.right() - 18, middle - 6, 12, 12)
            self._theme.icons.paint(painter, spot, "key", tokens.text_muted)
        painter.restore()
