"""The machine under ``expand``: one pass over a word, recursive for what ``${...}`` holds."""

from __future__ import annotations

from collections.abc import Mapping

from core.dockerfile.chars import SPACES
from core.dockerfile.shellpattern import compile_pattern, trim_prefix, trim_suffix
from core.errors import DockerfileError

#: ``${a:-${b:-...}}`` may nest this deep; a person writes three.
MAX_NESTING = 100

_SPECIAL_PARAMETERS = frozenset("@*#?-$!0")
_HEREDOC_BLANKS = frozenset("\t\r ")
#: Reading past the end gives this; it equals no character and no escape character.
_END = ""


class Lexer:
    """Expands one word. ``used`` and ``unmatched`` fill up with the names looked up."""

    def __init__(
        self,
        word: str,
        env: Mapping[str, str],
        *,
        escape: str,
        raw_quotes: bool = False,
        raw_escapes: bool = False,
        keep_unset: bool = False,
        keep_quotes: bool = False,
    ) -> None:
        self._text = word
        self._size = len(word)
        self._at = 1 if word.startswith("\ufeff") else 0
        self._env = env
        self._escape = escape
        self._raw_quotes = raw_quotes
        self._raw_escapes = raw_escapes
        self._keep_unset = keep_unset
        self._keep_quotes = keep_quotes
        self._depth = 0
        # BuildKit's nested runs share one buffer: what stands before ${a:-b} in the same
        # unquoted word is lost when words are split. EXPOSE depends on it.
        self._buffer: list[str] = []
        self.used: set[str] = set()
        self.unmatched: set[str] = set()

    def process(self) -> tuple[str, list[str]]:
        """The expanded text, and the same split into words."""
        return self._until(_END, self._raw_escapes)

    def _peek(self) -> str:
        return self._text[self._at] if self._at < self._size else _END

    def _next(self) -> str:
        if self._at >= self._size:
            return _END
        char = self._text[self._at]
        self._at += 1
        return char

    def _until(self, stop: str, raw_escapes: bool) -> tuple[str, list[str]]:
        before = self._raw_escapes
        self._raw_escapes = raw_escapes
        try:
            return self._scan(stop)
        finally:
            self._raw_escapes = before

    def _scan(self, stop: str) -> tuple[str, list[str]]:
        result: list[str] = []
        words = _Words(self._buffer)
        while self._at < self._size:
            char = self._text[self._at]
            if char == stop:
                self._at += 1
                return "".join(result), words.finish()
            if char == "$":
                piece = self._dollar()
                result.append(piece)
                words.add_split(piece)
            elif char == "<":
                piece = self._angle()
                result.append(piece)
                words.add(piece)
            elif char == "'" and not self._keep_quotes:
                piece = self._single_quotes()
                result.append(piece)
                words.add(piece)
            elif char == '"' and not self._keep_quotes:
                piece = self._double_quotes()
                result.append(piece)
                words.add(piece)
            elif char == self._escape:
                self._at += 1
                if self._raw_escapes:
                    words.add(char)
                    result.append(char)
                char = self._next()
                if char == _END:
                    break
                words.add(char)
                result.append(char)
            else:
                self._at += 1
                words.add_split(char)
                result.append(char)
        if stop != _END:
            raise _Missing(stop)
        return "".join(result), words.finish()

    def _single_quotes(self) -> str:
        end = self._text.find("'", self._at + 1)
        if end < 0:
            self._at = self._size
            raise _unclosed("single")
        inner = self._text[self._at + 1 : end]
        self._at = end + 1
        return f"'{inner}'" if self._raw_quotes else inner

    def _double_quotes(self) -> str:
        mark = '"' if self._raw_quotes else ""
        result = [mark]
        self._at += 1
        while True:
            char = self._peek()
            if char == _END:
                raise _unclosed("double")
            if char == '"':
                self._at += 1
                result.append(mark)
                return "".join(result)
            if char == "$":
                result.append(self._dollar())
                continue
            self._at += 1
            if char == self._escape:
                if self._raw_escapes:
                    result.append(char)
                following = self._peek()
                if following == _END:
                    continue
                if following in ('"', "$", self._escape):
                    self._at += 1
                    char = following
            result.append(char)

    def _angle(self) -> str:
        """``<``, or ``<<`` with the blanks after it, which belong to a here-document's word."""
        self._at += 1
        if self._peek() != "<":
            return "<"
        self._at += 1
        start = self._at
        while self._peek() in _HEREDOC_BLANKS:
            self._at += 1
        return "<<" + self._text[start : self._at]

    def _dollar(self) -> str:
        self._at += 1
        if self._peek() != "{":
            name = self._name()
            if not name:
                return "$"
            value = self._lookup(name)
            if value is None:
                return f"${name}" if self._keep_unset else ""
            return value
        self._at += 1
        following = self._peek()
        if following == _END:
            raise _syntax("missing '}'", "A ${ is never closed")
        if following in "{}:":
            raise _syntax("bad substitution", f"${{{following} is not a variable")
        if self._depth >= MAX_NESTING:
            raise DockerfileError(
                f"${{...}} is nested more than {MAX_NESTING} deep",
                hint="Set an intermediate ARG.",
                phrase="bad substitution",
            )
        self._depth += 1
        try:
            return self._braces()
        finally:
            self._depth -= 1

    def _braces(self) -> str:
        name = self._name()
        char = self._next()
        if char == "}":
            value = self._lookup(name)
            if value is None:
                return f"${{{name}}}" if self._keep_unset else ""
            return value
        if char == "/":
            return self._replace(name)
        modifier = char
        empty_counts_as_unset = char == ":"
        if empty_counts_as_unset:
            char = self._next()
            modifier += char
        elif char not in ("+", "-", "?", "#", "%"):
            raise _unsupported(modifier)
        if empty_counts_as_unset and char in ("#", "%"):
            raise _unsupported(modifier)
        word = self._inner("}", char in ("#", "%"), "}")
        value = self._lookup(name)
        if value is None and self._keep_unset:
            return f"${{{name}{modifier}{word}}}"
        missing = value is None or (empty_counts_as_unset and value == "")
        match char:
            case "-":
                return word if missing else value or ""
            case "+":
                return "" if missing else word
            case "?":
                if missing:
                    state = "unset" if value is None else "empty"
                    message = f"{name}: {word or f'is not allowed to be {state}'}"
                    raise DockerfileError(
                        f"{name} must have a value: {word}"
                        if word
                        else f"{name} must not be {state}",
                        hint=f"Give it a value, for example with --build-arg {name}=....",
                        phrase=message,
                    )
                return value or ""
            case "#" | "%":
                greedy = word.startswith(char)
                pattern = word[1:] if greedy else word
                trim = trim_prefix if char == "#" else trim_suffix
                return trim(pattern, value or "", greedy=greedy)
            case _:
                raise _unsupported(modifier)

    def _replace(self, name: str) -> str:
        everywhere = self._peek() == "/"
        if everywhere:
            self._at += 1
        pattern = self._inner("/", True, "/")
        replacement = self._inner("}", True, "}")
        value = self._lookup(name)
        if value is None and self._keep_unset:
            return f"${{{name}/{pattern}/{replacement}}}"
        compiled = compile_pattern(pattern, greedy=True, anchored=False)
        return compiled.replace(value or "", replacement, everywhere=everywhere)

    def _inner(self, stop: str, raw_escapes: bool, wanted: str) -> str:
        try:
            return self._until(stop, raw_escapes)[0]
        except DockerfileError:
            if self._at < self._size:
                raise
        where = "'/' in ${}" if wanted == "/" else "'}'"
        raise _syntax(f"missing {where}", f"A ${{...}} lacks its {wanted}")

    def _name(self) -> str:
        start = self._at
        first = self._peek()
        if first.isdecimal():
            while self._peek().isdecimal():
                self._at += 1
        elif first in _SPECIAL_PARAMETERS:
            self._at += 1
        else:
            while (char := self._peek()) == "_" or char.isalpha() or char.isdecimal():
                self._at += 1
        return self._text[start : self._at]

    def _lookup(self, name: str) -> str | None:
        value = self._env.get(name)
        (self.unmatched if value is None else self.used).add(name)
        return value


