"""AL03: one checksum for a download that has a file for every architecture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from core.dockerfile.commands import Add, Env, Run
from core.dockerfile.source import Span
from core.lint.analysis import Analysis, Site
from core.lint.guards import guarded
from core.lint.rules.hazard import Hazard
from core.lint.rules.table import RuleId
from core.lint.scope import references

HASH = re.compile(
    r"(?<![0-9a-fA-F])(?:[0-9a-f]{128}|[0-9a-f]{96}|[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-fA-F])"
)
VERIFIES = re.compile(r"\b(?:sha\d+sum|shasum|md5sum|openssl\s+(?:sha|dgst)|b2sum|sha256\b)")
DOWNLOADS = frozenset({RuleId.URL_ARCH, RuleId.UNAME_URL})


def check_checksums(analysis: Analysis, site: Site, found: Iterable[Hazard]) -> Iterator[Hazard]:
    """Checksums in the instruction that belong to a download which is, or should be, per platform.

    ``found`` are the hazards of the instruction so far.
    """
    instruction = site.instruction
    hard_coded = any(hazard.rule in DOWNLOADS for hazard in found)
    if isinstance(instruction, Add) and instruction.checksum:
        if hard_coded or any(site.scope.follows(source) for source in instruction.sources):
            if site.scope.follows(instruction.checksum):
                return
            for text, span in zip(site.node.flags, site.node.flag_spans, strict=True):
                if text.startswith("--checksum"):
                    yield _hazard(site, span)
        return
    if not isinstance(instruction, Run) or not VERIFIES.search(site.text):
        return
    varies = hard_coded or any(
        "://" in word.text and site.scope.follows(word.text)
        for script in site.scripts
        for command in script.commands
        for word in command.words
    )
    if not varies:
        return
    for script in site.scripts:
        for command in script.commands:
            if guarded(command.guards, site.tainted):
                continue
            for word in command.words:
                match = HASH.search(word.text)
                if match is not None and len(word.span) == len(word.text):
                    start = word.span.start + match.start()
                    yield _hazard(site, Span(start, start + len(match.group())))
                    return
                for name in references(word.text):
                    variable = site.scope.get(name)
                    if (
                        variable is not None
                        and variable.value is not None
                        and HASH.fullmatch(variable.value.split(":")[-1])
                        and (command.name in {"echo", "printf"} or VERIFIES.search(command.name))
                        and _only_here(analysis, name)
                    ):
                        yield _hazard(site, variable.span)
                        return


def _only_here(analysis: Analysis, name: str) -> bool:
    return (
        sum(1 for site in analysis.sites if isinstance(site.instruction, Env) and name in site.text)
        <= 1
    )


def _hazard(site: Site, span: Span) -> Hazard:
    return Hazard(
        rule=RuleId.CHECKSUM_SINGLE,
        site=site,
        span=span,
        message="this checksum fits the file of one architecture",
    )
