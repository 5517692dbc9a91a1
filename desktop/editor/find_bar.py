"""Find and replace below the editor."""

from __future__ import annotations

import re

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QWidget,
)

from core.dockerfile.edits import TextEdit
from core.dockerfile.source import Span
from desktop.editor.code_editor import CodeEditor
from desktop.theme import METRICS, Theme


class FindBar(QFrame):
    """Escape closes it; Return and Shift+Return go on and back."""

    def __init__(self, editor: CodeEditor, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editor = editor
        self._theme = theme
        self._matches: list[tuple[int, int]] = []
        self.setProperty("role", "bar-chrome")
        self._find = QLineEdit()
        self._find.setPlaceholderText(self.tr("Find"))
        self._find.setAccessibleName(self.tr("Find"))
        self._find.setClearButtonEnabled(True)
        self._replace = QLineEdit()
        self._replace.setPlaceholderText(self.tr("Replace with"))
        self._replace.setAccessibleName(self.tr("Replace with"))
        self._count = QLabel()
        self._count.setProperty("role", "muted")
        self._count.setMinimumWidth(90)
        self._case = self._toggle("Aa", self.tr("Match case"))
        self._word = self._toggle("ab|", self.tr("Whole words"))
        self._regex = self._toggle(".*", self.tr("Regular expression"))
        self._buttons: list[tuple[QToolButton, str]] = []
        previous = self._button("chevron-up", self.tr("Previous match (Shift+Return)"))
        previous.clicked.connect(lambda: self.step(-1))
        following = self._button("chevron-down", self.tr("Next match (Return)"))
        following.clicked.connect(lambda: self.step(1))
        close = self._button("close", self.tr("Close (Escape)"))
        close.clicked.connect(self.leave)
        self._replace_one = QPushButton(self.tr("Replace"))
        self._replace_one.clicked.connect(self._replace_current)
        self._replace_all = QPushButton(self.tr("Replace all"))
        self._replace_all.clicked.connect(self._replace_every)
        grid = QGridLayout(self)
        grid.setContentsMargins(METRICS.gap, 6, METRICS.gap, 6)
        grid.setSpacing(6)
        grid.addWidget(self._find, 0, 0)
        row = QHBoxLayout()
        row.setSpacing(2)
        for widget in (self._case, self._word, self._regex, previous, following):
            row.addWidget(widget)
        row.addWidget(self._count)
        row.addStretch()
        row.addWidget(close)
        grid.addLayout(row, 0, 1)
        grid.addWidget(self._replace, 1, 0)
        second = QHBoxLayout()
        second.setSpacing(6)
        second.addWidget(self._replace_one)
        second.addWidget(self._replace_all)
        second.addStretch()
        self._replace_row = QWidget()
        self._replace_row.setLayout(second)
        second.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self._replace_row, 1, 1)
        grid.setColumnStretch(0, 2)
        grid.setColumnStretch(1, 3)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(60)
        self._timer.timeout.connect(self._search)
        self._find.textChanged.connect(lambda _text: self._timer.start())
        editor.textChanged.connect(self._text_changed)
        for field in (self._find, self._replace):
            field.installEventFilter(self)
        self._dress()
        theme.changed.connect(self._dress)
        self.hide()

    def _toggle(self, text: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setCheckable(True)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.toggled.connect(lambda _on: self._search())
        return button

    def _button(self, icon: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        self._buttons.append((button, icon))
        return button

    def _dress(self) -> None:
        for button, icon in self._buttons:
            button.setIcon(self._theme.icons.get(icon))

    def open(self, *, replace: bool) -> None:
        self._replace.setVisible(replace)
        self._replace_row.setVisible(replace)
        chosen = self._editor.textCursor().selectedText()
        if chosen and "\u2029" not in chosen:
            self._find.setText(chosen)
        self.show()
        self._find.setFocus()
        self._find.selectAll()
        self._search()

    def leave(self) -> None:
        self.hide()
        self._editor.set_matches(())
        self._editor.setFocus()

    def _text_changed(self) -> None:
        if self.isVisible():
            self._timer.start()

    def _pattern(self) -> re.Pattern[str] | None:
        text = self._find.text()
        if not text:
            return None
        source = text if self._regex.isChecked() else re.escape(text)
        if self._word.isChecked():
            source = rf"\b(?:{source})\b"
        try:
            flags = 0 if self._case.isChecked() else re.IGNORECASE
            return re.compile(source, flags | re.MULTILINE)
        except re.error:
            return None

    def _search(self) -> None:
        pattern = self._pattern()
        invalid = pattern is None and bool(self._find.text())
        self._find.setProperty("invalid", "true" if invalid else "false")
        style = self._find.style()
        style.unpolish(self._find)
        style.polish(self._find)
        text = self._editor.text()
        self._matches = (
            [m.span() for m in pattern.finditer(text) if m.end() > m.start()] if pattern else []
        )
        self._editor.set_matches(self._matches[:2000] if self.isVisible() else ())
        self._show_count()

    def _show_count(self) -> None:
        if not self._find.text():
            self._count.setText("")
        elif not self._matches:
            self._count.setText(self.tr("No match"))
        else:
            current = self._current()
            position = str(current + 1) if current is not None else "–"
            self._count.setText(
                self.tr("%1 of %2").replace("%1", position).replace("%2", str(len(self._matches)))
            )

    def _current(self) -> int | None:
        cursor = self._editor.textCursor()
        wanted = (cursor.selectionStart(), cursor.selectionEnd())
        return self._matches.index(wanted) if wanted in self._matches else None

    def step(self, direction: int) -> None:
        """Select the next (1) or previous (-1) match after the caret, round the end."""
        self._search()
        if not self._matches:
            return
        cursor = self._editor.textCursor()
        if direction > 0:
            at = cursor.selectionEnd()
            chosen = next((m for m in self._matches if m[0] >= at), self._matches[0])
        else:
            at = cursor.selectionStart()
            earlier = [m for m in self._matches if m[1] <= at]
            chosen = earlier[-1] if earlier else self._matches[-1]
        self._editor.select(*chosen)
        self._show_count()

    def _replacement(self, start: int, end: int) -> str:
        pattern = self._pattern()
        if self._regex.isChecked() and pattern is not None:
            match = pattern.match(self._editor.text(), start)
            if match is not None:
                try:
                    return match.expand(self._replace.text())
                except (re.error, IndexError):
                    return self._replace.text()
        return self._replace.text()

    def _replace_current(self) -> None:
        current = self._current()
        if current is not None:
            start, end = self._matches[current]
            edit = TextEdit(span=Span(start, end), text=self._replacement(start, end))
            self._editor.apply_edits((edit,))
        self.step(1)

    def _replace_every(self) -> None:
        self._search()
        self._editor.apply_edits(
            tuple(
                TextEdit(span=Span(start, end), text=self._replacement(start, end))
                for start, end in self._matches
            )
        )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress:
            assert isinstance(event, QKeyEvent)
            if event.key() == Qt.Key.Key_Escape:
                self.leave()
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                self.step(-1 if back else 1)
                return True
        return super().eventFilter(watched, event)
