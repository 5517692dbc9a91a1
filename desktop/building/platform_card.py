"""A platform that can be checked, with how it would run here."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from core.progress.messages import Mode
from desktop.theme import METRICS, Theme


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformState:
    """How programs of a platform run on the builder in use; ``detail`` names the interpreter.

    ``mode`` is NONE while the builder was not asked yet; ``missing`` says that it cannot run them.
    """

    mode: Mode = Mode.NONE
    detail: str = ""
    missing: bool = False


class PlatformCard(QAbstractButton):
    """Two lines, painted: the platform, and native / emulated / missing with its icon."""

    def __init__(self, platform: str, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.platform = platform
        self._theme = theme
        self._state = PlatformState()
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setObjectName(f"platform {platform}")
        self.setText(platform)
        self.toggled.connect(lambda _on: self._describe())
        theme.changed.connect(self.update)
        self._describe()

    def set_state(self, state: PlatformState) -> None:
        if state != self._state:
            self._state = state
            self._describe()
            self.updateGeometry()
            self.update()

    def _look(self) -> tuple[str, str, str]:
        """Icon, colour role and words of the second line."""
        if self._state.missing:
            return "warning", "failed", self.tr("no emulator")
        match self._state.mode:
            case Mode.NATIVE:
                return "native", "native", self.tr("native")
            case Mode.EMULATED:
                return "emulated", "emulated", self._state.detail or self.tr("emulated")
            case Mode.CROSS:
                return "cross", "cross", self.tr("cross")
            case Mode.NONE:
                return "waiting", "waiting", self.tr("not asked yet")

    def _describe(self) -> None:
        words = self._look()[2]
        chosen = self.tr("chosen") if self.isChecked() else self.tr("not chosen")
        self.setAccessibleName(f"{self.platform}, {words}")
        self.setAccessibleDescription(chosen)
        tip = self.tr("Click to build for %1 or not.").replace("%1", self.platform)
        if self._state.missing:
            tip += "\n" + self.tr("The Emulation page shows how to run it here.")
        self.setToolTip(f"{self.platform}: {words}\n{tip}")

    def _fonts(self) -> tuple[QFont, QFont]:
        strong = QFont(self.font())
        strong.setWeight(QFont.Weight.DemiBold)
        small = QFont(self.font())
        small.setPointSizeF(max(7.5, self.font().pointSizeF() - 1.5))
        return strong, small

    def sizeHint(self) -> QSize:
        strong, small = self._fonts()
        text = max(
            QFontMetrics(strong).horizontalAdvance(self.platform),
            QFontMetrics(small).horizontalAdvance(self._look()[2]) + 17,
        )
        height = QFontMetrics(strong).height() + QFontMetrics(small).height() + 12
        return QSize(text + 44, height)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = self._theme.tokens
        icon, role, words = self._look()
        strong, small = self._fonts()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        fill = tokens.hover if self.underMouse() else tokens.surface
        painter.setBrush(QColor(fill))
        if self.hasFocus():
            painter.setPen(QPen(QColor(tokens.accent), METRICS.focus_width))
        elif self.isChecked():
            painter.setPen(QPen(QColor(tokens.accent), 1.2))
        else:
            painter.setPen(QPen(QColor(tokens.border), 1))
        painter.drawRoundedRect(box, 6, 6)
        check = QRectF(box.left() + 8, box.center().y() - 8, 16, 16)
        if self.isChecked():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens.accent))
            painter.drawRoundedRect(check, 4, 4)
            inner = check.adjusted(2, 2, -2, -2)
            self._theme.icons.paint(painter, inner, "check", tokens.accent_text)
        else:
            painter.setPen(QPen(QColor(tokens.border_strong), 1.2))
            painter.setBrush(QColor(tokens.surface))
            painter.drawRoundedRect(check.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        left = check.right() + 9
        first = QFontMetrics(strong).height()
        second = QFontMetrics(small).height()
        top = box.center().y() - (first + second) / 2
        painter.setFont(strong)
        painter.setPen(QColor(tokens.text if self.isChecked() else tokens.text_muted))
        left_aligned = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(left, top, box.right() - left, first), left_aligned, self.platform)
        colour = getattr(tokens, role)
        self._theme.icons.paint(
            painter, QRectF(left, top + first + (second - 13) / 2, 13, 13), icon, colour
        )
        painter.setFont(small)
        painter.setPen(QColor(colour))
        painter.drawText(
            QRectF(left + 17, top + first, box.right() - left - 17, second), left_aligned, words
        )
