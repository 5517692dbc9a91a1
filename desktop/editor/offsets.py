"""Offsets of Python (code points) and of Qt (UTF-16 units) in the same text."""

from __future__ import annotations

import bisect

from core.errors import LineRange


class Offsets:
    """Converts offsets in ``text``; free of cost when it holds nothing beyond U+FFFF."""

    def __init__(self, text: str) -> None:
        self._length = len(text)
        self._starts = [0]
        position = text.find("\n")
        while position >= 0:
            self._starts.append(position + 1)
            position = text.find("\n", position + 1)
        self._wide: list[int] = []
        if text and not text.isascii() and max(text) > "\uffff":
            self._wide = [n for n, letter in enumerate(text) if letter > "\uffff"]
        self._wide_qt = [offset + n for n, offset in enumerate(self._wide)]

    def to_qt(self, offset: int) -> int:
        return offset + bisect.bisect_left(self._wide, offset)

    def from_qt(self, position: int) -> int:
        return position - bisect.bisect_left(self._wide_qt, position)

    def line_of(self, offset: int) -> int:
        """The 1-based line that holds ``offset``."""
        return bisect.bisect_right(self._starts, offset)

    def line_start(self, line: int) -> int:
        """Offset of the start of a 1-based line, clamped to the text."""
        return self._starts[line - 1] if 1 <= line <= len(self._starts) else self._length

    def line_end(self, line: int) -> int:
        """Offset of a line's end, without its line break."""
        if line < len(self._starts):
            return self._starts[line] - 1
        return self._length

    def span_of(self, lines: LineRange) -> tuple[int, int]:
        """The offsets [start, end) that a LineRange covers."""
        start = self.line_start(lines.start) + lines.start_column
        if lines.end_column < 0:
            end = self.line_end(lines.end)
        else:
            end = self.line_start(lines.end) + lines.end_column
        limit = self._length
        return min(start, limit), max(min(start, limit), min(end, limit))
