"""Where the words of an instruction stand, found again from its logical line.

The parser keeps values only, because a keystroke needs nothing else; an edit, a hover or a
finding asks here for places.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.dockerfile.source import SourceLine, Span
from core.dockerfile.words import Word, argument_words, key_value_words, split_command


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyValueSpans:
    """``key=value`` of ENV, LABEL or ARG: the raw texts and where they stand.

    ``value`` is None for ``ARG name``; ``separator`` is ``=``, or empty for the legacy form.
    """

    key: str
    value: str | None
    separator: str
    span: Span
    key_span: Span
    value_span: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpans:
    """The places of one instruction's words, in the order of ``Node.flags`` and ``Node.args``."""

    keyword: Span
    flags: tuple[Span, ...]
    args: tuple[Span, ...]
    key_values: tuple[KeyValueSpans, ...]


def locate(original: str, name: str, source: SourceLine, *, has_child: bool) -> NodeSpans:
    """The places of the words of the logical line ``original``."""
    escape = source.escape
    command = split_command(original, escape)

    def span(word: Word) -> Span:
        return source.span(word.start, word.end)

    flags = tuple(span(word) for word in command.flags)
    pairs: tuple[KeyValueSpans, ...] = ()
    if has_child:
        args: tuple[Span, ...] = ()
    elif name in ("env", "label", "arg"):
        found = key_value_words(command.rest, name, escape)
        pairs = tuple(
            KeyValueSpans(
                key=pair.key.text,
                value=pair.value.text if pair.value else None,
                separator=pair.separator,
                span=source.span(pair.key.start, (pair.value or pair.key).end),
                key_span=span(pair.key),
                value_span=span(pair.value) if pair.value else None,
            )
            for pair in found
        )
        if name == "arg":
            args = tuple(pair.span for pair in pairs)
        else:
            args = tuple(s for pair in found for s in _triple(pair.key, pair.value, source))
    else:
        args = tuple(span(word) for word in argument_words(command.rest, name))
    return NodeSpans(keyword=span(command.keyword), flags=flags, args=args, key_values=pairs)


def _triple(key: Word, value: Word | None, source: SourceLine) -> tuple[Span, Span, Span]:
    end = value or key
    return (
        source.span(key.start, key.end),
        source.span(end.start, end.end),
        source.span(key.end, end.start),
    )
