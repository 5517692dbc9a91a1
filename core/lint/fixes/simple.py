"""Fixes that replace, drop or declare one thing."""

from __future__ import annotations

import re

from core.dockerfile.commands import Arg, Env, Run
from core.dockerfile.edits import TextEdit
from core.dockerfile.source import Span
from core.lint.analysis import Analysis
from core.lint.findings import Confidence, Fix
from core.lint.fixes.builder import (
    DEFAULT_PLATFORMS,
    arg_chain,
    declare,
    free_name,
    insert_before,
    platforms_of,
)
from core.lint.fixes.mapping import GOARCH, mapping_of
from core.lint.rules.atoms import atoms
from core.lint.rules.hazard import Hazard
from core.lint.rules.images import PREFIX
from core.lint.scope import PLATFORM_ARGS
from core.lint.spelling import family


def drop_flag(analysis: Analysis, hazard: Hazard) -> Fix:
    """``--platform=…`` goes, with the blank behind it."""
    span = hazard.span
    end = span.end
    while analysis.text[end : end + 1] in {" ", "\t"}:
        end += 1
    return Fix(
        title="Drop --platform",
        edits=(TextEdit(span=Span(span.start, end), text=""),),
        confidence=Confidence.LIKELY,
    )


def drop_prefix(analysis: Analysis, hazard: Hazard) -> Fix | None:
    """``amd64/alpine`` becomes ``alpine``, the name of all platforms."""
    text = analysis.text[hazard.span.start : hazard.span.end]
    at = text.find(hazard.atom)
    match = PREFIX.match(hazard.atom)
    if at < 0 or match is None:
        return None
    start = hazard.span.start + at + match.start(1)
    return Fix(
        title=f"Use {hazard.atom[match.end() :]}, which has every platform",
        edits=(TextEdit(span=Span(start, start + len(match.group(1)) + 1), text=""),),
        confidence=Confidence.LIKELY,
    )


def apt_source(analysis: Analysis, hazard: Hazard) -> Fix | None:
    """The ``arch=`` option goes, with its brackets when nothing else is in them."""
    text = analysis.text
    opening = text.rfind("[", 0, hazard.span.start + 1)
    closing = text.find("]", hazard.span.start)
    if opening < 0 or closing < 0:
        return None
    inside = text[opening + 1 : closing]
    kept = " ".join(re.sub(r"\barch\+?=\S+", "", inside).split())
    end = closing + 1
    if kept:
        new = f"[{kept}]"
    else:
        new = ""
        while text[end : end + 1] == " ":
            end += 1
    return Fix(
        title="Let apt use the image's own architecture",
        edits=(TextEdit(span=Span(opening, end), text=new),),
        confidence=Confidence.SAFE,
    )


def declare_arg(analysis: Analysis, hazard: Hazard) -> Fix | None:
    """``ARG`` for every platform argument that the instruction uses and cannot see."""
    used = [
        name
        for name in sorted(PLATFORM_ARGS)
        if re.search(r"\$\{?" + name + r"\b", hazard.site.text)
        or any(re.search(r"\$\{?" + name + r"\b", h.content) for h in hazard.site.node.heredocs)
    ]
    edits = declare(analysis, hazard.site, used or (hazard.atom,))
    if not edits:
        return None
    return Fix(title=f"Declare {hazard.atom}", edits=tuple(edits), confidence=Confidence.SAFE)


def drop_default(analysis: Analysis, hazard: Hazard) -> Fix:
    """``ARG TARGETARCH=amd64`` becomes ``ARG TARGETARCH``."""
    text = analysis.text[hazard.span.start : hazard.span.end]
    at = text.find("=")
    return Fix(
        title="Drop the default",
        edits=(TextEdit(span=Span(hazard.span.start + at, hazard.span.end), text=""),),
        confidence=Confidence.LIKELY,
    )


def rename(analysis: Analysis, hazard: Hazard) -> Fix | None:
    """A misspelt platform argument is spelt right and declared."""
    match = re.search(r"; (\w+) is meant", hazard.message)
    if match is None:
        return None
    right = match.group(1)
    text = analysis.text[hazard.span.start : hazard.span.end]
    edits = list(declare(analysis, hazard.site, (right,)))
    at = text.find(hazard.atom)
    if at < 0:
        return None
    span = Span(hazard.span.start + at, hazard.span.start + at + len(hazard.atom))
    edits.append(TextEdit(span=span, text=right))
    return Fix(title=f"Use {right}", edits=tuple(edits), confidence=Confidence.LIKELY)


