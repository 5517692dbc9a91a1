"""ANSI escape sequences of a log line: SGR becomes styles, every other sequence goes.

Source: ECMA-48 (Select Graphic Rendition), and the 256-colour and direct-colour forms of xterm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_SEQUENCE = re.compile(
    rb"\x1b\[([0-?]*)[ -/]*([@-~])"  # CSI parameters final
    rb"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC up to BEL or ST
    rb"|\x1b[ -/]*[0-~]"  # two-character sequences
    rb"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"  # other controls
)
_TAB = 8


@dataclass(frozen=True, slots=True)
class Style:
    """Colours are a palette index 0..15, ``(r, g, b)``, or None for the view's own."""

    foreground: int | tuple[int, int, int] | None = None
    background: int | tuple[int, int, int] | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    inverse: bool = False


PLAIN = Style()


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text in one style."""

    text: str
    style: Style


def last_overwrite(line: bytes) -> bytes:
    """What a terminal would show of a line in which ``\\r`` starts over (progress bars)."""
    line = line.rstrip(b"\r")
    return line.rpartition(b"\r")[2] if b"\r" in line else line


def plain(line: bytes) -> str:
    """The text of one log line without sequences, tabs expanded."""
    line = last_overwrite(line)
    if b"\x1b" in line:
        return "".join(piece.text for piece in pieces(line))
    if not _printable(line):
        line = _SEQUENCE.sub(b"", line)
    return line.decode("utf-8", "replace").expandtabs(_TAB)


def _printable(line: bytes) -> bool:
    return line.translate(None, _CONTROLS) == line


_CONTROLS = bytes([*range(9), 11, 12, *range(14, 32), 127])


def pieces(line: bytes) -> tuple[Piece, ...]:
    """One log line as runs of styled text; their texts joined equal ``plain(line)``."""
    line = last_overwrite(line)
    if b"\x1b" not in line:
        return (Piece(plain(line), PLAIN),)
    found: list[Piece] = []
    style = PLAIN
    column = start = 0
    for match in _SEQUENCE.finditer(line):
        if match.start() > start:
            text, column = _text(line[start : match.start()], column)
            found.append(Piece(text, style))
        if match.group(2) == b"m":
            style = styled(style, match.group(1))
        start = match.end()
    if start < len(line):
        text, column = _text(line[start:], column)
        found.append(Piece(text, style))
    return tuple(found)


def _text(data: bytes, column: int) -> tuple[str, int]:
    text = data.decode("utf-8", "replace")
    if "\t" in text:
        text = (" " * column + text).expandtabs(_TAB)[column:]
    return text, column + len(text)


def styled(style: Style, parameters: bytes) -> Style:
    """``style`` after the SGR sequence with these parameters."""
    codes = [int(p) if p.isdigit() else 0 for p in re.split(rb"[;:]", parameters)]
    at = 0
    while at < len(codes):
        code = codes[at]
        at += 1
        if code == 0:
            style = PLAIN
        elif code in _FLAGS:
            name, value = _FLAGS[code]
            style = replace(style, **{name: value})
            if code == 22:
                style = replace(style, dim=False)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            style = replace(style, foreground=code - 30 if code < 90 else code - 82)
        elif 40 <= code <= 47 or 100 <= code <= 107:
            style = replace(style, background=code - 40 if code < 100 else code - 92)
        elif code == 39:
            style = replace(style, foreground=None)
        elif code == 49:
            style = replace(style, background=None)
        elif code in (38, 48):
            colour, at = _extended(codes, at)
            if colour is not None:
                name = "foreground" if code == 38 else "background"
                style = replace(style, **{name: colour})  # type: ignore[arg-type]
    return style


_FLAGS: dict[int, tuple[str, bool]] = {
    1: ("bold", True),
    2: ("dim", True),
    3: ("italic", True),
    4: ("underline", True),
    7: ("inverse", True),
    22: ("bold", False),
    23: ("italic", False),
    24: ("underline", False),
    27: ("inverse", False),
}


def _extended(codes: list[int], at: int) -> tuple[int | tuple[int, int, int] | None, int]:
    if at < len(codes) and codes[at] == 5 and at + 1 < len(codes):
        return _indexed(codes[at + 1]), at + 2
    if at < len(codes) and codes[at] == 2 and at + 3 < len(codes):
        red, green, blue = (min(c, 255) for c in codes[at + 1 : at + 4])
        return (red, green, blue), at + 4
    return None, len(codes)


def _indexed(number: int) -> int | tuple[int, int, int] | None:
    """A colour of xterm's 256: 16 named ones, a 6 x 6 x 6 cube, 24 greys."""
    if number < 16:
        return number
    if number < 232:
        levels = (0, 95, 135, 175, 215, 255)
        cube = number - 16
        return levels[cube // 36], levels[cube // 6 % 6], levels[cube % 6]
    if number < 256:
        grey = 8 + (number - 232) * 10
        return grey, grey, grey
    return None
