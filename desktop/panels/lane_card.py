"""One platform's lane: a card of labels and a bar."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from core.progress.messages import Mode
from desktop.models.graph_status import Status
from desktop.models.graph_words import (
    duration_text,
    interpreter_name,
    size_text,
    slowdown_text,
)
from desktop.models.lanes import LaneFacts
from desktop.panels.elided import ElidedLabel
from desktop.panels.graph_looks import mode_words, status_words
from desktop.theme.theme import Theme


class _Bar(QWidget):
    """A thin bar. A QProgressBar under a style sheet costs a millisecond for every value."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._share = 0.0
        self._token = "waiting"
        self.setFixedHeight(6)
        theme.changed.connect(self.update)

    def show_share(self, share: float, token: str) -> None:
        if (share, token) != (self._share, self._token):
            self._share, self._token = share, token
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = self._theme.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.border))
        painter.drawRoundedRect(QRectF(self.rect()), 3, 3)
        if self._share > 0:
            painter.setBrush(QColor(getattr(tokens, self._token)))
            width = max(6.0, self.width() * self._share)
            painter.drawRoundedRect(QRectF(0, 0, width, self.height()), 3, 3)
        painter.end()


class LaneCard(QFrame):
    """Shows the LaneFacts of one platform; clicking it selects the platform."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, platform: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._theme = theme
        self._platform = platform
        self._facts: LaneFacts | None = None
        self._icon = QLabel()
        self._name = QLabel(platform)
        self._name.setProperty("role", "heading")
        self._badge = QLabel()
        self._time = ElidedLabel()
        self._time.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._time.setProperty("role", "muted")
        self._bar = _Bar(theme)
        self._step = ElidedLabel()
        self._step.setProperty("role", "muted")
        self._count = QLabel()
        self._count.setProperty("role", "muted")
        top = QHBoxLayout()
        top.setSpacing(8)
        for widget in (self._icon, self._name, self._badge):
            top.addWidget(widget)
        top.addWidget(self._time, 1)
        bottom = QHBoxLayout()
        bottom.setSpacing(8)
        bottom.addWidget(self._step, 1)
        bottom.addWidget(self._count)
        box = QVBoxLayout(self)
        box.setContentsMargins(10, 7, 10, 7)
        box.setSpacing(5)
        box.addLayout(top)
        box.addWidget(self._bar)
        box.addLayout(bottom)
        theme.changed.connect(self._dress)

    def show_facts(self, facts: LaneFacts) -> None:
        """Say what changed, and nothing else: labels cost a layout."""
        if facts == self._facts:
            return
        self._facts = facts
        self._set(self._time, self._time_words(facts))
        self._set(self._count, self._count_words(facts))
        self._set(self._step, self._step_words(facts))
        badge, role = self._badge_words(facts)
        # The role first: a label measures its padding when it gets its text.
        self._role(self._badge, role)
        self._set(self._badge, badge)
        self._badge.setVisible(bool(badge))
        self._bar.show_share(facts.done / max(facts.total, 1), facts.status.token)
        self._dress()
        self.setAccessibleName(
            ", ".join(
                part
                for part in (
                    facts.platform,
                    status_words(facts.status),
                    self._count.text(),
                    mode_words(facts.mode, facts.interpreter, facts.slowdown),
                    self._step.text(),
                    self._time.text(),
                )
                if part
            )
        )

    def set_selected(self, on: bool) -> None:
        self._name.setText(f"{self._platform}" + ("  ●" if on else ""))

    @staticmethod
    def _set(label: QLabel, text: str) -> None:
        if label.text() != text:
            label.setText(text)
            label.setToolTip(text if label.property("role") == "muted" else "")

    @staticmethod
    def _role(widget: QWidget, role: str) -> None:
        if widget.property("role") != role:
            widget.setProperty("role", role)
            widget.style().unpolish(widget)
            widget.style().polish(widget)

    def _dress(self) -> None:
        facts = self._facts
        if facts is None:
            return
        token = facts.status.token
        icon = "platforms" if facts.status is Status.PLANNED else token
        role = "text_muted" if facts.status is Status.PLANNED else token
        self._icon.setPixmap(self._theme.icons.get(icon, role).pixmap(16, 16))

    def _time_words(self, facts: LaneFacts) -> str:
        if not facts.elapsed and facts.expected is None:
            return ""
        elapsed = duration_text(facts.elapsed)
        if facts.expected is None:
            return elapsed
        return self.tr("{0} of about {1}").format(elapsed, duration_text(facts.expected))

    def _count_words(self, facts: LaneFacts) -> str:
        parts = []
        if facts.status is Status.PLANNED:
            parts.append(self.tr("%n steps", "", facts.total))
            if facts.emulated and not facts.impossible:
                parts.append(self.tr("%n emulated", "", facts.emulated))
            return " · ".join(parts)
        parts.append(self.tr("{0} of {1}").format(facts.done, facts.total))
        if facts.cached:
            parts.append(self.tr("%n cached", "", facts.cached))
        if facts.bytes_total:
            done, total = size_text(facts.bytes_current), size_text(facts.bytes_total)
            same = facts.bytes_current >= facts.bytes_total
            parts.append(total if same else f"{done} / {total}")
        return " · ".join(parts)

    def _step_words(self, facts: LaneFacts) -> str:
        if facts.current:
            if facts.running > 1:
                return self.tr("{0}  (and {1} more)").format(facts.current, facts.running - 1)
            return facts.current
        if facts.status is Status.PLANNED:
            return self.tr("nothing here runs its programs") if facts.impossible else ""
        return status_words(facts.status)

    def _badge_words(self, facts: LaneFacts) -> tuple[str, str]:
        if facts.impossible and facts.status is Status.PLANNED:
            return self.tr("cannot run here"), "badge-failed"
        match facts.mode:
            case Mode.NONE:
                return "", "badge-waiting"
            case Mode.NATIVE:
                return self.tr("native"), "badge-native"
            case Mode.CROSS:
                return self.tr("cross"), "badge-cross"
            case Mode.EMULATED:
                words = interpreter_name(facts.interpreter) or self.tr("emulated")
                if facts.slowdown:
                    words += f" {slowdown_text(facts.slowdown)}"
                return words, "badge-emulated"

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.chosen.emit(self._platform)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Space}:
            self.chosen.emit(self._platform)
        else:
            super().keyPressEvent(event)
