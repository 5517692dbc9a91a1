"""Painting a picture of the graph at a level of detail, in the colours of a theme."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPixmap

from desktop.graph.detail import Detail
from desktop.graph.geometry import GROUP_PAD_TOP, NODE_WIDTH, Rect
from desktop.graph.look import Chip, Look, Marks
from desktop.graph.picture import Picture, Piece
from desktop.theme.icons import Icons
from desktop.theme.tokens import Tokens

_DIM = 0.32
_BARE = Look(title="", token="waiting", status="")


class GraphPainter:
    """Holds what painting needs again and again: fonts, measured text, pens of one theme."""

    def __init__(self, tokens: Tokens, icons: Icons, font: QFont) -> None:
        self._tokens = tokens
        self._icons = icons
        self._colours: dict[str, QColor] = {}
        self._title = self._font(font, 12.5, QFont.Weight.DemiBold)
        self._short = self._font(font, 17, QFont.Weight.DemiBold)
        self._small = self._font(font, 10.5, QFont.Weight.Normal)
        self._group = self._font(font, 12, QFont.Weight.DemiBold)
        self._title_metrics = QFontMetricsF(self._title)
        self._short_metrics = QFontMetricsF(self._short)
        self._small_metrics = QFontMetricsF(self._small)
        self._elided: dict[tuple[str, int, int], str] = {}
        self._pixmaps: dict[tuple[str, str, int], QPixmap] = {}
        self.vector = False
        """Paint icons as shapes: for files."""
        self.spin = 0
        """The turn of running icons, in degrees."""

    @staticmethod
    def _font(base: QFont, pixels: float, weight: QFont.Weight) -> QFont:
        font = QFont(base)
        font.setPixelSize(round(pixels))
        font.setWeight(weight)
        # Text is painted under a scale: hinted advances would jump while zooming.
        font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
        return font

    def colour(self, role: str) -> QColor:
        found = self._colours.get(role)
        if found is None:
            found = self._colours[role] = QColor(getattr(self._tokens, role))
        return found

    def paint(
        self, painter: QPainter, picture: Picture, marks: Marks, area: Rect, detail: Detail
    ) -> None:
        """Paint what touches ``area`` (scene units); the painter's transform is the viewport's."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, detail is not Detail.BLOCKS)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
        visible = QRectF(area.x, area.y, area.width, area.height)
        self._islands(painter, picture, visible, detail)
        numbers = picture.nodes_at.query(area)
        if detail is Detail.BLOCKS:
            self._lines(painter, picture, marks)
            self._blocks(painter, picture, marks, numbers)
            return
        self._edges(painter, picture, marks, area)
        for i in numbers:
            rect = picture.rects[i]
            if rect.intersects(visible):
                name = picture.ids[i]
                self._node(painter, rect, name, marks, detail)

    # Groups

    def _islands(
        self, painter: QPainter, picture: Picture, visible: QRectF, detail: Detail
    ) -> None:
        fill = self.colour("chrome")
        border = QPen(self.colour("border"), 0)
        for name, rect in picture.islands:
            if not rect.intersects(visible):
                continue
            painter.setPen(border)
            painter.setBrush(fill)
            painter.drawRoundedRect(rect, 8, 8)
            if detail is Detail.BLOCKS:
                continue
            painter.setFont(self._group)
            painter.setPen(self.colour("text_muted"))
            title = QRectF(rect.x() + 12, rect.y(), rect.width() - 24, GROUP_PAD_TOP)
            painter.drawText(
                title, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name
            )

    # Edges

    def _lines(self, painter: QPainter, picture: Picture, marks: Marks) -> None:
        painter.setPen(QPen(self.colour("border_strong"), 0))
        painter.drawLines(picture.lines)
        if marks.critical_edges:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            pen = QPen(self.colour("accent"), 2)
            pen.setCosmetic(True)
            painter.setPen(pen)
            for piece in picture.pieces:
                if piece.edge in marks.critical_edges:
                    painter.drawPath(piece.path)

    def _edges(self, painter: QPainter, picture: Picture, marks: Marks, area: Rect) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        plain = QPen(self.colour("border_strong"), 1)
        plain.setCosmetic(True)
        strong = QPen(self.colour("accent"), 2.4)
        near = marks.hovered or marks.selected
        found = [picture.pieces[i] for i in picture.pieces_at.query(area)]
        last = [p for p in found if p.edge in marks.critical_edges or near in p.edge]
        painter.setPen(plain)
        for piece in found:
            a, b = piece.edge
            faint = marks.focus is not None and not (a in marks.focus and b in marks.focus)
            source, target = marks.looks.get(a, _BARE), marks.looks.get(b, _BARE)
            painter.setOpacity(_DIM if faint or source.dimmed or target.dimmed else 0.85)
            painter.drawPath(piece.path)
        self._arrows(painter, found, plain.color())
        painter.setOpacity(1)
        painter.setPen(strong)
        for piece in last:
            painter.drawPath(piece.path)
        self._arrows(painter, last, strong.color())

    def _arrows(self, painter: QPainter, pieces: list[Piece], colour: QColor) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for piece in pieces:
            if piece.tip is not None:
                x, y = piece.tip
                painter.drawPolygon([QPointF(x, y), QPointF(x - 4, y - 7), QPointF(x + 4, y - 7)])
        painter.setBrush(Qt.BrushStyle.NoBrush)

    # Nodes

    def _blocks(
        self, painter: QPainter, picture: Picture, marks: Marks, numbers: list[int]
    ) -> None:
        by_colour: dict[str, list[QRectF]] = {}
        looks, focus = marks.looks, marks.focus
        for i in numbers:
            name = picture.ids[i]
            look = looks.get(name, _BARE)
            if look.dimmed or (focus is not None and name not in focus):
                token = "border_strong"
            else:
                token = look.token
            by_colour.setdefault(token, []).append(picture.rects[i])
        painter.setPen(Qt.PenStyle.NoPen)
        for token, rects in by_colour.items():
            painter.setBrush(self.colour(token))
            painter.drawRects(rects)
        current = marks.current if marks.focused else ""
        for name, role in ((marks.selected, "accent"), (current, "text")):
            if name in picture.number:
                pen = QPen(self.colour(role), 3)
                pen.setCosmetic(True)
                painter.setPen(pen)
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(picture.rects[picture.number[name]])

    def _node(
        self, painter: QPainter, rect: QRectF, name: str, marks: Marks, detail: Detail
    ) -> None:
        look = marks.looks.get(name, _BARE)
        faint = look.dimmed or (marks.focus is not None and name not in marks.focus)
        painter.setOpacity(_DIM if faint else 1.0)
        soft = self.colour("surface" if look.planned else f"{look.token}_soft")
        colour = self.colour(look.token)
        if look.stacked or look.folded:
            painter.setPen(QPen(self.colour("border_strong"), 1))
            painter.setBrush(self.colour("surface"))
            for offset in (6, 3):
                painter.drawRoundedRect(rect.translated(offset, offset), 6, 6)
        outline = colour if not look.planned else self.colour("border_strong")
        width = 1.0
        if name in marks.affected:
            outline, width = self.colour("emulated"), 2.0
        if name in marks.critical:
            outline, width = self.colour("accent"), 2.2
        if name == marks.selected:
            outline, width = self.colour("accent"), 2.8
        elif name == marks.hovered:
            width = max(width, 2.0)
        pen = QPen(outline, width)
        if look.dimmed:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(soft)
        painter.drawRoundedRect(rect, 6, 6)
        if marks.focused and name == marks.current and name != marks.selected:
            painter.setPen(QPen(self.colour("text"), 1, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect.adjusted(-4, -4, 4, 4), 8, 8)
        if look.fraction is not None:
            bar = QRectF(rect.x() + 6, rect.bottom() - 4, rect.width() - 12, 3)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.colour("border"))
            painter.drawRect(bar)
            painter.setBrush(colour)
            painter.drawRect(QRectF(bar.x(), bar.y(), bar.width() * look.fraction, 3))
        if detail is Detail.FULL:
            self._full(painter, rect, look, colour)
        else:
            self._brief(painter, rect, look, colour)
        painter.setOpacity(1)

    def _icon(self, painter: QPainter, rect: QRectF, look: Look) -> None:
        if look.planned:
            return
        colour = getattr(self._tokens, look.token)
        if look.running and self.spin:
            painter.save()
            painter.translate(rect.center())
            painter.rotate(self.spin)
            painter.translate(-rect.center())
            self._picture_of(painter, rect, look.token, colour)
            painter.restore()
        else:
            self._picture_of(painter, rect, look.token, colour)

    def _picture_of(self, painter: QPainter, rect: QRectF, name: str, colour: str) -> None:
        """An icon. On a screen from a pixmap: rendering SVG for each would be most of a frame."""
        if self.vector:
            self._icons.paint(painter, rect, name, colour)
            return
        size = max(1, round(rect.width() * painter.deviceTransform().m11()))
        key = (name, colour, size)
        pixmap = self._pixmaps.get(key)
        if pixmap is None:
            if len(self._pixmaps) > 500:
                self._pixmaps.clear()
            pixmap = QPixmap(size, size)
            pixmap.fill(Qt.GlobalColor.transparent)
            inner = QPainter(pixmap)
            self._icons.paint(inner, QRectF(0, 0, size, size), name, colour)
            inner.end()
            self._pixmaps[key] = pixmap
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(rect, pixmap, QRectF(pixmap.rect()))

    def _full(self, painter: QPainter, rect: QRectF, look: Look, colour: QColor) -> None:
        left = rect.x() + 10
        alone = not (look.badge or look.chips or look.detail)
        top = rect.y() + (9.5 if alone else 0)
        if not look.planned:
            self._icon(painter, QRectF(left, top + 6, 15, 15), look)
            left += 21
        right = rect.right() - 10
        if look.time:
            painter.setFont(self._small)
            painter.setPen(self.colour("text_muted"))
            width = self._small_metrics.horizontalAdvance(look.time)
            painter.drawText(QPointF(right - width, top + 18), look.time)
            right -= width + 8
        painter.setFont(self._title)
        painter.setPen(self.colour("text"))
        text = self._elide(look.title, right - left, 0)
        painter.drawText(QPointF(left, top + 18.5), text)
        at = rect.x() + 10
        end = rect.right() - 10
        baseline = rect.y() + 36
        if look.badge is not None:
            at = self._badge(painter, at, baseline, end, look.badge)
        if look.chips:
            at = self._chips(painter, at, baseline, end, look.chips)
        if look.detail and end - at > 40:
            painter.setFont(self._small)
            painter.setPen(colour if look.token == "failed" else self.colour("text_muted"))
            painter.drawText(QPointF(at, baseline), self._elide(look.detail, end - at, 2))

    def _badge(
        self, painter: QPainter, x: float, baseline: float, end: float, badge: tuple[str, str]
    ) -> float:
        mode, words = badge
        text = self._elide(words, end - x - 28, 2)
        width = self._small_metrics.horizontalAdvance(text) + 24
        box = QRectF(x, baseline - 11.5, width, 16)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.colour(f"{mode}_soft"))
        painter.drawRoundedRect(box, 8, 8)
        self._picture_of(
            painter, QRectF(x + 5, baseline - 9.5, 12, 12), mode, getattr(self._tokens, mode)
        )
        painter.setFont(self._small)
        painter.setPen(self.colour(mode))
        painter.drawText(QPointF(x + 19, baseline), text)
        return x + width + 6

    def _chips(
        self, painter: QPainter, x: float, baseline: float, end: float, chips: tuple[Chip, ...]
    ) -> float:
        painter.setFont(self._small)
        for index, chip in enumerate(chips):
            margin = 17 if chip.icon else 6
            width = self._small_metrics.horizontalAdvance(chip.text) + margin + 5
            rest = len(chips) - index
            if x + width > end - (0 if rest == 1 else 22):
                painter.setPen(self.colour("text_muted"))
                painter.drawText(QPointF(x, baseline), f"+{rest}")
                return x + 24
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.colour(f"{chip.token}_soft"))
            box = QRectF(x, baseline - 11.5, width, 16)
            painter.drawRoundedRect(box, 4, 4)
            if chip.icon:
                spot = QRectF(x + 4, baseline - 9, 11, 11)
                self._picture_of(painter, spot, chip.icon, getattr(self._tokens, chip.icon))
            painter.setPen(self.colour(chip.token))
            painter.drawText(QPointF(x + margin, baseline), chip.text)
            x += width + 4
        return x + 2

    def _brief(self, painter: QPainter, rect: QRectF, look: Look, colour: QColor) -> None:
        left = rect.x() + 9
        if not look.planned:
            self._icon(painter, QRectF(left, rect.center().y() - 10, 20, 20), look)
            left += 26
        painter.setFont(self._short)
        painter.setPen(self.colour("text"))
        text = self._elide(look.title, rect.right() - 10 - left, 1)
        painter.drawText(QPointF(left, rect.center().y() + 6), text)
        if len(look.chips) > 1:
            painter.setPen(Qt.PenStyle.NoPen)
            step = (NODE_WIDTH - 20) / len(look.chips)
            for index, chip in enumerate(look.chips):
                painter.setBrush(self.colour(chip.token))
                x = rect.x() + 10 + index * step
                painter.drawRect(QRectF(x, rect.bottom() - 6, step - 3, 3.5))

    def _elide(self, text: str, width: float, font: int) -> str:
        key = (text, int(width), font)
        found = self._elided.get(key)
        if found is None:
            metrics = (self._title_metrics, self._short_metrics, self._small_metrics)[font]
            if len(self._elided) > 20_000:
                self._elided.clear()
            found = metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
            self._elided[key] = found
        return found
