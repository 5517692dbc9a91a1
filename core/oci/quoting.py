"""Text in double quotes as Go's ``%q`` writes it: how image history and build checks quote."""

from __future__ import annotations

import re
from typing import Final

_PLAIN: Final = re.compile(r"[ !#-\[\]-~]*", re.ASCII)
_NAMED: Final = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}


def go_quote(text: str) -> str:
    """``text`` quoted; bytes that were no UTF-8 (lone surrogates here) become ``\\xNN``."""
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    return f'"{"".join(map(_escape, text))}"'


def go_quote_list(texts: tuple[str, ...] | list[str]) -> str:
    """A list as ``%q`` writes a slice: ``["a" "b"]``."""
    return f"[{' '.join(map(go_quote, texts))}]"


def _escape(char: str) -> str:
    named = _NAMED.get(char)
    if named:
        return named
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if char == " " or (char.isprintable() and not char.isspace()):
        return char
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
