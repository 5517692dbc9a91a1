"""The viewport of the graph: zoom, pan, fit, keyboard, animation, minimap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtCore import (
    QEasingCurve,
    QEvent,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
    QVariantAnimation,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from desktop.graph.detail import clamped, detail_at
from desktop.graph.geometry import Rect
from desktop.graph.layout import Layout
from desktop.graph.look import Look, Marks
from desktop.graph.minimap import Minimap
from desktop.graph.painter import GraphPainter
from desktop.graph.picture import Picture, between, can_move, picture
from desktop.graph.walk import Direction, neighbour
from desktop.theme.theme import Theme

ANIMATION_MS = 150
_SPIN_MS = 90
_MARGIN = 28.0
_PARTS = 40

_ARROWS = {
    Qt.Key.Key_Up: Direction.INPUT,
    Qt.Key.Key_Down: Direction.USER,
    Qt.Key.Key_Left: Direction.LEFT,
    Qt.Key.Key_Right: Direction.RIGHT,
}


class GraphCanvas(QWidget):
    """Paints itself: one widget for any number of nodes.

    Scene coordinates are the layout's. Signals name nodes by id; "" is none.
    """

    clicked = Signal(str)
    hovered = Signal(str)
    activated = Signal(str)
    menu_requested = Signal(str, QPoint)
    filter_requested = Signal()
    next_failed = Signal()
    next_running = Signal()
    critical_toggled = Signal()
    tidy_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._picture: Picture = picture(Layout())
        self._layout = Layout()
        self.marks = Marks()
        self._painter = GraphPainter(theme.tokens, theme.icons, self.font())
        self._scale = 1.0
        self._offset = QPointF(0, 0)
        self._fitted = True
        self._still = False
        self._drag: QPoint | None = None
        self._dragged = False
        self._animation = QVariantAnimation(self)
        self._animation.setDuration(ANIMATION_MS)
        self._animation.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._animation.setStartValue(0.0)
        self._animation.setEndValue(1.0)
        self._animation.valueChanged.connect(self._animate)
        self._from = Layout()
        self._spin = QTimer(self, interval=_SPIN_MS)
        self._spin.timeout.connect(self._turn)
        self._running: set[str] = set()
        self.minimap = Minimap(self)
        self.minimap.moved.connect(self._minimap_moved)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(160, 120)
        theme.changed.connect(self._theme_changed)

    def sizeHint(self) -> QSize:
        return QSize(520, 640)

    # Content

    @property
    def shown(self) -> Layout:
        """The layout that is shown, or on the way."""
        return self._layout

    @property
    def scale(self) -> float:
        return self._scale

    def set_layout(self, layout: Layout, *, animate: bool = True) -> None:
        """Show another layout; nodes that are in both move there."""
        previous = self._layout
        self._layout = layout
        if not any(name in previous.positions for name in layout.positions):
            self._fitted = True  # another build: where one was in the last means nothing
        first = not previous.positions
        moving = animate and not first and not self._still and self.isVisible()
        moving = moving and can_move(previous, layout)
        anchor = None if self._fitted else self._anchor(previous, layout)
        self._animation.stop()
        if moving:
            self._from = previous
            if anchor is not None:
                self._keep(previous, layout, anchor)
                shift = self._shift(previous, layout, anchor)
                self._from = _shifted(previous, shift)
            self._show(self._from if not first else layout)
            self._animation.start()
        else:
            if anchor is not None:
                self._keep(previous, layout, anchor)
            self._show(layout)
        if self._fitted:
            self.fit()

    def set_looks(self, looks: Mapping[str, Look]) -> None:
        self.marks.looks = looks
        self._running = {n for n, look in looks.items() if look.running}
        self._spin_if_needed()
        self.minimap.stale()
        self.update()

    def update_looks(self, looks: Mapping[str, Look], names: Iterable[str]) -> None:
        """``looks`` of all; only ``names`` changed: only what they cover is painted again."""
        self.marks.looks = looks
        for name in names:
            look = looks.get(name)
            if look is not None and look.running:
                self._running.add(name)
            else:
                self._running.discard(name)
            self._update_node(name)
        self._spin_if_needed()
        self.minimap.stale()

    def set_reduced_motion(self, on: bool) -> None:
        """Nothing glides and nothing turns."""
        self._still = on
        self._painter.spin = 0
        self._spin_if_needed()
        self.update()

    def _show(self, layout: Layout) -> None:
        self._picture = picture(layout)
        self.minimap.set_picture(self._picture)
        self.update()

    def _animate(self, share: float) -> None:
        self._show(between(self._from, self._layout, float(share)))

    def _anchor(self, old: Layout, new: Layout) -> str | None:
        """The node that shall stay under the eye: the selected one, else the most central."""
        names = [n for n in (self.marks.selected, self.marks.current) if n]
        for name in names:
            if name in old.positions and name in new.positions:
                return name
        centre = self.to_scene(QPointF(self.width() / 2, self.height() / 2))
        both = [n for n in new.positions if n in old.positions]
        if not both:
            return None
        return min(
            both,
            key=lambda n: (
                abs(old.positions[n].x - centre.x()) + abs(old.positions[n].y - centre.y())
            ),
        )

    def _shift(self, old: Layout, new: Layout, anchor: str) -> tuple[float, float]:
        a, b = old.positions[anchor], new.positions[anchor]
        return (b.x - a.x, b.y - a.y)

    def _keep(self, old: Layout, new: Layout, anchor: str) -> None:
        dx, dy = self._shift(old, new, anchor)
        self._offset -= QPointF(dx, dy) * self._scale

    # Viewport

    def to_scene(self, point: QPointF) -> QPointF:
        return (point - self._offset) / self._scale

    def to_view(self, point: QPointF) -> QPointF:
        return point * self._scale + self._offset

    def visible_area(self) -> Rect:
        """What is seen, in scene units."""
        a = self.to_scene(QPointF(0, 0))
        return Rect(a.x(), a.y(), self.width() / self._scale, self.height() / self._scale)

    def fit(self) -> None:
        """Show all of it, never larger than 1:1."""
        bounds = self._layout.bounds
        self._fitted = True
        if bounds.width <= 0 or self.width() <= 0:
            return
        across = (self.width() - 2 * _MARGIN) / bounds.width
        down = (self.height() - 2 * _MARGIN) / bounds.height
        self._scale = clamped(min(across, down, 1.0))
        self._offset = QPointF(
            (self.width() - bounds.width * self._scale) / 2 - bounds.x * self._scale,
            max((self.height() - bounds.height * self._scale) / 2, _MARGIN)
            - bounds.y * self._scale,
        )
        self._moved()

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom so that the scene point under ``at`` (view coordinates) stays there."""
        at = at if at is not None else QPointF(self.width() / 2, self.height() / 2)
        scale = clamped(self._scale * factor)
        self._offset = at - (at - self._offset) * (scale / self._scale)
        self._scale = scale
        self._fitted = False
        self._moved()

    def pan(self, dx: float, dy: float) -> None:
        self._offset += QPointF(dx, dy)
        self._fitted = False
        self._moved()

    def show_node(self, name: str, *, zoom: bool = True) -> None:
        """Bring a node into view, with ``zoom`` at a readable size."""
        if name not in self._layout.positions:
            return
        rect = self._layout.rect(name)
        if zoom and self._scale < 0.5:
            self._scale = 0.8
            self._centre_on(rect)
        else:
            view = self.visible_area().grown(-24 / self._scale)
            if view.united(rect) != view:
                self._centre_on(rect)
        self.update()

    def _centre_on(self, rect: Rect) -> None:
        centre = rect.centre
        middle = QPointF(self.width() / 2, self.height() / 2)
        self._offset = middle - QPointF(centre.x, centre.y) * self._scale
        self._fitted = False
        self._moved()

    def _moved(self) -> None:
        """Keep some of the picture in view, tell the minimap."""
        bounds = self._layout.bounds
        edge = 60.0
        low = self.to_view(QPointF(bounds.x, bounds.y))
        high = self.to_view(QPointF(bounds.right, bounds.bottom))
        dx = min(0.0, self.width() - edge - low.x()) + max(0.0, edge - high.x())
        dy = min(0.0, self.height() - edge - low.y()) + max(0.0, edge - high.y())
        self._offset += QPointF(dx, dy)
        self.minimap.set_view(self.visible_area(), fits=self._all_visible())
        self.update()

    def _all_visible(self) -> bool:
        """To half a pixel: the sums behind both are not exact."""
        view, bounds, slack = self.visible_area(), self._layout.bounds, 0.5 / self._scale
        return (
            view.x - slack <= bounds.x
            and view.y - slack <= bounds.y
            and bounds.right <= view.right + slack
            and bounds.bottom <= view.bottom + slack
        )

    def _minimap_moved(self, x: float, y: float) -> None:
        self._centre_on(Rect(x, y, 0, 0))

    # Marks

    def select(self, name: str) -> None:
        self.marks.selected = name
        if name:
            self.marks.current = name
        self.update()

    def _update_node(self, name: str) -> None:
        number = self._picture.number.get(name)
        if number is None:
            return
        rect = self._picture.rects[number].adjusted(-12, -12, 16, 16)
        a, b = self.to_view(rect.topLeft()), self.to_view(rect.bottomRight())
        self.update(QRectF(a, b).toAlignedRect())

    def _spin_if_needed(self) -> None:
        wanted = bool(self._running) and self.isVisible() and not self._still
        if wanted and not self._spin.isActive():
            self._spin.start()
        elif not wanted:
            self._spin.stop()

    def _turn(self) -> None:
        self._painter.spin = (self._painter.spin + 30) % 360
        if self._scale < 0.35:
            return
        for name in self._running:
            number = self._picture.number.get(name)
            if number is not None:
                rect = self._picture.rects[number]
                a = self.to_view(rect.topLeft())
                size = 44 * self._scale
                area = QRect(int(a.x()), int(a.y()), int(size), int(size * 1.1) + 2)
                if area.intersects(self.rect()):
                    self.update(area)

    def _theme_changed(self) -> None:
        self._painter = GraphPainter(self._theme.tokens, self._theme.icons, self.font())
        self.minimap.stale()
        self.update()

    def painter_for_export(self) -> tuple[GraphPainter, Picture]:
        return self._painter, self._picture

    # Events

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.marks.focused = self.hasFocus()
        parts = [event.rect()]
        if 1 < event.region().rectCount() <= _PARTS:
            # Some nodes changed: painting what lies between them would be most of the work.
            parts = [QRect(r) for r in event.region()]  # type: ignore[attr-defined]
        detail = detail_at(self._scale)
        for dirty in parts:
            painter.save()
            painter.setClipRect(dirty)
            painter.fillRect(dirty, self._painter.colour("window"))
            painter.translate(self._offset)
            painter.scale(self._scale, self._scale)
            a = self.to_scene(QPointF(dirty.topLeft()))
            area = Rect(a.x(), a.y(), dirty.width() / self._scale, dirty.height() / self._scale)
            self._painter.paint(painter, self._picture, self.marks, area, detail)
            painter.restore()
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.minimap.place(self.size())
        if self._fitted:
            self.fit()
        else:
            self._moved()

    def showEvent(self, event: QShowEvent) -> None:
        self._spin_if_needed()

    def hideEvent(self, event: QHideEvent) -> None:
        self._spin.stop()
        if self._animation.state() is QVariantAnimation.State.Running:
            self._animation.stop()
            self._show(self._layout)

    def focusInEvent(self, event: QFocusEvent) -> None:
        if not self.marks.current and self._layout.positions:
            self.marks.current = next(iter(self._layout.positions))
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        pixels = event.pixelDelta()
        if not pixels.isNull() and not control:
            self.pan(pixels.x(), pixels.y())
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            delta = event.angleDelta()
            self.pan(delta.y() + delta.x(), 0)
        else:
            self.zoom(1.0015 ** event.angleDelta().y(), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in {Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton}:
            self._drag = event.position().toPoint()
            self._dragged = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        here = event.position().toPoint()
        if self._drag is not None:
            moved = here - self._drag
            if self._dragged or moved.manhattanLength() > 5:
                self._dragged = True
                self._drag = here
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                self.pan(moved.x(), moved.y())
            return
        self._hover(self._node_at(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._drag is None:
            return
        self._drag = None
        self.unsetCursor()
        if not self._dragged and event.button() is Qt.MouseButton.LeftButton:
            name = self._node_at(event.position())
            self.select(name)
            self.clicked.emit(name)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        name = self._node_at(event.position())
        if name:
            self.activated.emit(name)
        else:
            self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        self._hover("")

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        name = self._node_at(QPointF(event.pos()))
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            name = self.marks.current
        self.menu_requested.emit(name, event.globalPos())

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            name = self._node_at(QPointF(event.pos()))
            look = self.marks.looks.get(name)
            if look is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), look.description, self)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        plain = not event.modifiers() & (
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
        )
        if key in _ARROWS and plain:
            self._walk(_ARROWS[key])
        elif not plain:
            super().keyPressEvent(event)
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            if self.marks.current:
                self.activated.emit(self.marks.current)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key in {Qt.Key.Key_Plus, Qt.Key.Key_Equal}:
            self.zoom(1.25)
        elif key == Qt.Key.Key_Minus:
            self.zoom(0.8)
        elif key == Qt.Key.Key_Slash:
            self.filter_requested.emit()
        elif key == Qt.Key.Key_F:
            self.next_failed.emit()
        elif key == Qt.Key.Key_R:
            self.next_running.emit()
        elif key == Qt.Key.Key_C:
            self.critical_toggled.emit()
        elif key == Qt.Key.Key_T:
            self.tidy_requested.emit()
        elif key == Qt.Key.Key_Escape and self.marks.selected:
            self.select("")
            self.clicked.emit("")
        else:
            super().keyPressEvent(event)

    def _walk(self, direction: Direction) -> None:
        name = neighbour(self._layout, self.marks.current, direction)
        if name:
            self.select(name)
            self.show_node(name)
            self.clicked.emit(name)

    def _hover(self, name: str) -> None:
        if name != self.marks.hovered:
            self.marks.hovered = name
            self.hovered.emit(name)
            self.update()

    def _node_at(self, point: QPointF) -> str:
        return self._picture.node_at(self.to_scene(point)) or ""


def _shifted(layout: Layout, by: tuple[float, float]) -> Layout:
    from desktop.graph.geometry import Point

    moved = {n: Point(p.x + by[0], p.y + by[1]) for n, p in layout.positions.items()}
    return Layout(positions=moved, ranks=layout.ranks, bounds=layout.bounds)
