"""Fixes for a hard-coded name: the token and what follows from it read TARGETARCH instead."""

from __future__ import annotations

import re

from core.dockerfile.commands import Add, Arg, Copy, Env, Run
from core.dockerfile.edits import TextEdit
from core.dockerfile.source import Span
from core.dockerfile.words import split_command
from core.lint.analysis import Analysis, Site
from core.lint.findings import Confidence, Fix
from core.lint.fixes.builder import (
    DEFAULT_PLATFORMS,
    arg_chain,
    case_map,
    declare,
    free_name,
    insert_before,
    platforms_of,
    results,
)
from core.lint.fixes.mapping import GOARCH, PlatformSpelling, mapping_of
from core.lint.guards import guarded
from core.lint.rules.atoms import Atom, atoms
from core.lint.rules.hazard import Hazard
from core.lint.shell.script import Word


def token_fix(analysis: Analysis, hazard: Hazard) -> Fix | None:
    """Replace the token by TARGETARCH, or by a variable mapped from it; None where unknown."""
    token, site = hazard.token, hazard.site
    if token is None or site.stage is None:
        return None
    platforms = platforms_of(analysis)
    atom = next((a for a in atoms(hazard.atom) if a.token.text == token.text), None)
    if atom is None:
        return None
    spelling = mapping_of(atom.text, atom.token, site.scope.resolve(atom.text))
    # A platform that the project is not known to build gets the failing default of the map.
    if spelling is None or spelling.x86_only or not spelling.covers(DEFAULT_PLATFORMS):
        return _unsupported(analysis, hazard, spelling)
    if isinstance(site.instruction, Run):
        return _in_run(analysis, site, atom, spelling, platforms)
    if isinstance(site.instruction, Add | Copy | Env | Arg):
        return _without_shell(analysis, site, atom, spelling, platforms)
    return None


def _in_run(
    analysis: Analysis,
    site: Site,
    atom: Atom,
    spelling: PlatformSpelling,
    platforms: tuple[str, ...],
) -> Fix | None:
    wanted = atom.text[spelling.start : spelling.end]
    places = [span for word in _words(site) for span in _occurrences(analysis, word, wanted)]
    if not places:
        return None
    # Until the sibling's address has been asked for, no fix of a download is safe: LIKELY.
    edits = declare(analysis, site, ("TARGETARCH",))
    if spelling.direct(platforms):
        variable = "TARGETARCH"
    else:
        variable = free_name(analysis, "ARCH")
        rest = split_command(site.node.original, site.node.source.escape).rest
        start = site.node.source.span(rest.start, rest.start + 1).start
        if site.node.heredocs and rest.text.startswith("<<"):
            start = site.node.heredocs[0].span.start
            lead = case_map(variable, spelling, platforms) + "\n"
        else:
            lead = case_map(variable, spelling, platforms) + f" && {site.node.source.escape}\n    "
            if rest.text.startswith(("set ", "#")):
                lead = (
                    case_map(variable, spelling, platforms) + f"; {site.node.source.escape}\n    "
                )
        edits.append(TextEdit(span=Span(start, start), text=lead))
    for span in dict.fromkeys(places):
        edits.extend(_replaced(analysis, span, f"${{{variable}}}"))
    return Fix(
        title=f"Take the architecture from {'TARGETARCH' if variable == 'TARGETARCH' else 'a map'}",
        edits=tuple(edits),
        confidence=Confidence.LIKELY,
        results=results(site, atom.text, spelling.start, spelling.end, spelling, platforms),
    )


def _replaced(analysis: Analysis, span: Span, reference: str) -> list[TextEdit]:
    """The edit of one place; inside single quotes they are closed and opened again."""
    line_start = analysis.text.rfind("\n", 0, span.start) + 1
    before = analysis.text[line_start : span.start]
    if before.count("'") % 2 and before.replace("\\'", "").count('"') % 2 == 0:
        return [TextEdit(span=span, text=f"'\"{reference}\"'")]
    return [TextEdit(span=span, text=reference)]


