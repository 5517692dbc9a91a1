"""Where the characters of a logical line stand in the text."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Code points ``start`` (included) to ``end`` (excluded) of a text."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def of(self, text: str) -> str:
        return text[self.start : self.end]

    def contains(self, offset: int) -> bool:
        return self.start <= offset <= self.end


class SourceLine(NamedTuple):
    """The physical pieces of a logical line.

    ``starts[i]`` is the logical offset of piece ``i``, ``offsets[i]`` its place in the text;
    ``shift`` is added to logical offsets first (an ONBUILD child starts inside its parent).
    """

    starts: tuple[int, ...]
    offsets: tuple[int, ...]
    shift: int = 0
    escape: str = "\\"

    def position(self, logical: int) -> int:
        """The absolute offset of the character at the logical offset."""
        at = logical + self.shift
        if len(self.starts) == 1:
            return self.offsets[0] + at
        piece = max(bisect_right(self.starts, at) - 1, 0)
        return self.offsets[piece] + at - self.starts[piece]

    def span(self, start: int, end: int) -> Span:
        """The span of logical ``start`` to ``end``; it may run over line continuations."""
        first = self.position(start)
        if end <= start:
            return Span(first, first)
        return Span(first, self.position(end - 1) + 1)

    def shifted(self, by: int) -> SourceLine:
        return SourceLine(self.starts, self.offsets, self.shift + by, self.escape)
