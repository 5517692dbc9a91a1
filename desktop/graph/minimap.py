"""The whole graph in a corner, with the part that is seen."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from desktop.graph.detail import Detail
from desktop.graph.geometry import EMPTY, Rect
from desktop.graph.picture import Picture

_SIZE = QSize(168, 118)
_STALE_MS = 400


class Minimap(QWidget):
    """Hidden while everything fits. Drawn into a pixmap again at most every 400 ms."""

    moved = Signal(float, float)
    """The scene point to show in the middle."""

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._picture: Picture | None = None
        self._view = EMPTY
        self._pixmap: QPixmap | None = None
        self._refresh = QTimer(self, interval=_STALE_MS, singleShot=True)
        self._refresh.timeout.connect(self._drop)
        self.setFixedSize(_SIZE)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(self.tr("Overview"))
        self.hide()

    def place(self, size: QSize) -> None:
        self.move(size.width() - _SIZE.width() - 10, size.height() - _SIZE.height() - 10)

    def set_picture(self, picture: Picture) -> None:
        self._picture = picture
        self.stale()

    def set_view(self, view: Rect, *, fits: bool) -> None:
        self._view = view
        parent = self.parentWidget()
        assert parent is not None
        room = parent.width() > 2 * _SIZE.width() and parent.height() > 2 * _SIZE.height()
        self.setVisible(not fits and room)
        self.update()

    def stale(self) -> None:
        """The picture changed in shape or colour."""
        if self.isVisible() and not self._refresh.isActive():
            self._refresh.start()
        elif not self.isVisible():
            self._pixmap = None

    def _drop(self) -> None:
        self._pixmap = None
        self.update()

    def _transform(self) -> tuple[float, QPointF]:
        bounds = self._picture.layout.bounds if self._picture is not None else EMPTY
        inner = QRectF(self.rect()).adjusted(6, 6, -6, -6)
        if bounds.width <= 0:
            return 1.0, inner.topLeft()
        scale = min(inner.width() / bounds.width, inner.height() / bounds.height)
        return scale, QPointF(
            inner.center().x() - bounds.centre.x * scale,
            inner.center().y() - bounds.centre.y * scale,
        )

    def _drawn(self) -> QPixmap:
        from desktop.graph.canvas import GraphCanvas

        canvas = self.parentWidget()
        assert isinstance(canvas, GraphCanvas)
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(_SIZE * ratio)
        pixmap.setDevicePixelRatio(ratio)
        look, _ = canvas.painter_for_export()
        pixmap.fill(look.colour("surface"))
        if self._picture is not None:
            painter = QPainter(pixmap)
            scale, offset = self._transform()
            painter.translate(offset)
            painter.scale(scale, scale)
            look.paint(
                painter, self._picture, canvas.marks, self._picture.layout.bounds, Detail.BLOCKS
            )
            painter.end()
        return pixmap

    def paintEvent(self, event: QPaintEvent) -> None:
        from desktop.graph.canvas import GraphCanvas

        canvas = self.parentWidget()
        assert isinstance(canvas, GraphCanvas)
        if self._pixmap is None:
            self._pixmap = self._drawn()
        look, _ = canvas.painter_for_export()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._pixmap)
        scale, offset = self._transform()
        view = QRectF(
            self._view.x * scale + offset.x(),
            self._view.y * scale + offset.y(),
            self._view.width * scale,
            self._view.height * scale,
        )
        shade = QColor(look.colour("accent"))
        shade.setAlpha(36)
        painter.setBrush(shade)
        painter.setPen(QPen(look.colour("accent"), 1))
        painter.drawRect(view.intersected(QRectF(self.rect()).adjusted(1, 1, -2, -2)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(look.colour("border_strong"), 1))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._go(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event)

    def _go(self, event: QMouseEvent) -> None:
        scale, offset = self._transform()
        point = (event.position() - offset) / scale
        self.moved.emit(point.x(), point.y())
        event.accept()
