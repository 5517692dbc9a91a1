from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.models.log_ansi import PLAIN, Style, pieces, plain


@pytest.mark.parametrize(
    ("line", "styles"),
    [
        (b"\x1b[31mred\x1b[0m", [("red", Style(foreground=1))]),
        (b"\x1b[1;92mx\x1b[22m", [("x", Style(foreground=10, bold=True))]),
        (b"\x1b[38;5;196mx", [("x", Style(foreground=(255, 0, 0)))]),
        (b"\x1b[48;2;1;2;3mx\x1b[49my", [("x", Style(background=(1, 2, 3))), ("y", PLAIN)]),
        (b"\x1b[38;5;9mx", [("x", Style(foreground=9))]),
        (b"a\x1b[2Kb\x1b]0;title\x07c", [("a", PLAIN), ("b", PLAIN), ("c", PLAIN)]),
    ],
)  # fmt: skip
def test_select_graphic_rendition_becomes_styles(
    line: bytes, styles: list[tuple[str, Style]]
) -> None:
    assert [(p.text, p.style) for p in pieces(line)] == styles


def test_a_progress_bar_shows_its_last_state() -> None:
    assert plain(b" 10%\r 50%\r100%\r") == "100%"


def test_tabs_stop_where_a_terminal_stops_them() -> None:
    assert plain(b"a\tb") == "a       b"
    assert "".join(p.text for p in pieces(b"\x1b[1ma\t\x1b[0mb")) == "a       b"


@given(st.binary(max_size=60))
def test_no_bytes_break_it_and_pieces_join_to_the_plain_text(line: bytes) -> None:
    text = plain(line.replace(b"\n", b""))
    assert "\x1b" not in text
    assert "".join(p.text for p in pieces(line.replace(b"\n", b""))) == text
