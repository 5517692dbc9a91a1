"""Words that name an architecture: where they stand in a text and which platforms they mean."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files


class Confidence(Enum):
    """How much a spelling says on its own."""

    SURE = "sure"
    CONTEXT = "context"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """``text[start:end]`` names ``platforms`` (``linux/amd64`` and so on)."""

    start: int
    end: int
    text: str
    platforms: tuple[str, ...]
    confidence: Confidence

    @property
    def is_x86(self) -> bool:
        return any(p in {"linux/amd64", "linux/386"} for p in self.platforms)


@dataclass(frozen=True, slots=True)
class _Spelling:
    pattern: re.Pattern[str]
    platforms: tuple[str, ...]
    confidence: Confidence


@cache
def _spellings() -> tuple[_Spelling, ...]:
    data = json.loads(files("core.lint.data").joinpath("spellings.json").read_text("utf-8"))
    return tuple(
        _Spelling(
            re.compile(row["pattern"], re.IGNORECASE),
            tuple(row["platforms"]),
            Confidence(row["confidence"]),
        )
        for row in data["spellings"]
    )


@cache
def _families() -> dict[str, dict[str, str]]:
    data = json.loads(files("core.lint.data").joinpath("families.json").read_text("utf-8"))
    families: dict[str, dict[str, str]] = data["families"]
    return families


# One cheap look before forty patterns: most words of a Dockerfile name no architecture.
HINT = re.compile(
    r"64|86|386|arm|aarch|ppc|powerpc|s390|riscv|loong|mips|sbsa|ia32|rpi|raspberry|k8",
    re.IGNORECASE,
)


def find_tokens(text: str) -> tuple[Token, ...]:
    """Every architecture spelling in ``text``, left to right, longest first where they overlap."""
    if not HINT.search(text):
        return ()
    found = [
        Token(
            start=match.start(),
            end=match.end(),
            text=match.group(),
            platforms=spelling.platforms,
            confidence=spelling.confidence,
        )
        for spelling in _spellings()
        for match in spelling.pattern.finditer(text)
    ]
    found.sort(key=lambda token: (token.start, -(token.end - token.start)))
    kept: list[Token] = []
    for token in found:
        if not kept or token.start >= kept[-1].end:
            kept.append(token)
    return tuple(kept)


def platforms_named(text: str) -> frozenset[str]:
    """All platforms whose spelling occurs in ``text``."""
    return frozenset(platform for token in find_tokens(text) for platform in token.platforms)


def family(name: str) -> dict[str, str]:
    """Platform to spelling of one naming family; empty when the family is not known."""
    return _families().get(name, {})


def families_with(platform: str, spelling: str) -> tuple[str, ...]:
    """Families that spell ``platform`` exactly like ``spelling``, case ignored."""
    wanted = spelling.lower()
    return tuple(
        name for name, table in _families().items() if table.get(platform, "").lower() == wanted
    )
