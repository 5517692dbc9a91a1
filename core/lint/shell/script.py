"""The values a shell script is read into; every span counts code points of the whole Dockerfile."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from core.dockerfile.source import Span


class GuardKind(Enum):
    """How a command comes to depend on a condition."""

    CASE = "case"
    IF = "if"
    CHAIN = "chain"
    LOOP = "loop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """One condition that must hold for a command to run.

    ``condition`` is the source text of the tested command, or of the word of a ``case``;
    ``patterns`` are the patterns of the case item; ``otherwise`` marks ``else``, ``*)`` and the
    right side of ``||``. ``identity`` tells one construct from another in the same script.
    """

    kind: GuardKind
    condition: str
    patterns: tuple[str, ...]
    otherwise: bool
    identity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word as written, quotes and expansions included.

    ``own`` is as long as ``text``, with blanks in place of command substitutions.
    """

    text: str
    span: Span
    variables: tuple[str, ...]
    single_quoted: bool = False
    own: str = ""

    @property
    def plain(self) -> str:
        """The word without quotes and backslashes; expansions stay as written."""
        if self.single_quoted:
            return self.text[1:-1]
        return self.text.replace('"', "").replace("'", "").replace("\\", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """``name=value``, on its own, before a command, or behind export, local, declare."""

    name: str
    value: Word
    span: Span
    guards: tuple[Guard, ...]
    for_command: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One simple command. ``words[0]`` is the program; ``redirects`` are file names."""

    words: tuple[Word, ...]
    assignments: tuple[Assignment, ...]
    redirects: tuple[Word, ...]
    guards: tuple[Guard, ...]
    span: Span
    pipeline: int
    heredoc: Word | None = None
    order: int = 0

    @property
    def name(self) -> str:
        """Base name of the program, behind sudo, exec, env, time and the like."""
        return self.words[self.program_index].plain.rsplit("/", 1)[-1] if self.words else ""

    @property
    def program_index(self) -> int:
        index = 0
        while index < len(self.words) - 1:
            name = self.words[index].plain.rsplit("/", 1)[-1]
            skips_options = name in WRAPPERS
            if not skips_options and "=" not in name:
                break
            index += 1
            while index < len(self.words) - 1 and self.words[index].plain.startswith("-"):
                index += 2 if self.words[index].plain in {"-u", "-g", "-n"} else 1
        return index

    @property
    def arguments(self) -> tuple[Word, ...]:
        return self.words[self.program_index + 1 :]


WRAPPERS = frozenset(
    {"sudo", "exec", "env", "time", "nice", "command", "eatmydata", "xargs", "nohup", "gosu"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMap:
    """A ``case`` as a mapping: the word it tests and what each item assigns or runs."""

    subject: Word
    items: tuple[CaseItem, ...]
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseItem:
    """One item: its patterns, the variables its body sets, whether it gives up (exit, return)."""

    patterns: tuple[str, ...]
    assigns: tuple[tuple[str, str], ...]
    fails: bool
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """All commands of a script in the order they are written."""

    commands: tuple[Command, ...]
    assignments: tuple[Assignment, ...]
    cases: tuple[CaseMap, ...]
    text: str
    complete: bool
