"""What a rule module yields, before fixes and severities are settled."""

from __future__ import annotations

from dataclasses import dataclass

from core.dockerfile.source import Span
from core.lint.analysis import Site
from core.lint.findings import Related, Severity
from core.lint.rules.table import RuleId
from core.lint.spelling import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """A hazard at ``span``. ``token`` is the spelling at its root, ``atom`` the text around it."""

    rule: RuleId
    site: Site
    span: Span
    message: str
    token: Token | None = None
    atom: str = ""
    severity: Severity | None = None
    detail: str = ""
    related: tuple[Related, ...] = ()
    platforms: tuple[str, ...] = ()