def _words(site: Site) -> list[Word]:
    found: list[Word] = []
    for script in site.scripts:
        for command in script.commands:
            if guarded(command.guards, site.tainted):
                continue
            found.extend((*command.words, *command.redirects))
            if command.heredoc is not None:
                found.append(command.heredoc)
        found.extend(a.value for a in script.assignments if not guarded(a.guards, site.tainted))
    return found


def _occurrences(analysis: Analysis, word: Word, wanted: str) -> list[Span]:
    text = analysis.text[word.span.start : word.span.end]
    found = []
    for match in re.finditer(re.escape(wanted), text):
        around = text[max(0, match.start() - 1) : match.start()]
        after = text[match.end() : match.end() + 1]
        if wanted[:1].isalnum() and around.isdigit():
            continue
        if after.isalnum() and wanted[-1:].isalnum():
            continue
        start = word.span.start + match.start()
        found.append(Span(start, start + len(wanted)))
    return found


def _without_shell(
    analysis: Analysis,
    site: Site,
    atom: Atom,
    spelling: PlatformSpelling,
    platforms: tuple[str, ...],
) -> Fix | None:
    wanted = atom.text[spelling.start : spelling.end]
    edits: list[TextEdit] = []
    if not spelling.covers(platforms):
        return None
    if spelling.direct(platforms):
        variable = "TARGETARCH"
        edits.extend(declare(analysis, site, ("TARGETARCH",)))
    else:
        variable = free_name(analysis, "IMAGE_ARCH")
        lines = arg_chain(variable, spelling, platforms)
        if not lines:
            return None
        if site.scope.get("TARGETARCH") is None:
            lines = "ARG TARGETARCH\n" + lines
        edits.append(insert_before(analysis, site, lines))
    span = site.node.span
    text = analysis.text[span.start : span.end]
    places = [
        Span(span.start + m.start(), span.start + m.end())
        for m in re.finditer(re.escape(wanted), text)
        if not text[m.end() : m.end() + 1].isalnum()
    ]
    if not places:
        return None
    edits.extend(TextEdit(span=place, text=f"${{{variable}}}") for place in places)
    return Fix(
        title=f"Take the architecture from {'TARGETARCH' if variable == 'TARGETARCH' else 'a map'}",
        edits=tuple(edits),
        confidence=Confidence.LIKELY,
        results=results(site, atom.text, spelling.start, spelling.end, spelling, platforms),
    )


def _unsupported(
    analysis: Analysis, hazard: Hazard, spelling: PlatformSpelling | None
) -> Fix | None:
    """Where there is no other build: the step says so instead of installing foreign files."""
    token, site = hazard.token, hazard.site
    if token is None or not isinstance(site.instruction, Run) or not token.is_x86:
        return None
    if spelling is not None and not spelling.x86_only and spelling.known:
        missing = [p for p in platforms_of(analysis) if p not in spelling.spellings]
        if not missing:
            return None
    rest = split_command(site.node.original, site.node.source.escape).rest
    if site.node.heredocs and rest.text.startswith("<<"):
        return None
    start = site.node.source.span(rest.start, rest.start + 1).start
    arms = "|".join(
        dict.fromkeys(
            (*(GOARCH[p] for p in token.platforms if p in GOARCH), "amd64", "386")
            if "linux/386" in token.platforms
            else ("amd64",)
        )
    )
    name = hazard.atom.rsplit("/", 1)[-1].strip("\"'").replace('"', "").replace("$", "\\$")
    lead = (
        f'case "$TARGETARCH" in {arms}) ;; *) echo >&2 "no build of {name} for $TARGETARCH"; '
        f"exit 1 ;; esac && {site.node.source.escape}\n    "
    )
    return Fix(
        title="Fail with a sentence on platforms that it has no build for",
        edits=(
            *declare(analysis, site, ("TARGETARCH",)),
            TextEdit(span=Span(start, start), text=lead),
        ),
        confidence=Confidence.NEEDS_INPUT,
    )
