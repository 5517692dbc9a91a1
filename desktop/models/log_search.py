"""Searching a log in slices, so that a window stays awake over any amount of text."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right

from desktop.models.log_ansi import plain
from desktop.models.log_store import LineFilter, LineStore

_SLICE = 512 * 1024

ERRORS = re.compile(
    rb"\b(?:error|fatal|panic|exception|traceback|failed|cannot|denied|not found|"
    rb"segmentation fault|exec format error|uncaught target signal)\b",
    re.IGNORECASE,
)


def compiled(text: str, *, regex: bool = False, case: bool = False) -> re.Pattern[bytes]:
    """A pattern over log bytes; ``re.error`` when ``regex`` is on and ``text`` is none."""
    source = text if regex else re.escape(text)
    return re.compile(source.encode(), 0 if case else re.IGNORECASE)


class Search:
    """The lines of a store that match, found slice by slice; goes on as the store grows."""

    def __init__(self, store: LineStore, pattern: re.Pattern[bytes]) -> None:
        self._store = store
        self.pattern = pattern
        self.lines = array("Q")
        self._next = 0

    @property
    def finished(self) -> bool:
        """Whether every line now in the store was looked at."""
        return self._next >= len(self._store)

    def step(self) -> bool:
        """Look through one slice; whether there is more."""
        if self.finished:
            return False
        store = self._store
        first = self._next
        end = store.line_at(min(store.start(first) + _SLICE, store.size - 1)) + 1
        text = store.read(first, end)
        if b"\x1b" in text or b"\r" in text:
            for number, line in enumerate(text.split(b"\n")[:-1], first):
                if self.pattern.search(plain(line).encode()):
                    self.lines.append(number)
        else:
            base = store.start(first)
            at = 0
            while (match := self.pattern.search(text, at)) is not None:
                number = store.line_at(base + min(match.start(), len(text) - 1))
                self.lines.append(number)
                at = store.start(number + 1) - base
                if at >= len(text):
                    break
        self._next = end
        return not self.finished

    def following(self, number: int, shown: LineFilter) -> int | None:
        """The first match after line ``number`` that ``shown`` shows; from the top at the end."""
        at = bisect_right(self.lines, number)
        order = [*range(at, len(self.lines)), *range(at)]
        return next((self.lines[i] for i in order if shown.has(self.lines[i])), None)

    def preceding(self, number: int, shown: LineFilter) -> int | None:
        """The last match before line ``number``; from the bottom at the start."""
        at = bisect_left(self.lines, number)
        order = [*range(at - 1, -1, -1), *range(len(self.lines) - 1, at - 1, -1)]
        return next((self.lines[i] for i in order if shown.has(self.lines[i])), None)
