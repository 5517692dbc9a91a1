"""From text to nodes: directives, comments, continuations, here-documents, words.

The rules are those of BuildKit's ``frontend/dockerfile/parser``, quirks included, because an
image is built by them. One pass over the lines; nothing is looked at twice.
"""

from __future__ import annotations

from dataclasses import replace

from core.dockerfile.chars import SPACE, quote
from core.dockerfile.decode import check_characters, decode, readable
from core.dockerfile.directives import DirectiveReader
from core.dockerfile.heredoc import HeredocWord, heredoc_words
from core.dockerfile.jsonform import json_strings
from core.dockerfile.nodes import Document, Heredoc, Node, ParseWarning
from core.dockerfile.source import SourceLine, Span
from core.dockerfile.words import (
    BLANKS,
    JSON_FORM,
    KNOWN,
    Rest,
    health_words,
    key_value_words,
    split_command,
    split_words,
)
from core.errors import DockerfileError, LineRange

#: Bytes that a line may have, without its newline.
MAX_LINE = 65535

EMPTY_CONTINUATION_URL = "https://docs.docker.com/go/dockerfile/rule/no-empty-continuation/"

_HEREDOC_KEYWORDS = frozenset({"add", "copy", "run"})
_BLANK_SEPARATED = frozenset({"add", "copy", "expose", "from", "volume"})
_NESTING = 50


def parse(text: bytes | str, *, name: str = "Dockerfile", lenient: bool = False) -> Document:
    """The document of a Dockerfile.

    Raises DockerfileError with a range for what BuildKit's parser refuses, for an instruction
    with a NUL and for one that is not UTF-8. Unknown instructions pass: the typed layer refuses
    them. An error before the first line has line 0. If ``lenient``, instructions that cannot be
    are left out and ``Document.errors`` lists why; nothing is raised.
    """
    return _Parser(decode(text), name, lenient).parse()


class _Parser:
    def __init__(self, text: str, name: str, lenient: bool) -> None:
        self._lenient = lenient
        self._errors: list[DockerfileError] = []
        self._text = text
        self._name = name
        self._lines = text.split("\n")
        if self._lines[-1] == "":
            self._lines.pop()
        self._too_long = _first_long_line(self._lines)
        self._count = len(self._lines) if self._too_long is None else self._too_long
        self._next = 0  # index of the next line to read, and the number of lines read
        self._offset = 0  # where that line starts in the text
        self._directives = DirectiveReader()
        self._escape = "\\"
        self._nodes: list[Node] = []
        self._warnings: list[ParseWarning] = []
        self._comments: list[str] = []

    def parse(self) -> Document:
        while self._next < self._count:
            try:
                self._instruction()
            except DockerfileError as error:
                self._refuse(error)
        if not self._nodes and not self._errors:
            self._refuse(
                DockerfileError(
                    "The Dockerfile has no instructions",
                    hint="Begin with FROM and a base image.",
                    ranges=[LineRange(self._next, self._next)],
                    phrase="file with no instructions",
                )
            )
        if self._too_long is not None:
            self._refuse(
                DockerfileError(
                    f"Line {self._too_long + 1} is longer than {MAX_LINE} bytes",
                    hint="Break it with line continuations, or COPY the data from a file.",
                    ranges=[LineRange(self._next, self._next)],
                    phrase=f"dockerfile line greater than max allowed size of {MAX_LINE}",
                )
            )
        return Document(
            text=self._text,
            name=self._name,
            nodes=tuple(self._nodes),
            directives=tuple(self._directives.found),
            escape=self._escape,
            warnings=tuple(self._warnings),
            errors=tuple(self._errors),
        )

    def _refuse(self, error: DockerfileError) -> None:
        error.source_name = error.source_name or self._name
        if not self._lenient:
            raise error
        self._errors.append(error)
        self._comments.clear()

    def _read(self) -> tuple[str, int]:
        """The next line without its newline, and its offset."""
        line = self._lines[self._next]
        offset = self._offset
        self._offset += len(line) + 1
        self._next += 1
        return line, offset

    def _instruction(self) -> None:
        """Reads one line, and all lines that belong to it."""
        index = self._next
        line, offset = self._read()
        if index == 0 and line.startswith("\ufeff"):
            line, offset = line[1:], offset + 1
        line = line.rstrip("\r")
        stripped = line.lstrip(SPACE)
        if not self._directives.done:
            found = self._directives.read(stripped, index + 1)
            if found is not None:
                if found.name == "escape":
                    self._escape = found.value
                return
        if stripped[:1] == "#":
            comment = line[1:].strip(SPACE)
            if comment:
                self._comments.append(comment if comment.isascii() else readable(comment))
            else:
                self._comments.clear()
            return
        piece, ended = self._continued(stripped)
        if ended and not piece:
            return
        start = index + 1
        offset += len(line) - len(stripped)
        if ended:
            logical = piece
            source = SourceLine((0,), (offset,), 0, self._escape)
        else:
            logical, source = self._join(piece, offset)
        self._add(logical, source, start)

    def _continued(self, line: str) -> tuple[str, bool]:
        """The line without its continuation character, and whether it is the last one."""
        bare = line.rstrip(" \t")
        if not bare.endswith(self._escape) or bare[-2:-1] == self._escape:
            return line, True
        return bare[:-1], False

    def _join(self, first: str, offset: int) -> tuple[str, SourceLine]:
        pieces = [first]
        starts, offsets = [0], [offset]
        length = len(first)
        empty_line = False
        ended = False
        while not ended and self._next < self._count:
            line, offset = self._read()
            line = line.rstrip("\r")
            stripped = line.lstrip(SPACE)
            if not stripped:
                empty_line = True
                continue
            if stripped[0] == "#":
                continue
            piece, ended = self._continued(line)
            pieces.append(piece)
            starts.append(length)
            offsets.append(offset)
            length += len(piece)
        logical = "".join(pieces)
        if empty_line:
            self._warnings.append(
                ParseWarning(
                    short=f"Empty continuation line found in: {logical}",
                    detail="Empty continuation lines will become errors in a future release",
                    line=self._next,
                    url=EMPTY_CONTINUATION_URL,
                )
            )
        return logical, SourceLine(tuple(starts), tuple(offsets), 0, self._escape)

    def _add(self, logical: str, source: SourceLine, start: int) -> None:
        comments = tuple(self._comments)
        try:
            check_characters(logical)
            node = make_node(logical, self._escape, source, start, self._next, comments)
            if "<<" in logical and _takes_heredocs(node):
                heredocs = tuple(self._heredoc(word) for word in heredoc_words(logical))
                if heredocs:
                    child = node.child and replace(node.child, end=self._next)
                    node = replace(node, end=self._next, heredocs=heredocs, child=child)
        except DockerfileError as error:
            if not error.ranges:
                error.ranges = (LineRange(start, self._next),)
            raise
        self._nodes.append(node)
        self._comments.clear()

    def _heredoc(self, word: HeredocWord) -> Heredoc:
        begin, first = self._offset, self._next + 1
        while self._next < self._count:
            line, offset = self._read()
            candidate = line.rstrip("\r")
            if (candidate.lstrip("\t") if word.chomp else candidate) == word.name:
                content = self._text[begin:offset]
                check_characters(content)
                return Heredoc(
                    name=word.name,
                    content=content,
                    expand=word.expand,
                    chomp=word.chomp,
                    fd=word.fd,
                    span=Span(begin, offset),
                    start_line=first,
                    end_line=self._next,
                )
        raise DockerfileError(
            f"The here-document {word.name} is never closed",
            hint=f"Put {word.name} alone on a line after its text.",
            phrase="unterminated heredoc",
        )


