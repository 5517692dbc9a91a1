"""Bytes to text, and which characters an instruction cannot hold."""

from __future__ import annotations

import re

from core.errors import DockerfileError

_SURROGATE = re.compile("[\ud800-\udfff]")
_IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")


def decode(text: bytes | str) -> str:
    """UTF-8 text; bytes that are none become lone surrogates, which ``encode`` turns back.

    They may stand in comments, as BuildKit allows; ``check_characters`` refuses them elsewhere.
    """
    return text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text


def encode(text: str) -> bytes:
    """The bytes that ``decode`` made the text from."""
    return text.encode("utf-8", "surrogateescape")


def readable(text: str) -> str:
    """The text with U+FFFD for each byte that is not UTF-8."""
    return _SURROGATE.sub("\ufffd", text)


def check_characters(line: str) -> None:
    """Refuse NUL and bytes outside UTF-8 in a logical line. The error has no range."""
    if line.isascii():
        if "\0" not in line:
            return
    elif not _IMPOSSIBLE.search(line):
        return
    if "\0" in line:
        raise DockerfileError(
            "The instruction holds a NUL character, which no argument, variable or path can",
            hint="Remove it; an editor may show it as ^@.",
            phrase="invalid character NUL",
        )
    raise DockerfileError(
        "The instruction holds bytes that are not UTF-8",
        hint="Save the Dockerfile as UTF-8.",
        phrase="invalid UTF-8 encoding",
    )
