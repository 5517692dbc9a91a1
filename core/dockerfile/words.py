"""Splitting one logical line into keyword, flags and words, each with its place in the line.

Quotes and escape characters are understood only so far as splitting needs them; what they mean is
expand.py's business. The rules are those of BuildKit's ``parser/split_command.go`` and
``parser/line_parsers.go``.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from core.dockerfile.chars import SPACE, SPACES, quote
from core.dockerfile.jsonform import json_strings
from core.errors import DockerfileError

BLANKS = re.compile(r"[\t\v\f\r ]+")
_LINE_HEAD = re.compile(r"[^\t\v\f\r ]*")
_PLAIN_COMMAND = re.compile(rf"([^{SPACE}]+)[\t\v\f\r ]+(?=[^{SPACE}\-])")
_HEALTH = re.compile(r"([^\t\n\v\f\r ]+)[\t\n\v\f\r ]*")
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')

_CONTINUATION_BYTES = bytes(range(0x80, 0xC0))

#: Instructions whose arguments may be a JSON array of strings.
JSON_FORM = frozenset({"add", "cmd", "copy", "entrypoint", "run", "shell", "volume"})
KNOWN = frozenset(
    {
        *JSON_FORM,
        *("arg", "env", "expose", "from", "healthcheck", "label", "maintainer", "onbuild"),
        *("stopsignal", "user", "workdir"),
    }
)


class Word(NamedTuple):
    """``text`` after splitting, and the half-open range of the line that it came from."""

    text: str
    start: int
    end: int


class Rest(NamedTuple):
    """What follows keyword and flags, without outer white space; ``start`` is its place."""

    text: str
    start: int


class SplitCommand(NamedTuple):
    """A logical line in three parts."""

    keyword: Word
    flags: tuple[Word, ...]
    rest: Rest


def split_command(line: str, escape: str) -> SplitCommand:
    """Keyword, flags and the rest of a logical line."""
    plain = _PLAIN_COMMAND.match(line)
    if plain is not None and line[-1] not in SPACES:
        start, end = plain.span(1)
        at = plain.end()
        return SplitCommand(Word(plain[1], start, end), (), Rest(line[at:], at))
    stripped = line.strip(SPACE)
    start = line.find(stripped) if stripped else 0
    head = _LINE_HEAD.match(stripped)
    keyword = head.group() if head else ""
    blank = BLANKS.match(stripped, len(keyword))
    word = Word(keyword, start, start + len(keyword))
    if blank is None:
        return SplitCommand(word, (), Rest("", start + len(stripped)))
    tail = stripped[blank.end() :]
    flags, consumed = split_flags(tail, escape)
    base = start + blank.end()
    rest = tail[consumed:]
    lead = len(rest) - len(rest.lstrip(SPACE))
    return SplitCommand(
        word,
        tuple(Word(f.text, f.start + base, f.end + base) for f in flags),
        Rest(rest.strip(SPACE), base + consumed + lead),
    )


def split_flags(text: str, escape: str) -> tuple[list[Word], int]:
    """The leading ``--name=value`` words and the offset of what follows them.

    A lone ``--`` ends the flags. BuildKit reads flags byte by byte, which garbles what is not
    ASCII (each byte becomes a character of its own); that is part of what an image is built from
    and is kept.
    """
    if not text.lstrip(SPACE).startswith("--"):
        return [], len(text) - len(text.lstrip(SPACE))
    if text.isascii():
        return _scan_flags(text, escape)
    data = text.encode("utf-8", "surrogatepass")
    flags, consumed = _scan_flags(data.decode("latin-1"), escape)

    last = count = 0

    def characters(offset: int) -> int:
        nonlocal last, count
        count += len(data[last:offset].translate(None, _CONTINUATION_BYTES))
        last = offset
        return count

    moved = [Word(f.text, characters(f.start), characters(f.end)) for f in flags]
    return moved, characters(consumed)


def _scan_flags(text: str, escape: str) -> tuple[list[Word], int]:
    words: list[Word] = []
    at, size = 0, len(text)
    while True:
        while at < size and text[at] in SPACES:
            at += 1
        if at >= size:
            return words, size
        if not text.startswith("--", at):
            return words, at
        start = at
        piece: list[str] = []
        open_quote = ""
        quoted = False
        while at < size:
            char = text[at]
            if open_quote:
                if char == open_quote:
                    open_quote = ""
                    at += 1
                    continue
            elif char in SPACES:
                break
            elif char in "'\"":
                open_quote = char
                quoted = True
                at += 1
                continue
            if char == escape:
                if at + 1 == size:
                    at += 1
                    break
                at += 1
                char = text[at]
            piece.append(char)
            at += 1
        word = "".join(piece)
        if word == "--":
            return words, at
        if word or quoted:
            words.append(Word(word, start, at))


@cache
def _word_pattern(escape: str) -> re.Pattern[str]:
    esc, space = re.escape(escape), re.escape(SPACE)
    return re.compile(
        rf"""(?:[^{space}'"{esc}]++|{esc}.|"(?:[^"{esc}]++|{esc}.)*+(?:"|\Z)|'[^']*+(?:'|\Z)"""
        rf"""|(?P<cut>{esc}\Z)|"(?:[^"{esc}]++|{esc}.)*+(?P<cut_in_quotes>{esc}\Z))++""",
        re.DOTALL,
    )


def split_words(text: str, escape: str) -> list[Word]:
    """Blank-separated words of ENV, LABEL and ARG; quotes stay in them.

    A quote left open runs to the end; an escape character that is the last of all is dropped.
    """
    words: list[Word] = []
    for match in _word_pattern(escape).finditer(text):
        cut = match.lastgroup is not None
        word = match.group()[:-1] if cut else match.group()
        if word:
            words.append(Word(word, match.start(), match.end() - cut))
    return words


class Pair(NamedTuple):
    """A key and its value as words of the line; ``separator`` is ``=`` or empty."""

    key: Word
    value: Word | None
    separator: str


def key_value_words(rest: Rest, name: str, escape: str) -> list[Pair]:
    """The pairs of ENV, LABEL or ARG. Raises DockerfileError, without a range."""
    words = split_words(rest.text, escape)
    if not words:
        return []
    if name == "arg":
        return [_pair(word, rest.start) for word in words]
    if "=" not in words[0].text:
        parts = BLANKS.split(rest.text, maxsplit=1)
        if len(parts) < 2:
            raise DockerfileError(
                f"{name.upper()} {words[0].text} has no value",
                hint=f"Write {name.upper()} {words[0].text}=value.",
                phrase=f"{name.upper()} must have two arguments",
            )
        key, value = parts
        value_start = rest.start + len(rest.text) - len(value)
        return [
            Pair(
                Word(key, rest.start, rest.start + len(key)),
                Word(value, value_start, value_start + len(value)),
                "",
            )
        ]
    for word in words:
        if "=" not in word.text:
            raise DockerfileError(
                f"{word.text} stands between the key=value pairs of {name.upper()} without a =",
                hint="Put a value with blanks in quotes.",
                phrase=f"Syntax error - can't find = in {quote(word.text)}. "
                "Must be of the form: name=value",
            )
    return [_pair(word, rest.start) for word in words]


def _pair(word: Word, base: int) -> Pair:
    key, equals, value = word.text.partition("=")
    start = word.start + base
    key_end = start + len(key)
    if not equals:
        return Pair(Word(key, start, key_end), None, "")
    return Pair(Word(key, start, key_end), Word(value, key_end + 1, key_end + 1 + len(value)), "=")


def blank_words(rest: Rest) -> list[Word]:
    """Words between blanks, with no regard to quotes."""
    words = []
    at = 0
    for blank in BLANKS.finditer(rest.text):
        words.append(
            Word(rest.text[at : blank.start()], rest.start + at, rest.start + blank.start())
        )
        at = blank.end()
    if rest.text:
        words.append(Word(rest.text[at:], rest.start + at, rest.start + len(rest.text)))
    return words


def health_words(rest: Rest) -> tuple[Word, Rest]:
    """HEALTHCHECK's first word and what follows it."""
    match = _HEALTH.match(rest.text)
    kind = match.group(1) if match else ""
    after = match.end() if match else 0
    return (
        Word(kind, rest.start, rest.start + len(kind)),
        Rest(rest.text[after:], rest.start + after),
    )


def argument_words(rest: Rest, name: str) -> list[Word]:
    """The arguments of any instruction but ENV, LABEL, ARG and ONBUILD, with their places."""
    if not rest.text:
        return [] if name in KNOWN else [Word("", rest.start, rest.start)]
    if name not in KNOWN:
        return [Word("", rest.start, rest.start)]
    if name == "healthcheck":
        kind, tail = health_words(rest)
        return [kind, *(argument_words(tail, "cmd") if tail.text else [])]
    if name in JSON_FORM:
        values = json_strings(rest.text)
        if values is not None:
            return _json_words(rest, values)
    if name in ("from", "expose", "add", "copy", "volume"):
        return blank_words(rest)
    return [Word(rest.text, rest.start, rest.start + len(rest.text))]


def _json_words(rest: Rest, values: list[str]) -> list[Word]:
    words: list[Word] = []
    for value, match in zip(values, _JSON_STRING.finditer(rest.text), strict=True):
        words.append(Word(value, rest.start + match.start(), rest.start + match.end()))
    return words
