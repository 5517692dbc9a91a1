"""Variables of a stage as far as the text tells: constants, and those that follow the platform."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

from core.dockerfile.source import Span
from core.lint.guards import ARCH_SOURCE
from core.lint.spelling import find_tokens

PLATFORM_ARGS = frozenset(
    f"{side}{part}"
    for side in ("TARGET", "BUILD")
    for part in ("PLATFORM", "OS", "ARCH", "VARIANT")
)
REFERENCE = re.compile(
    r"\\.|\$(?:\{([A-Za-z_][A-Za-z0-9_]*)((?:[:%#/+-]|:[+?-])[^{}]*(?:\{[^{}]*\}[^{}]*)*)?\}"
    r"|([A-Za-z_][A-Za-z0-9_]*))"
)


class Origin(Enum):
    """Where a variable was given its value."""

    GLOBAL_ARG = "global arg"
    ARG = "arg"
    ENV = "env"
    AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """``value`` is None where it is not known from the text; ``follows`` the architecture or not.

    ``tokens`` says that the text of the value spells an architecture.
    """

    name: str
    value: str | None
    origin: Origin
    follows: bool
    line: int
    span: Span
    stage: int | None

    @property
    def tokens(self) -> bool:
        return self.value is not None and bool(find_tokens(self.value))


@dataclass(frozen=True, slots=True)
class Scope:
    """Name to variable at one place of the file."""

    variables: dict[str, Variable] = field(default_factory=dict)

    def with_variable(self, variable: Variable) -> Scope:
        return Scope({**self.variables, variable.name: variable})

    def get(self, name: str) -> Variable | None:
        return self.variables.get(name)

    @property
    def following(self) -> frozenset[str]:
        """Names whose value follows the architecture."""
        return frozenset(n for n, v in self.variables.items() if v.follows)

    def follows(self, text: str) -> bool:
        """Whether ``text`` refers to anything that follows the architecture."""
        return bool(ARCH_SOURCE.search(text)) or any(
            (variable := self.variables.get(name)) is not None and variable.follows
            for name in references(text)
        )

    def resolve(self, text: str, depth: int = 0) -> str:
        """``text`` with every known constant put in; the rest stays as written."""
        if "$" not in text or depth > 8:
            return text

        def put(match: re.Match[str]) -> str:
            name = match.group(1) or match.group(3)
            modifier = match.group(2) or ""
            variable = self.variables.get(name) if name else None
            if variable is None or variable.value is None or variable.follows:
                return match.group()
            if modifier and not modifier.startswith((":-", "-", ":+", "+")):
                return match.group()
            return self.resolve(variable.value, depth + 1)

        return REFERENCE.sub(put, text)


def references(text: str) -> list[str]:
    """Names that ``text`` refers to, in order, repeats kept."""
    return [m.group(1) or m.group(3) for m in REFERENCE.finditer(text) if m.group(1) or m.group(3)]
