"""Word expansion: quotes, escapes, ``$name`` and every ``${name...}`` form, as BuildKit has them.

The rules are those of BuildKit's ``shell/lex.go``, which resembles a POSIX shell: single quotes
keep everything, double quotes keep all but ``$`` and the escape character before ``"``, ``$`` and
itself. Patterns of ``#``, ``%`` and ``/`` know ``*``, ``?`` and ``\\``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from core.dockerfile.chars import quote
from core.dockerfile.lexer import Lexer
from core.errors import DockerfileError, LineRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """An expanded word; ``used`` are the variables that had a value, ``unmatched`` the others."""

    text: str
    used: frozenset[str]
    unmatched: frozenset[str]


_NOTHING: frozenset[str] = frozenset()
_SPECIAL = re.compile(r"[$'\"\\`\ufeff]")


def expand_word(
    word: str,
    env: Mapping[str, str],
    *,
    escape: str = "\\",
    raw_quotes: bool = False,
    raw_escapes: bool = False,
    keep_unset: bool = False,
    keep_quotes: bool = False,
) -> Expansion:
    """``word`` with quotes removed and variables replaced; blanks do not split it.

    ``raw_quotes`` and ``raw_escapes`` leave quotes and escape characters in the result,
    ``keep_unset`` leaves variables without a value as written, ``keep_quotes`` gives quotes no
    meaning at all (bodies of here-documents). Raises DockerfileError, without a range: see
    ``errors_at``.
    """
    if not _SPECIAL.search(word):
        return Expansion(text=word, used=_NOTHING, unmatched=_NOTHING)
    lexer = Lexer(
        word,
        env,
        escape=escape,
        raw_quotes=raw_quotes,
        raw_escapes=raw_escapes,
        keep_unset=keep_unset,
        keep_quotes=keep_quotes,
    )
    text, _ = _run(lexer, word)
    return Expansion(text=text, used=frozenset(lexer.used), unmatched=frozenset(lexer.unmatched))


def expand_words(
    word: str,
    env: Mapping[str, str],
    *,
    escape: str = "\\",
    raw_quotes: bool = False,
    raw_escapes: bool = False,
    keep_unset: bool = False,
) -> list[str]:
    """As ``expand_word``, then split at unquoted blanks (those of variables' values included)."""
    lexer = Lexer(
        word,
        env,
        escape=escape,
        raw_quotes=raw_quotes,
        raw_escapes=raw_escapes,
        keep_unset=keep_unset,
    )
    return _run(lexer, word)[1]


def _run(lexer: Lexer, word: str) -> tuple[str, list[str]]:
    try:
        return lexer.process()
    except DockerfileError as error:
        shown = word if len(word) <= 200 else word[:200] + "…"
        raise DockerfileError(
            error.message if shown in error.message else f"{error.message}, in {shown}",
            hint=error.hint,
            phrase=f"failed to process {quote(shown)}: {error.phrase or error.message}",
        ) from None
    except RecursionError:
        # The caller stands so deep that even MAX_NESTING does not fit.
        raise DockerfileError(
            "${...} is nested too deep here",
            hint="Set an intermediate ARG.",
            phrase="failed to process: bad substitution",
        ) from None


@contextmanager
def errors_at(ranges: Iterable[LineRange], *, source_name: str = "") -> Iterator[None]:
    """Give a DockerfileError of the body that has no range these ranges."""
    try:
        yield
    except DockerfileError as error:
        if not error.ranges:
            error.ranges = tuple(ranges)
            error.source_name = error.source_name or source_name
        raise
