"""Which build checks run: the ``# check=`` directive, the build argument, comments.

``skip=A,B`` or ``skip=all``; ``error=true`` makes any warning fail the build;
``experimental=A,B`` or ``experimental=all`` turns experimental checks on; joined by ``;``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from core.errors import OptionError
from core.oci.quoting import go_quote

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_COMMENT: Final = re.compile(r"\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class LintConfig:
    """The choice of checks."""

    skip_all: bool = False
    skip: frozenset[str] = frozenset()
    experimental_all: bool = False
    experimental: frozenset[str] = frozenset()
    error: bool = False

    def merged(self, other: LintConfig) -> LintConfig:
        """This choice narrowed or widened by ``other``; ``error`` stays this one's."""
        return replace(
            self,
            skip_all=self.skip_all or other.skip_all,
            skip=self.skip | other.skip,
            experimental_all=self.experimental_all or other.experimental_all,
            experimental=self.experimental | other.experimental,
        )

    def runs(self, rule: str, *, experimental: bool) -> bool:
        """Whether the check called ``rule`` is to run."""
        if experimental:
            return self.experimental_all or rule in self.experimental
        return not self.skip_all and rule not in self.skip


def parse_check(text: str) -> LintConfig:
    """The choice that ``text`` spells; ``OptionError`` for an unknown key or value."""
    text = text.strip()
    config = LintConfig()
    for part in text.split(";", 2) if text else ():
        key, equals, value = part.partition("=")
        if not equals:
            raise _invalid(part)
        value = value.strip()
        match key.strip():
            case "skip" if value == "all":
                config = replace(config, skip_all=True)
            case "skip":
                config = replace(config, skip=_names(value))
            case "experimental" if value == "all":
                config = replace(config, experimental_all=True)
            case "experimental":
                config = replace(config, experimental=_names(value))
            case "error" if value in _TRUE | _FALSE:
                config = replace(config, error=value in _TRUE)
            case "error":
                raise OptionError(
                    f"the check option error is {value!r}, neither true nor false",
                    phrase=f"failed to parse check option {go_quote(part)}: "
                    f"strconv.ParseBool: parsing {go_quote(value)}: invalid syntax",
                )
            case name:
                raise _invalid(name)
    return config


def with_comments(config: LintConfig, comments: Iterable[str]) -> LintConfig:
    """``config`` with what a ``# check=`` comment above an instruction adds."""
    for comment in comments:
        found = _COMMENT.fullmatch(comment)
        if not found or found[1].lower() != "check":
            continue
        try:
            return config.merged(parse_check(found[2].partition(" ")[0]))
        except OptionError:
            return config
    return config


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(","))


def _invalid(part: str) -> OptionError:
    return OptionError(
        f"the check option {part!r} is not known",
        hint="Options are skip=, error= and experimental=, separated by semicolons.",
        phrase=f"invalid check option {go_quote(part)}",
    )
