"""The words of a line that open here-documents."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.dockerfile.expand import expand_words
from core.errors import DockerfileError

_OPENER = re.compile(r"([0-9]*)<<(-?)[\t\n\f\r ]*([^<]*)\Z")
_MAX_UINT = 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HeredocWord:
    """``name`` without quotes; ``expand`` is False where any of it was quoted."""

    name: str
    expand: bool
    chomp: bool
    fd: int


def heredoc_words(line: str) -> list[HeredocWord]:
    """What a logical line opens, in order. Raises DockerfileError, without a range.

    A line whose quotes do not close opens nothing: it is the shell's business, not ours. The
    escape character here is always a backslash, whatever the directive says.
    """
    try:
        words = expand_words(line, {}, raw_quotes=True, raw_escapes=True, keep_unset=True)
    except DockerfileError:
        return []
    found = (parse_heredoc_word(word) for word in words)
    return [word for word in found if word is not None]


def parse_heredoc_word(word: str) -> HeredocWord | None:
    """``[fd]<<[-]NAME``, or None for another word. Raises DockerfileError for open quotes."""
    match = _OPENER.match(word)
    if match is None or not match.group(3):
        return None
    fd, dash, rest = match.groups()
    names = expand_words(rest, {}, keep_unset=True)
    if len(names) != 1:
        return None
    quoted = expand_words(rest, {}, keep_unset=True, raw_quotes=True)
    if len(quoted) != 1:
        raise DockerfileError(
            f"The name of the here-document {rest} cannot be read",
            phrase="internal lexing of heredoc produced inconsistent results",
        )
    return HeredocWord(
        name=names[0],
        expand=_quotes(names[0]) == _quotes(quoted[0]),
        chomp=bool(dash),
        fd=min(int(fd[:25]), _MAX_UINT) if fd else 0,
    )


def _quotes(text: str) -> int:
    return text.count("'") + text.count('"')