def _first_long_line(lines: list[str]) -> int | None:
    for index, line in enumerate(lines):
        if len(line) > MAX_LINE // 4 and len(line.encode("utf-8", "surrogateescape")) > MAX_LINE:
            return index
    return None


def _takes_heredocs(node: Node) -> bool:
    inner = node.child if node.name == "onbuild" and node.child is not None else node
    return inner.name in _HEREDOC_KEYWORDS and not inner.json


def make_node(
    line: str,
    escape: str,
    source: SourceLine,
    start: int,
    end: int,
    comments: tuple[str, ...] = (),
    *,
    depth: int = 0,
) -> Node:
    """The node of one logical line. Raises DockerfileError, without a range."""
    command = split_command(line, escape)
    keyword, rest = command.keyword.text, command.rest
    name = keyword.lower()
    child: Node | None = None
    is_json = False
    args: tuple[str, ...]
    if name == "onbuild":
        args = ()
        if rest.text:
            if depth >= _NESTING:
                raise DockerfileError(
                    "ONBUILD stands in ONBUILD again and again",
                    phrase="Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed",
                )
            inner = source.shifted(rest.start)
            child = make_node(rest.text, escape, inner, start, end, depth=depth + 1)
    else:
        args, is_json = _arguments(name, rest, escape)
    return Node(
        keyword=keyword,
        name=name,
        args=args,
        flags=tuple(flag.text for flag in command.flags),
        json=is_json,
        heredocs=(),
        original=line,
        start=start,
        end=end,
        comments=comments,
        child=child,
        source=source,
    )


def _arguments(name: str, rest: Rest, escape: str) -> tuple[tuple[str, ...], bool]:
    text = rest.text
    if name not in KNOWN:
        return ("",), False
    if not text:
        return (), False
    if name in JSON_FORM:
        values = json_strings(text)
        if values is not None:
            return tuple(values), True
    if name in _BLANK_SEPARATED:
        return tuple(BLANKS.split(text)), False
    if name == "arg":
        return tuple(word.text for word in split_words(text, escape)), False
    if name in ("env", "label"):
        pairs = key_value_words(rest, name, escape)
        return tuple(
            part
            for pair in pairs
            for part in (pair.key.text, pair.value.text if pair.value else "", pair.separator)
        ), False
    if name == "healthcheck":
        kind, tail = health_words(rest)
        if not tail.text:
            return (kind.text,), False
        values = json_strings(tail.text)
        return (kind.text, *(values if values is not None else (tail.text,))), values is not None
    return (text,), False


def dump(document: Document) -> str:
    """The document as S-expressions, one instruction a line: BuildKit's test form."""
    return "\n".join(f"({_dump_node(node)})" for node in document.nodes)


def _dump_node(node: Node) -> str:
    parts = [node.name]
    if node.flags:
        parts.append("[" + " ".join(quote(flag) for flag in node.flags) + "]")
    parts += (quote(arg) for arg in node.args)
    if node.child is not None:
        parts.append(f"({_dump_node(node.child)})")
    return " ".join(parts).strip(SPACE)
