"""Collecting violations under the choice of checks that is in force where they stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from core.errors import UserInputError
from core.lint.buildkit.config import LintConfig, with_comments
from core.lint.buildkit.rules import Violation


@dataclass(slots=True, kw_only=True)
class Report:
    """What the checks of one Dockerfile found. ``silent`` collects nothing."""

    config: LintConfig = field(default_factory=LintConfig)
    silent: bool = False
    violations: list[Violation] = field(default_factory=list)

    def add(self, found: Violation | Iterable[Violation], comments: Iterable[str] = ()) -> None:
        """Keep those of ``found`` that neither the file nor ``comments`` above turn off."""
        if self.silent:
            return
        several = (found,) if isinstance(found, Violation) else tuple(found)
        if not several:
            return
        config = with_comments(self.config, comments)
        self.violations += [
            v for v in several if config.runs(v.rule.name, experimental=v.rule.experimental)
        ]

    def error(self) -> UserInputError | None:
        """The error that ``error=true`` makes of any violation."""
        if not self.config.error or not self.violations:
            return None
        names = ", ".join(dict.fromkeys(v.rule.name for v in self.violations))
        return UserInputError(
            f"the build checks {names} object to this Dockerfile",
            hint="Correct what they name, or drop error=true from the check directive.",
            phrase=f"lint violation found for rules: {names}",
        )
