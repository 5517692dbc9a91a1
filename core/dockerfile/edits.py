"""Edits as values: a span and what stands there instead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.dockerfile.source import Span

__all__ = ["Span", "TextEdit", "apply_edits", "difference"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class TextEdit:
    """``text`` in place of the code points of ``span``; an empty span inserts."""

    span: Span
    text: str


def apply_edits(text: str, edits: Iterable[TextEdit]) -> str:
    """The text with all edits made; spans refer to the text before any of them.

    Two insertions at one place keep the order given. Raises ValueError for edits that overlap.
    """
    pieces: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda e: (e.span.start, e.span.end)):
        if edit.span.start < done:
            raise ValueError(f"two edits overlap at offset {edit.span.start}")
        pieces += (text[done : edit.span.start], edit.text)
        done = edit.span.end
    return "".join(pieces) + text[done:]


def difference(before: str, after: str) -> tuple[TextEdit, ...]:
    """One edit that turns ``before`` into ``after``, as short as ends in common allow."""
    if before == after:
        return ()
    shorter = min(len(before), len(after))
    start = 0
    while start < shorter and before[start] == after[start]:
        start += 1
    tail = 0
    while tail < shorter - start and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    span = Span(start, len(before) - tail)
    return (TextEdit(span=span, text=after[start : len(after) - tail]),)
