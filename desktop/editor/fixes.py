"""Which edits a quick fix makes, and the comment that silences a finding."""

from __future__ import annotations

from collections.abc import Iterable

from core.dockerfile.edits import TextEdit
from core.dockerfile.source import Span
from core.lint.findings import Confidence, Finding
from desktop.editor.offsets import Offsets


def chosen_edits(findings: Iterable[Finding], rule: str) -> tuple[TextEdit, ...]:
    """Edits of all findings of ``rule``, or of every certain fix for ""; overlaps are left out.

    Two findings may carry the same edit (``ARG TARGETARCH`` before first use): it is made once.
    """
    chosen: list[TextEdit] = []
    for finding in findings:
        fix = finding.fix
        if fix is None or fix.confidence is Confidence.NEEDS_INPUT:
            continue
        if rule and finding.rule != rule:
            continue
        if not rule and fix.confidence is not Confidence.SAFE:
            continue
        fresh = [edit for edit in fix.edits if edit not in chosen]
        if not any(_overlap(edit, other) for edit in fresh for other in chosen):
            chosen += fresh
    return tuple(chosen)


def _overlap(one: TextEdit, other: TextEdit) -> bool:
    if one.span.start == one.span.end or other.span.start == other.span.end:
        return one.span == other.span
    return one.span.start < other.span.end and other.span.start < one.span.end


def ignore_edit(text: str, finding: Finding) -> TextEdit:
    """A comment above the instruction that silences the finding's rule there."""
    offsets = Offsets(text)
    start = offsets.line_start(finding.range.start)
    line = text[start : offsets.line_end(finding.range.start)]
    indent = line[: len(line) - len(line.lstrip())]
    return TextEdit(span=Span(start, start), text=f"{indent}# viaduct: ignore={finding.rule}\n")
