"""What a ``WWW-Authenticate`` header asks for (RFC 9110, section 11.6.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_SCHEME: Final = re.compile(r"\s*,*\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:\s+(?![=\s])|(?=,)|$)")
_PARAMETER: Final = re.compile(
    r'\s*,*\s*([A-Za-z0-9!#$%&\'*+.^_`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One scheme (lower case) and its parameters (names in lower case)."""

    scheme: str
    parameters: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        return dict(self.parameters).get(name, "")


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Every challenge in the headers; what cannot be read is left out."""
    return tuple(found for header in headers for found in _parse(header))


def _parse(header: str) -> list[Challenge]:
    found: list[Challenge] = []
    position = 0
    while match := _SCHEME.match(header, position):
        position = match.end()
        parameters: list[tuple[str, str]] = []
        while value := _PARAMETER.match(header, position):
            position = value.end()
            text = re.sub(r"\\(.)", r"\1", value[2]) if value[2] is not None else value[3]
            parameters.append((value[1].lower(), text))
        found.append(Challenge(scheme=match[1].lower(), parameters=tuple(parameters)))
    return found
