"""All architecture rules over one Dockerfile: hazards in, findings out, one a root cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from core.dockerfile.commands import Program
from core.lint.analysis import Analysis
from core.lint.findings import Finding, Fix
from core.lint.fixes.offer import offer
from core.lint.rules.advice import ImageFacts, check_advice
from core.lint.rules.both import served_side_by_side
from core.lint.rules.checksums import check_checksums
from core.lint.rules.dataflow import check_dataflow
from core.lint.rules.definitions import check_definitions
from core.lint.rules.hazard import Hazard
from core.lint.rules.images import check_images
from core.lint.rules.maps import check_maps
from core.lint.rules.packages import check_packages
from core.lint.rules.platform_args import check_platform_args
from core.lint.rules.roots import Roots
from core.lint.rules.run import check_runs
from core.lint.rules.table import BY_ID, RuleId
from core.lint.rules.transfers import check_transfers

# Rules that say what an image is made of stay silent in a file that is for one architecture.
BY_DESIGN = frozenset(
    {
        RuleId.SINGLE_ARCH_FILE,
        RuleId.ARG_SCOPE,
        RuleId.ARG_DEFAULT,
        RuleId.ARG_MISUSE,
        RuleId.ARG_TYPO,
        RuleId.CACHE_MOUNT,
        RuleId.CPU_FLAGS,
    }
)


def hazards(analysis: Analysis, images: Mapping[str, ImageFacts]) -> Iterator[Hazard]:
    """Every hazard in the order of the file, whole-file ones last."""
    side_by_side = served_side_by_side(analysis)
    roots = Roots()
    for site in analysis.sites:
        found = _settled(
            analysis,
            *check_definitions(analysis, side_by_side, roots, site),
            *check_images(analysis, site),
            *check_transfers(side_by_side, roots, site),
            *check_runs(analysis, side_by_side, roots, site),
            *check_packages(analysis, site),
            *check_platform_args(analysis, site),
            *check_maps(analysis, site),
        )
        yield from found
        yield from check_checksums(analysis, site, found)
    yield from check_dataflow(analysis)
    yield from check_advice(analysis, images)


def _settled(analysis: Analysis, *found: Hazard) -> list[Hazard]:
    """Without the file names on lines where something says more about the same thing."""
    explained = {
        analysis.line_of(hazard.span.start)
        for hazard in found
        if hazard.rule is not RuleId.FILE_ARCH
    }
    return [
        hazard
        for hazard in found
        if hazard.rule is not RuleId.FILE_ARCH
        or analysis.line_of(hazard.span.start) not in explained
    ]


def architecture_findings(
    program: Program,
    *,
    platforms: tuple[str, ...] = (),
    fixes: bool = False,
    images: Mapping[str, ImageFacts] = MappingProxyType({}),
) -> tuple[Finding, ...]:
    """Findings of the architecture rules, by line. Never raises on a program that was parsed.

    ``images`` holds what registries answered, by reference as the FROM resolves it.
    With ``fixes`` each carries one where a fix is known; it has not been tried yet.
    """
    analysis = Analysis(program, platforms=platforms)
    findings: list[Finding] = []
    seen: set[tuple[RuleId, int]] = set()
    for hazard in hazards(analysis, images):
        if analysis.single_arch_intent and hazard.rule not in BY_DESIGN:
            continue
        key = (hazard.rule, analysis.line_of(hazard.span.start))
        if key in seen:
            continue
        seen.add(key)
        findings.append(_finding(analysis, hazard, offer(analysis, hazard) if fixes else None))
    findings.sort(key=lambda f: (f.range.start, f.span.start, f.id))
    return tuple(findings)


def _finding(analysis: Analysis, hazard: Hazard, fix: Fix | None) -> Finding:
    rule = BY_ID[hazard.rule]
    return Finding(
        rule=rule.name,
        id=rule.id.value,
        severity=hazard.severity or rule.severity,
        message=hazard.message,
        range=analysis.range_of(hazard.span),
        span=hazard.span,
        detail=hazard.detail,
        fix=fix,
        related=hazard.related,
        platforms=hazard.platforms,
    )
