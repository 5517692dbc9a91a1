"""Building blocks of fixes: where an ARG goes, how a mapping is written, what a place reads."""

from __future__ import annotations

import re
from collections.abc import Iterable

from core.dockerfile.commands import From
from core.dockerfile.edits import TextEdit
from core.dockerfile.source import Span
from core.lint.analysis import Analysis, Site
from core.lint.fixes.mapping import GOARCH, PlatformSpelling

DEFAULT_PLATFORMS = ("linux/amd64", "linux/arm64")


def platforms_of(analysis: Analysis) -> tuple[str, ...]:
    """The platforms a fix has to serve."""
    wanted = tuple(p for p in analysis.platforms if p in GOARCH)
    return wanted or DEFAULT_PLATFORMS


def declare(analysis: Analysis, site: Site, names: Iterable[str]) -> list[TextEdit]:
    """``ARG`` lines right before the instruction for those of ``names`` that it cannot see.

    Not at the top of the stage: what stands between keeps its cache.
    """
    missing = [name for name in names if site.scope.get(name) is None]
    if not missing:
        return []
    return [insert_before(analysis, site, f"ARG {' '.join(missing)}")]


def insert_before(analysis: Analysis, site: Site, lines: str) -> TextEdit:
    """Whole lines before the instruction, in front of the comments that belong to it."""
    start = site.node.span.start
    line_start = analysis.text.rfind("\n", 0, start) + 1
    newline = "\r\n" if "\r\n" in analysis.text else "\n"
    text = lines.replace("\n", newline) + newline
    return TextEdit(span=Span(line_start, line_start), text=text)


def free_name(analysis: Analysis, wanted: str) -> str:
    """``wanted``, or with a number behind it where the file uses that name already."""
    name, number = wanted, 1
    while re.search(rf"\b{re.escape(name)}\b", analysis.text):
        number += 1
        name = f"{wanted}{number}"
    return name


def case_map(variable: str, spelling: PlatformSpelling, platforms: tuple[str, ...]) -> str:
    """One line of shell that sets ``variable`` from TARGETARCH and fails for the rest."""
    arms = []
    for platform, text in spelling.spellings.items():
        if platform in GOARCH and (platform in platforms or platform in DEFAULT_PLATFORMS):
            arms.append(f"{GOARCH[platform]}) {variable}={text} ;;")
    return (
        f'case "$TARGETARCH" in {" ".join(arms)} '
        '*) echo >&2 "unsupported architecture: $TARGETARCH"; exit 1 ;; esac'
    )


def arg_chain(variable: str, spelling: PlatformSpelling, platforms: tuple[str, ...]) -> str:
    """ARG lines that map TARGETARCH where there is no shell (frontend 1.7 and later)."""
    source, lines = "TARGETARCH", []
    for platform, text in spelling.spellings.items():
        goarch = GOARCH.get(platform)
        if goarch is None or goarch == text:
            continue
        if platform in platforms or platform in DEFAULT_PLATFORMS:
            lines.append(f"ARG {variable}=${{{source}/{goarch}/{text}}}")
            source = variable
    return "\n".join(lines)


def results(
    site: Site,
    atom: str,
    start: int,
    end: int,
    spelling: PlatformSpelling,
    platforms: tuple[str, ...],
) -> tuple[tuple[str, str], ...]:
    """Per platform what the atom reads with its spelling, and every known constant, put in."""
    before, after = site.scope.resolve(atom[:start]), site.scope.resolve(atom[end:])
    return tuple(
        (platform, before + spelling.spellings[platform] + after)
        for platform in platforms
        if platform in spelling.spellings
    )


def in_global_scope(site: Site) -> bool:
    return site.stage is None or isinstance(site.instruction, From)