class _Words:
    """Collects words while a text is scanned."""

    def __init__(self, buffer: list[str]) -> None:
        buffer.clear()
        self._buffer = buffer
        self._words: list[str] = []
        self._in_word = False

    def add(self, piece: str) -> None:
        if piece:
            self._buffer.append(piece)
        self._in_word = True

    def add_split(self, piece: str) -> None:
        for char in piece:
            if char not in SPACES:
                self._buffer.append(char)
                self._in_word = True
            elif self._in_word and self._buffer:
                self._words.append("".join(self._buffer))
                self._buffer.clear()
                self._in_word = False

    def finish(self) -> list[str]:
        if self._buffer:
            self._words.append("".join(self._buffer))
            self._buffer.clear()
        return self._words


class _Missing(DockerfileError):
    def __init__(self, stop: str) -> None:
        super().__init__(
            f"The text ends where a {stop} was still to come",
            phrase=f"unexpected end of statement while looking for matching {stop}",
        )


def _unclosed(kind: str) -> DockerfileError:
    return DockerfileError(
        f"A {kind} quote is never closed",
        hint="Close it, or write an escape character before it.",
        phrase=f"unexpected end of statement while looking for matching {kind}-quote",
    )


def _syntax(phrase: str, message: str) -> DockerfileError:
    return DockerfileError(message, phrase=f"syntax error: {phrase}")


def _unsupported(modifier: str) -> DockerfileError:
    return DockerfileError(
        f"${{...}} has no modifier {modifier}" if modifier else "A ${ is never closed",
        hint="There are :- - :+ + :? ? # ## % %% / and //.",
        phrase=f"unsupported modifier ({modifier or chr(0xFFFD)}) in substitution",
    )
