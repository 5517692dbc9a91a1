"""Linting a text: parse, check, leave out what was asked to be left out, try each fix.

Source of the two kinds of rules: ``architecture.py`` (ours) and ``buildkit`` (BuildKit's checks).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from core.dockerfile.commands import Program
from core.dockerfile.edits import apply_edits
from core.dockerfile.instructions import instructions
from core.dockerfile.parser import parse
from core.dockerfile.source import Span
from core.errors import DockerfileError, LineRange
from core.lint.architecture import architecture_findings
from core.lint.buildkit.rules import Violation
from core.lint.buildkit.walk import check_program
from core.lint.findings import Confidence, Finding, Fix, Severity
from core.lint.rules.advice import ImageFacts
from core.oci.platform import parse_platform

SYNTAX_RULE = "dockerfile/syntax"
SAME_AS_OURS = {"RedundantTargetPlatform": "AL35", "FromPlatformFlagConstDisallowed": "AL15"}
IGNORE = re.compile(r"^\s*viaduct:?\s+(ignore(?:-file)?)(?:=|\s+)(.*)$", re.IGNORECASE)
MAX_ROUNDS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LintOptions:
    """What to look for. ``ignore`` holds rule names or numbers; ``platforms`` may be empty.

    ``images`` holds what registries answered for base images, by reference. ``ignore_file`` is the
    text of the context's .dockerignore, ``build_checks`` adds BuildKit's own checks.
    """

    platforms: tuple[str, ...] = ()
    ignore: frozenset[str] = frozenset()
    threshold: Severity = Severity.INFO
    images: Mapping[str, ImageFacts] = field(default_factory=dict)
    ignore_file: bytes = b""
    build_args: Mapping[str, str] = field(default_factory=dict)
    build_checks: bool = True


def lint_text(
    text: str | bytes,
    *,
    name: str = "Dockerfile",
    options: LintOptions | None = None,
    fixes: bool = True,
) -> tuple[Finding, ...]:
    """All findings of a Dockerfile, by line. A file that cannot be parsed gives one finding.

    With ``fixes``, a finding's fix has been tried: applied to the text, it removes the finding,
    adds none, and what comes out parses.
    """
    options = options or LintOptions()
    try:
        program = instructions(parse(text, name=name), lenient=True)
    except DockerfileError as error:
        return (_syntax(error),)
    found = [
        *(_syntax(error) for error in program.errors),
        *architecture_findings(
            program, platforms=options.platforms, fixes=fixes, images=options.images
        ),
    ]
    # Two of BuildKit's checks are rules of ours as well, which say more and have a fix.
    known = {(f.range.start, f.id) for f in found}
    if options.build_checks:
        found.extend(
            _of_violation(program, violation)
            for violation in check_program(
                program,
                platforms=tuple(parse_platform(p) for p in options.platforms),
                build_args=options.build_args,
                ignore_file=options.ignore_file,
            )
            if (violation.line, SAME_AS_OURS.get(violation.rule.name, "")) not in known
        )
    kept = [f for f in found if not _left_out(program, f, options)]
    if fixes:
        source = program.document.text
        kept = [_tried(source, name, options, f, found) for f in kept]
    kept.sort(key=lambda f: (f.range.start, f.range.start_column, f.id))
    return tuple(kept)


def fix_text(
    text: str,
    *,
    name: str = "Dockerfile",
    options: LintOptions | None = None,
    least: Confidence = Confidence.LIKELY,
) -> str:
    """``text`` with every fix made that is at least as sure as ``least``."""
    order = (Confidence.SAFE, Confidence.LIKELY, Confidence.NEEDS_INPUT)
    wanted = order[: order.index(least) + 1]
    for _ in range(MAX_ROUNDS):
        fix = next(
            (
                finding.fix
                for finding in lint_text(text, name=name, options=options)
                if finding.fix is not None and finding.fix.confidence in wanted
            ),
            None,
        )
        if fix is None:
            return text
        text = apply_edits(text, fix.edits)
    return text


def _syntax(error: DockerfileError) -> Finding:
    where = error.ranges[0] if error.ranges else LineRange(1, 1)
    return Finding(
        rule=SYNTAX_RULE,
        id="DF00",
        severity=Severity.ERROR,
        message=error.message,
        range=where,
        span=Span(0, 0),
        detail=error.hint,
    )


def _of_violation(program: Program, violation: Violation) -> Finding:
    name = f"buildkit/{violation.rule.name}"
    where = violation.ranges[0] if violation.ranges else LineRange(1, 1)
    last = violation.ranges[-1] if violation.ranges else where
    return Finding(
        rule=name,
        id=violation.rule.name,
        severity=Severity.WARNING,
        message=violation.message,
        range=LineRange(where.start, last.end),
        span=_line_span(program.document.text, where.start),
        detail=violation.rule.description,
        url=violation.rule.url,
        platforms=violation.platforms,
    )


def _line_span(text: str, line: int) -> Span:
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    end = text.find("\n", start)
    return Span(start, len(text) if end < 0 else end)


def _left_out(program: Program, finding: Finding, options: LintOptions) -> bool:
    if finding.severity.rank < options.threshold.rank:
        return True
    names = {finding.rule, finding.id, finding.rule.split("/", 1)[-1]}
    if names & options.ignore:
        return True
    return bool(names & _ignored_at(program, finding.range.start))


def _ignored_at(program: Program, line: int) -> frozenset[str]:
    """Rules that a comment above the instruction, or anywhere for the file, leaves out."""
    found: set[str] = set()
    for comment, here in _comments(program, line):
        match = IGNORE.match(comment)
        if match and (here or match.group(1).lower() == "ignore-file"):
            found.update(part for part in re.split(r"[,\s]+", match.group(2).strip()) if part)
    if "all" in found:
        return frozenset({*found, SYNTAX_RULE}) | _every_rule()
    return frozenset(found)


def _comments(program: Program, line: int) -> Iterable[tuple[str, bool]]:
    for node in program.document.nodes:
        here = node.start <= line <= node.end
        for comment in node.comments:
            yield comment, here


def _every_rule() -> frozenset[str]:
    from core.lint.rules.table import RULES

    return frozenset(rule.name for rule in RULES)


def _tried(
    text: str, name: str, options: LintOptions, finding: Finding, all_: list[Finding]
) -> Finding:
    if finding.fix is None or works(text, name, options, finding, finding.fix, all_):
        return finding
    return replace(finding, fix=None)


def works(
    text: str,
    name: str,
    options: LintOptions,
    finding: Finding,
    fix: Fix,
    before: Iterable[Finding],
) -> bool:
    """Whether the fix removes its finding, adds none, and leaves a file that parses."""
    try:
        fixed = apply_edits(text, fix.edits)
        program = instructions(parse(fixed, name=name), lenient=True)
    except (ValueError, DockerfileError):
        return False
    if program.errors:
        return False
    after = Counter(
        (f.id, f.message)
        for f in architecture_findings(program, platforms=options.platforms, images=options.images)
    )
    known = Counter((f.id, f.message) for f in before if f.rule.startswith("arch/"))
    gone = known - after
    return (finding.id, finding.message) in gone and not after - known
