"""How a hazard is worded and where exactly it stands."""

from __future__ import annotations

import re

from core.dockerfile.source import Span
from core.lint.analysis import Analysis
from core.lint.findings import Related
from core.lint.rules.atoms import Atom
from core.lint.rules.table import RuleId


def token_span(analysis: Analysis, text: str, span: Span, atom: Atom) -> Span:
    """Where the atom's token stands, given that ``text`` was read from ``span``.

    A text that runs over line continuations is shorter than its span; the atom itself never is.
    """
    if len(span) == len(text):
        start = span.start + atom.offset
        return Span(start, start + len(atom.token.text))
    at = analysis.text.find(atom.text, span.start, span.end)
    if at < 0:
        return span
    start = at + atom.token.start
    return Span(start, start + len(atom.token.text))


def message_of(rule: RuleId, atom: Atom, subject: str) -> str:
    name = atom.text.rsplit("/", 1)[-1].strip("\"'") or atom.text
    only = atom.token.platforms[0].removeprefix("linux/")
    match rule:
        case RuleId.URL_ARCH:
            return (
                f"{name} is for {only} only; an image for another platform would get {only} files"
            )
        case RuleId.FILE_ARCH:
            return f"{name} exists for {only} only"
        case RuleId.ARCH_VARIABLE:
            return f"{subject} is always {atom.token.text}, whatever the platform"
        case RuleId.APT_ARCH:
            return f"the apt source is limited to {only}; other platforms find no package in it"
        case RuleId.PACKAGE_ARCH:
            return f"{name} asks for the {only} package on every platform"
        case RuleId.LIBRARY_PATH:
            return f"{name} is a path of {only} alone"
        case RuleId.JAVA_HOME:
            return f"{name} is the Java folder of {only} alone"
        case RuleId.GO_ARCH:
            return f"GOARCH={atom.token.text} compiles for {only} on every platform"
        case RuleId.TARGET_TRIPLE:
            return f"{name} compiles for {only} on every platform"
        case RuleId.DOTNET_RID:
            return f"{name} publishes for {only} on every platform"
        case _:
            return f"{name} selects {only} on every platform"


def related_uses(analysis: Analysis, names: frozenset[str], after: int) -> tuple[Related, ...]:
    """Where the variables ``names`` are used behind offset ``after``."""
    if not names:
        return ()
    pattern = re.compile(r"\$\{?(" + "|".join(map(re.escape, sorted(names))) + r")\b")
    return tuple(
        Related(
            span=Span(m.start(), m.end()),
            line=analysis.line_of(m.start()),
            message=f"{m.group(1)} is used here",
        )
        for m in pattern.finditer(analysis.text, after)
    )
