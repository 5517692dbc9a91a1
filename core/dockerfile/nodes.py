"""The values a parsed Dockerfile consists of: document, node, heredoc, span.

Offsets are code points in ``Document.text``; line numbers are 1-based and count ``\\n`` only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from core.dockerfile.source import SourceLine, Span
from core.dockerfile.spans import KeyValueSpans, NodeSpans, locate
from core.errors import DockerfileError, LineRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Heredoc:
    """A here-document: ``name`` without quotes, ``content`` as it stands (tabs not yet stripped).

    ``span`` covers the body without the line of the terminator, ``start_line`` to ``end_line``
    its lines (``end_line`` is the terminator's line).
    """

    name: str
    content: str
    expand: bool
    chomp: bool
    fd: int
    span: Span
    start_line: int
    end_line: int

    @property
    def text(self) -> str:
        """The content as the instruction sees it: leading tabs removed after ``<<-``."""
        if not self.chomp:
            return self.content
        return "\n".join(line.lstrip("\t") for line in self.content.split("\n"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseWarning:
    """Something the parser accepts and objects to, at ``line``."""

    short: str
    detail: str
    line: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """A parser directive, such as ``# syntax=docker/dockerfile:1``.

    ``name`` is lower case; ``value`` is everything after ``=`` without outer white space.
    """

    name: str
    value: str
    line: int

    @property
    def word(self) -> str:
        """The value up to its first blank."""
        return self.value.partition(" ")[0]

    @property
    def range(self) -> LineRange:
        return LineRange(self.line, self.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One instruction before its meaning is looked at.

    ``keyword`` is as written, ``name`` lower case. ``args`` are raw: quotes and variables are
    still in them; ENV and LABEL hold key, value and separator (``=`` or nothing) in threes.
    ``original`` is the logical line: continuations joined, comments inside dropped. ``end`` is the
    last line, that of the last heredoc's terminator included. ``comments`` are the comment lines
    above, without ``#``. ``child`` is what ONBUILD holds; heredocs stay with the ONBUILD node.
    """

    keyword: str
    name: str
    args: tuple[str, ...]
    flags: tuple[str, ...]
    json: bool
    heredocs: tuple[Heredoc, ...]
    original: str
    start: int
    end: int
    comments: tuple[str, ...]
    child: Node | None
    source: SourceLine = field(repr=False, compare=False)

    @property
    def attributes(self) -> Mapping[str, bool]:
        return {"json": True} if self.json else {}

    @property
    def range(self) -> LineRange:
        return LineRange(self.start, self.end)

    @property
    def spans(self) -> NodeSpans:
        """Where keyword, flags and arguments stand; computed at each call."""
        return locate(self.original, self.name, self.source, has_child=self.child is not None)

    @property
    def span(self) -> Span:
        """From the keyword to the end of the last heredoc, or of the logical line."""
        whole = self.source.span(0, len(self.original))
        return Span(whole.start, self.heredocs[-1].span.end) if self.heredocs else whole

    @property
    def keyword_span(self) -> Span:
        return self.spans.keyword

    @property
    def flag_spans(self) -> tuple[Span, ...]:
        return self.spans.flags

    @property
    def arg_spans(self) -> tuple[Span, ...]:
        """One span an argument; of a JSON form each covers the string with its quotes."""
        return self.spans.args

    @property
    def key_values(self) -> tuple[KeyValueSpans, ...]:
        """Keys and values of ENV, LABEL and ARG with their spans; () for others."""
        return self.spans.key_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole Dockerfile. ``escape`` is the escape character, ``\\`` or a backtick.

    ``errors`` is empty unless it was parsed leniently; only then ``nodes`` may be empty.
    """

    text: str = field(repr=False)
    name: str
    nodes: tuple[Node, ...]
    directives: tuple[Directive, ...]
    escape: str
    warnings: tuple[ParseWarning, ...]
    errors: tuple[DockerfileError, ...] = ()

    def directive(self, name: str) -> Directive | None:
        return next((d for d in self.directives if d.name == name), None)

    def walk(self) -> Iterator[Node]:
        """Every node, each ONBUILD's child right after it."""
        for node in self.nodes:
            yield node
            if node.child is not None:
                yield node.child