def variable(analysis: Analysis, hazard: Hazard) -> Fix | None:
    """``ARG ARCH=amd64`` and ``ENV ARCH=amd64`` take their value from TARGETARCH."""
    token, site = hazard.token, hazard.site
    if token is None or not isinstance(site.instruction, Arg | Env):
        return None
    if site.stage is None and isinstance(site.instruction, Env):
        return None
    atom = next((a for a in atoms(hazard.atom) if a.token.text == token.text), None)
    if atom is None:
        return None
    spelling = mapping_of(atom.text, atom.token, site.scope.resolve(atom.text))
    platforms = platforms_of(analysis)
    if spelling is None or not spelling.covers(platforms):
        return None
    before: list[TextEdit] = []
    if spelling.direct(platforms):
        reference = "$TARGETARCH"
        before = declare(analysis, site, ("TARGETARCH",)) if site.stage is not None else []
    else:
        name = free_name(analysis, "MAPPED_ARCH")
        lines = arg_chain(name, spelling, platforms)
        if not lines:
            return None
        if site.stage is not None and site.scope.get("TARGETARCH") is None:
            lines = f"ARG TARGETARCH\n{lines}"
        before = [insert_before(analysis, site, lines)]
        reference = f"${{{name}}}"
    wanted = atom.text[spelling.start : spelling.end]
    at = analysis.text.find(wanted, hazard.span.start - spelling.start)
    if at < 0:
        return None
    return Fix(
        title="Take the value from TARGETARCH",
        edits=(*before, TextEdit(span=Span(at, at + len(wanted)), text=reference)),
        confidence=Confidence.LIKELY,
        results=tuple((p, spelling.spellings[p]) for p in platforms),
    )


def go_arch(analysis: Analysis, hazard: Hazard) -> Fix | None:
    """``GOARCH=amd64`` becomes ``GOARCH=$TARGETARCH``."""
    site = hazard.site
    if site.stage is None or hazard.token is None:
        return None
    edits = declare(analysis, site, ("TARGETARCH",))
    edits.append(TextEdit(span=_token_only(analysis, hazard), text="$TARGETARCH"))
    return Fix(
        title="Compile for the platform that is being built",
        edits=tuple(edits),
        confidence=Confidence.LIKELY,
        results=tuple((p, f"GOARCH={GOARCH[p]}") for p in platforms_of(analysis)),
    )


def _token_only(analysis: Analysis, hazard: Hazard) -> Span:
    assert hazard.token is not None
    spelt = hazard.token.text.rsplit("=", 1)[-1]
    text = analysis.text[hazard.span.start : hazard.span.end]
    at = max(text.rfind(spelt), 0)
    return Span(hazard.span.start + at, hazard.span.start + at + len(spelt))


def package(analysis: Analysis, hazard: Hazard) -> Fix | None:
    """``pkg:amd64`` and ``pkg.x86_64`` lose what the package manager adds by itself."""
    if hazard.token is None or hazard.token.platforms != ("linux/amd64",):
        return None
    span = _token_only(analysis, hazard)
    if analysis.text[span.start - 1] not in ":.":
        return None
    if analysis.text[span.end : span.end + 4] == ".rpm":
        if not isinstance(hazard.site.instruction, Run):
            return None
        return Fix(
            title="Ask rpm for the architecture",
            edits=(TextEdit(span=span, text="$(rpm -E %_arch)"),),
            confidence=Confidence.LIKELY,
        )
    return Fix(
        title="Let the package manager choose the architecture",
        edits=(TextEdit(span=Span(span.start - 1, span.end), text=""),),
        confidence=Confidence.SAFE,
    )


