"""Advice that depends on the platforms asked for, and on what a registry says of the bases."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.dockerfile.commands import From, Run
from core.dockerfile.source import Span
from core.lint.analysis import Analysis
from core.lint.rules.hazard import Hazard
from core.lint.rules.table import RuleId
from core.lint.stages import Role

HEAVY = re.compile(
    r"\b(?:go\s+build|cargo\s+(?:build|install)|make(?:\s|$)|cmake\s+--build|ninja|gcc|g\+\+|npm\s+run\s+build"
    r"|mvn|gradle|\./configure)\b"
)
CROSSES = re.compile(r"go\s+build|cargo\s+build|npm\s+run\s+build|mvn|gradle")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What a registry answered for a reference: its platforms, and whether it is an index."""

    platforms: tuple[str, ...]
    is_index: bool


def check_advice(analysis: Analysis, images: Mapping[str, ImageFacts]) -> Iterator[Hazard]:
    """AL00, AL16, AL17, AL32 and AL33 for the whole file."""
    yield from _bases(analysis, images)
    if len(analysis.platforms) < 2:
        return
    if analysis.single_arch_intent and analysis.sites:
        site = analysis.sites[0]
        yield Hazard(
            rule=RuleId.SINGLE_ARCH_FILE,
            site=site,
            span=Span(site.node.span.start, site.node.span.start + len(site.node.keyword)),
            message=f"the file's name says it is for {analysis.single_arch_intent} alone; "
            "the architecture rules are silent here",
        )
        return
    yield from _variants(analysis)
    yield from _emulated(analysis)


def _bases(analysis: Analysis, images: Mapping[str, ImageFacts]) -> Iterator[Hazard]:
    for site in analysis.sites:
        instruction = site.instruction
        if not isinstance(instruction, From):
            continue
        reference = site.scope.resolve(instruction.base_name)
        facts = images.get(reference)
        stage = analysis.stage_of(site)
        if facts is None or stage is None or stage.parents or not site.node.arg_spans:
            continue
        span = site.node.arg_spans[0]
        if "@sha256:" in instruction.base_name and not facts.is_index:
            yield Hazard(
                rule=RuleId.IMAGE_DIGEST,
                site=site,
                span=span,
                message="the digest is that of one platform's manifest, not of the index",
            )
            continue
        if stage.role is not Role.TARGET:
            continue
        missing = tuple(p for p in analysis.platforms if p not in facts.platforms)
        if missing:
            yield Hazard(
                rule=RuleId.BASE_PLATFORM,
                site=site,
                span=span,
                message=f"{reference} has nothing for {', '.join(missing)}",
                platforms=missing,
            )


def _variants(analysis: Analysis) -> Iterator[Hazard]:
    if not any(p.startswith("linux/arm/") for p in analysis.platforms):
        return
    for site in analysis.sites:
        if (
            isinstance(site.instruction, Run)
            and re.search(r"GOARCH=\$\{?TARGETARCH", site.text)
            and "GOARM" not in site.text
            and site.scope.get("GOARM") is None
        ):
            match = re.search(r"GOARCH=\$\{?TARGETARCH\}?", site.text)
            assert match is not None
            yield Hazard(
                rule=RuleId.VARIANT,
                site=site,
                span=site.node.source.span(match.start(), match.end()),
                message="GOARCH=arm without GOARM builds for one variant of arm, whatever is asked",
                platforms=tuple(p for p in analysis.platforms if p.startswith("linux/arm/")),
            )


def _emulated(analysis: Analysis) -> Iterator[Hazard]:
    for facts in analysis.stages:
        if facts.role is not Role.TARGET or facts.exported or not facts.contributes:
            continue
        for site in analysis.sites:
            if site.stage != facts.stage.index or not isinstance(site.instruction, Run):
                continue
            match = HEAVY.search(site.text)
            if match is not None and CROSSES.search(match.group()):
                yield Hazard(
                    rule=RuleId.EMULATED_BUILD,
                    site=site,
                    span=site.node.source.span(match.start(), match.end()),
                    message=f"{match.group().strip()} runs emulated for foreign platforms; this "
                    "stage could run on $BUILDPLATFORM and cross-compile",
                )
                break
