"""What the linter says: findings with their places and fixes. Offsets are code points."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from core.dockerfile.edits import TextEdit
from core.dockerfile.source import Span
from core.errors import LineRange


class Severity(Enum):
    """Error: some platform breaks for certain. Warning: probably. Info: advice."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        return {"error": 2, "warning": 1, "info": 0}[self.value]


class Confidence(Enum):
    """Whether a fix may be applied unseen, wants a look, or needs something typed in."""

    SAFE = "safe"
    LIKELY = "likely"
    NEEDS_INPUT = "needs-input"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """Edits that belong together. ``results`` shows, per platform, what a place will read."""

    title: str
    edits: tuple[TextEdit, ...]
    confidence: Confidence
    results: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """Another place that belongs to a finding: a use of the constant, a follow-on file name."""

    span: Span
    line: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found, at the root cause. ``platforms`` are those it concerns, empty for all."""

    rule: str
    id: str
    severity: Severity
    message: str
    range: LineRange
    span: Span
    detail: str = ""
    url: str = ""
    fix: Fix | None = None
    related: tuple[Related, ...] = ()
    platforms: tuple[str, ...] = ()