def library_path(analysis: Analysis, hazard: Hazard) -> Fix | None:
    """``x86_64-linux-gnu`` becomes ``$(uname -m)-linux-gnu`` in RUN, a glob in COPY --from."""
    token, site = hazard.token, hazard.site
    if token is None or token.text != "x86_64":
        return None
    line_end = analysis.text.find("\n", hazard.span.start)
    rest = analysis.text[hazard.span.end : line_end if line_end >= 0 else None]
    if not rest.startswith("-linux-gnu"):
        return None
    name = site.node.name
    if name == "run":
        places = [
            Span(m.start(), m.end())
            for m in re.finditer(r"x86_64(?=-linux-gnu)", analysis.text)
            if site.node.span.start <= m.start() < site.node.span.end
        ]
        edits = []
        for place in places:
            start = analysis.text.rfind("\n", 0, place.start) + 1
            before = analysis.text[start : place.start]
            quoted = before.count("'") % 2 and before.count('"') % 2 == 0
            edits.append(
                TextEdit(span=place, text="'\"$(uname -m)\"'" if quoted else "$(uname -m)")
            )
        return Fix(
            title="Ask uname for the folder's name",
            edits=tuple(edits),
            confidence=Confidence.LIKELY,
            results=tuple((p, f"{family('uname')[p]}-linux-gnu") for p in DEFAULT_PLATFORMS),
        )
    if name == "copy" and any(flag.startswith("--from") for flag in site.node.flags):
        return Fix(
            title="Copy from the folder of any architecture",
            edits=(TextEdit(span=hazard.span, text="*"),),
            confidence=Confidence.LIKELY,
        )
    return None


def cpu_flag(analysis: Analysis, hazard: Hazard) -> Fix | None:
    """``-march=native`` and ``-mtune=native`` go."""
    if not hazard.atom.endswith("=native"):
        return None
    start, end = hazard.span.start, hazard.span.end
    while analysis.text[end : end + 1] == " ":
        end += 1
    return Fix(
        title=f"Drop {hazard.atom}",
        edits=(TextEdit(span=Span(start, end), text=""),),
        confidence=Confidence.SAFE,
    )


def delete_line(analysis: Analysis, hazard: Hazard) -> Fix | None:
    """A COPY or ADD of nothing but an emulator goes."""
    node = hazard.site.node
    if node.name not in {"copy", "add"} or len(node.args) != 2:
        return None
    start = analysis.text.rfind("\n", 0, node.span.start) + 1
    end = analysis.text.find("\n", node.span.end - 1)
    return Fix(
        title="Delete the copy of the emulator",
        edits=(TextEdit(span=Span(start, len(analysis.text) if end < 0 else end + 1), text=""),),
        confidence=Confidence.LIKELY,
    )


def label(analysis: Analysis, hazard: Hazard) -> Fix | None:
    """A label's architecture comes from TARGETARCH."""
    if hazard.token is None or hazard.token.text != "amd64":
        return None
    edits = declare(analysis, hazard.site, ("TARGETARCH",))
    edits.append(TextEdit(span=_token_only(analysis, hazard), text="$TARGETARCH"))
    return Fix(title="Use TARGETARCH", edits=tuple(edits), confidence=Confidence.SAFE)


def failing_default(analysis: Analysis, hazard: Hazard) -> Fix | None:
    """A map without a default gets one that fails, so that no name stays empty."""
    for script in hazard.site.scripts:
        for case in script.cases:
            if case.subject.span != hazard.span or any("*" in i.patterns for i in case.items):
                continue
            at = analysis.text.rfind("esac", case.span.start, case.span.end)
            if at < 0:
                return None
            before = analysis.text[case.span.start : at].rstrip(" \t\\\n`")
            separator = "" if before.endswith(";;") else ";; "
            subject = case.subject.text.strip('"')
            return Fix(
                title="Fail on architectures that the map does not know",
                edits=(
                    TextEdit(
                        span=Span(at, at),
                        text=f'{separator}*) echo >&2 "unsupported architecture: {subject}"; '
                        "exit 1 ;; ",
                    ),
                ),
                confidence=Confidence.LIKELY,
            )
    return None


def uname_url(analysis: Analysis, hazard: Hazard) -> Fix | None:
    """``$(uname -m)`` becomes TARGETARCH where that is how the project spells it."""
    text = analysis.text[hazard.span.start : hazard.span.end]
    match = re.search(r"\$\(\s*(?:uname\s+-m|arch)\s*\)|`(?:uname\s+-m|arch)`", text)
    if match is None:
        return None
    edits = declare(analysis, hazard.site, ("TARGETARCH",))
    start = hazard.span.start + match.start()
    edits.append(TextEdit(span=Span(start, start + len(match.group())), text="${TARGETARCH}"))
    return Fix(
        title="Use TARGETARCH, as the project spells it",
        edits=tuple(edits),
        confidence=Confidence.LIKELY,
    )
