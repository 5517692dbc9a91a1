"""Mappings of architectures: holes, wrong pairs, and names that a project does not use."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.dockerfile.commands import Add, Run
from core.lint.analysis import Analysis, Site
from core.lint.guards import depends_on_arch, guarded
from core.lint.projects import project_of
from core.lint.rules.hazard import Hazard
from core.lint.rules.table import RuleId
from core.lint.shell.script import CaseItem, CaseMap
from core.lint.spelling import find_tokens, platforms_named

UNAME = re.compile(r"\$\(\s*(?:uname\s+-m|arch)\s*\)|`(?:uname\s+-m|arch)`")
WANTED = ("linux/amd64", "linux/arm64")


def check_maps(analysis: Analysis, site: Site) -> Iterator[Hazard]:
    """AL30 and AL31 for one instruction."""
    if isinstance(site.instruction, Run):
        for script in site.scripts:
            for case in script.cases:
                if depends_on_arch(case.subject.text, site.tainted):
                    yield from _case(analysis, site, case)
        yield from _uname(site)
    elif isinstance(site.instruction, Add):
        return


def _platforms(item: CaseItem) -> frozenset[str]:
    return frozenset(p for pattern in item.patterns for p in platforms_named(_as_path(pattern)))


def _as_path(pattern: str) -> str:
    """Bare words of a pattern read as architectures: ``arm``, ``x64``, ``386``."""
    plain = pattern.strip("*\"'/ ")
    return f"linux-{plain}" if plain in {"x64", "386", "arm", "x86"} else plain


def _case(analysis: Analysis, site: Site, case: CaseMap) -> Iterator[Hazard]:
    named = [(_platforms(item), item) for item in case.items]
    covered = frozenset(p for platforms, _ in named for p in platforms)
    # A case that sets an option for one odd platform is no map.
    if not covered.intersection(WANTED):
        return
    for platforms, item in named:
        for name, value in item.assigns:
            wrong = _wrong_pair(platforms, value)
            if wrong:
                yield Hazard(
                    rule=RuleId.ARCH_MAP,
                    site=site,
                    span=item.span,
                    message=f"{'|'.join(item.patterns)} maps to {value}, which is {wrong}",
                    atom=name,
                )
                return
    default = next((item for _, item in named if "*" in item.patterns), None)
    missing = [p for p in WANTED if p not in covered]
    if analysis.platforms:
        missing = [p for p in analysis.platforms if p in WANTED and p not in covered]
    if default is not None:
        fallback = {p for _, value in default.assigns for p in platforms_named(value)}
        missing = [p for p in missing if p not in fallback]
    if not missing or (default is not None and default.fails):
        return
    assigned = {name for _, item in named for name, _ in item.assigns}
    if default is not None and not assigned:
        return
    if default is not None and not any(find_tokens(value) for _, value in default.assigns):
        return
    first = missing[0].removeprefix("linux/")
    falls = f"{', '.join(sorted(assigned))} is empty" if assigned else "nothing is done"
    if default is not None:
        falls = "it gets " + " ".join(value for _, value in default.assigns)
    yield Hazard(
        rule=RuleId.ARCH_MAP,
        site=site,
        span=case.subject.span,
        message=f"{first} falls through: {falls}",
        platforms=tuple(missing),
    )


def _wrong_pair(platforms: frozenset[str], value: str) -> str:
    if not platforms or not value or "$" in value or "/" in value or len(value) > 24:
        return ""
    tokens = find_tokens(value)
    if len(tokens) != 1 or (tokens[0].end - tokens[0].start) < len(value) - 8:
        return ""
    named = frozenset(tokens[0].platforms)
    alike = {p.split("/")[1] for p in platforms}
    if named & platforms or {p.split("/")[1] for p in named} & alike:
        return ""
    # 32-bit programs run on 64-bit machines of the same make, and that may be meant.
    if "linux/386" in named and "linux/amd64" in platforms:
        return ""
    if named & {"linux/arm/v6", "linux/arm/v7", "linux/arm/v5"} and platforms & {"linux/arm64"}:
        return ""
    return next(iter(sorted(named))).removeprefix("linux/")


def _uname(site: Site) -> Iterator[Hazard]:
    mapped = {
        a.name
        for script in site.scripts
        for a in script.assignments
        if UNAME.fullmatch(a.value.plain.strip()) and not guarded(a.guards, frozenset())
    }
    reassigned = [a.name for script in site.scripts for a in script.assignments]
    for script in site.scripts:
        for command in script.commands:
            if guarded(command.guards, site.tainted):
                continue
            for word in command.words:
                if "://" not in word.text:
                    continue
                direct = UNAME.search(word.text)
                through = [v for v in word.variables if v in mapped and reassigned.count(v) == 1]
                if not direct and not through:
                    continue
                project = project_of(word.plain)
                if project is None:
                    continue
                arm = project.spellings.get("linux/arm64", "")
                if arm and "aarch64" not in arm.lower():
                    yield Hazard(
                        rule=RuleId.UNAME_URL,
                        site=site,
                        span=word.span,
                        message=f"uname -m says aarch64 where {project.name} says {arm}",
                        platforms=("linux/arm64",),
                    )
