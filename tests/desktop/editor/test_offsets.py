from __future__ import annotations

from core.errors import LineRange
from desktop.editor.offsets import Offsets


def test_plain_text_has_the_same_offsets_in_qt() -> None:
    offsets = Offsets("FROM ä\nRUN x")
    assert [offsets.to_qt(n) for n in range(12)] == list(range(12))


def test_a_character_beyond_the_basic_plane_takes_two_units() -> None:
    offsets = Offsets("a😀b😀c")
    assert [offsets.to_qt(n) for n in range(6)] == [0, 1, 3, 4, 6, 7]
    assert [offsets.from_qt(n) for n in (0, 1, 3, 4, 6, 7)] == [0, 1, 2, 3, 4, 5]


def test_lines_are_found_by_offset_and_back() -> None:
    offsets = Offsets("one\ntwo\n\nfour")
    assert [offsets.line_of(n) for n in (0, 3, 4, 8, 9, 13)] == [1, 1, 2, 3, 4, 4]
    assert offsets.span_of(LineRange(2, 4)) == (4, 13)
    assert offsets.span_of(LineRange(2, 2, 1, 2)) == (5, 6)


def test_a_range_beyond_the_text_is_clamped() -> None:
    assert Offsets("x").span_of(LineRange(7, 9)) == (1, 1)
