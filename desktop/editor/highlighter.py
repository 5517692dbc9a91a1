"""Paints ``syntax.tokens_of`` into a document."""

from __future__ import annotations

from PySide6.QtGui import QColor, QFont, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from desktop.editor.syntax import Kind, State, tokens_of
from desktop.theme import Theme


class Highlighter(QSyntaxHighlighter):
    """Qt keeps one int a line: states are numbered as they first occur."""

    def __init__(self, document: QTextDocument, theme: Theme) -> None:
        super().__init__(document)
        self._theme = theme
        self._numbers: dict[State, int] = {}
        self._states: list[State] = []
        self._formats: dict[Kind, QTextCharFormat] = {}
        self._dress()
        theme.changed.connect(self._restyle)

    def _restyle(self) -> None:
        self._dress()
        self.rehighlight()

    def _dress(self) -> None:
        for kind in Kind:
            text_format = QTextCharFormat()
            text_format.setForeground(QColor(getattr(self._theme.tokens, kind.value)))
            if kind is Kind.KEYWORD:
                text_format.setFontWeight(QFont.Weight.DemiBold)
            if kind is Kind.COMMENT:
                text_format.setFontItalic(True)
            self._formats[kind] = text_format

    def highlightBlock(self, text: str) -> None:
        number = self.previousBlockState()
        state = self._states[number] if 0 <= number < len(self._states) else State()
        tokens, after = tokens_of(text, state)
        for token in tokens:
            self.setFormat(token.start, token.length, self._formats[token.kind])
        if after not in self._numbers:
            self._numbers[after] = len(self._states)
            self._states.append(after)
        self.setCurrentBlockState(self._numbers[after])
