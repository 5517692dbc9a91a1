"""Pieces of forms and pages: titles, cards, rows of label and field."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop.theme import METRICS


def label(text: str, role: str = "", *, wrap: bool = False, selectable: bool = False) -> QLabel:
    """A label of one of the style's roles."""
    result = QLabel(text)
    result.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        result.setProperty("role", role)
    result.setWordWrap(wrap)
    if wrap:
        result.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    if selectable:
        result.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
    return result


def restyle(widget: QWidget, role: str) -> None:
    """Give a widget another role of the style sheet."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def card(*, spacing: int = METRICS.gap) -> tuple[QFrame, QVBoxLayout]:
    """A bordered box and its layout."""
    frame = QFrame()
    frame.setProperty("role", "card")
    box = QVBoxLayout(frame)
    box.setContentsMargins(16, 14, 16, 14)
    box.setSpacing(spacing)
    return frame, box


def row(*widgets: QWidget | int, spacing: int = METRICS.gap) -> QHBoxLayout:
    """Widgets side by side; an int is a stretch."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for widget in widgets:
        if isinstance(widget, int):
            layout.addStretch(widget)
        elif str(widget.property("role")).startswith("badge"):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        else:
            layout.addWidget(widget)
    return layout


def clear(layout: QLayout) -> None:
    """Remove and delete everything in a layout."""
    while layout.count():
        item = layout.takeAt(0)
        if item is None:
            continue
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
        elif inner is not None:
            clear(inner)


class Page(QWidget):
    """A page with a title, a sentence, buttons at the right and a scrolling body."""

    def __init__(self, title: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.head = QHBoxLayout()
        self.head.setSpacing(METRICS.gap)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label(title, "title"))
        self.intro = label(text, "muted", wrap=True)
        words.addWidget(self.intro)
        self.head.addLayout(words, 1)
        self.body = QVBoxLayout()
        self.body.setSpacing(METRICS.gap_large)
        self.body.setContentsMargins(0, 0, 0, 0)
        inner = QWidget()
        inner.setProperty("role", "page")
        box = QVBoxLayout(inner)
        margin = METRICS.page_margin
        box.setContentsMargins(margin, margin, margin, margin)
        box.setSpacing(METRICS.gap_large)
        box.addLayout(self.head)
        box.addLayout(self.body)
        box.addStretch()
        self.scroller = QScrollArea()
        self.scroller.setWidgetResizable(True)
        self.scroller.setFrameShape(QFrame.Shape.NoFrame)
        self.scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.scroller.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.scroller)
