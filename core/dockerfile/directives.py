"""Parser directives: ``# syntax=``, ``# escape=``, ``# check=`` above everything else."""

from __future__ import annotations

import json
import re

from core.dockerfile.chars import SPACE
from core.dockerfile.nodes import Directive
from core.errors import DockerfileError, LineRange

_DIRECTIVE = re.compile(r"([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.+?)[\t\n\f\r ]*\Z")
_NAMES = frozenset({"syntax", "escape", "check"})


class DirectiveReader:
    """Reads the lines at the top until one is no directive; then ``done`` is set."""

    def __init__(self, comment: str = "#") -> None:
        self._comment = comment
        self.found: list[Directive] = []
        self.done = False

    def read(self, line: str, number: int) -> Directive | None:
        """The directive of a line, or None. Raises DockerfileError for a second one of a name."""
        if self.done or not line.startswith(self._comment):
            self.done = True
            return None
        match = _DIRECTIVE.match(line[len(self._comment) :].lstrip(SPACE))
        name = match.group(1).lower() if match else ""
        if match is None or name not in _NAMES:
            self.done = True
            return None
        # BuildKit counts the lines before this one.
        ranges = [LineRange(number - 1, number - 1)]
        if any(known.name == name for known in self.found):
            raise DockerfileError(
                f"The directive {name} stands here a second time",
                hint="Remove one of the two.",
                ranges=ranges,
                phrase=f"only one {name} parser directive can be used",
            )
        value = match.group(2)
        if name == "escape" and self._comment == "#" and value not in ("\\", "`"):
            raise DockerfileError(
                f"The escape character can be \\ or ` and not {value}",
                ranges=ranges,
                phrase=f"invalid escape token '{value}' does not match ` or \\",
            )
        directive = Directive(name=name, value=value, line=number)
        self.found.append(directive)
        return directive


def find_directive(name: str, text: str) -> Directive | None:
    """The directive of that name at the top of a text that need not parse.

    A first line ``#!...`` is passed over, which ``parse`` does not do.
    """
    return _find(name, text, "#")


def detect_syntax(text: str) -> Directive | None:
    """The frontend that a text asks for, as ``# syntax=``, ``// syntax=`` or JSON."""
    found = _find("syntax", text, "#") or _find("syntax", text, "//")
    if found is not None:
        return found
    body, shebang = _without_shebang(text)
    try:
        value = json.loads(body) if body.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and isinstance(value.get("syntax"), str):
        return Directive(name="syntax", value=value["syntax"], line=shebang)
    return None


def _without_shebang(text: str) -> tuple[str, int]:
    text = text.removeprefix("\ufeff")
    if not text.startswith("#!"):
        return text, 0
    return text.partition("\n")[2], 1


def _find(name: str, text: str, comment: str) -> Directive | None:
    body, passed = _without_shebang(text)
    reader = DirectiveReader(comment)
    start = 0
    number = passed
    while start < len(body) and not reader.done:
        end = body.find("\n", start)
        end = len(body) if end < 0 else end
        number += 1
        try:
            found = reader.read(body[start:end].removesuffix("\r"), number)
        except DockerfileError:
            return next((d for d in reader.found if d.name == name), None)
        if found is not None and found.name == name:
            return found
        start = end + 1
    return None
