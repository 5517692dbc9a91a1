from __future__ import annotations

from core.dockerfile.edits import TextEdit, apply_edits
from core.dockerfile.source import Span
from core.errors import LineRange
from core.lint.findings import Confidence, Finding, Fix, Severity
from desktop.editor.fixes import chosen_edits, ignore_edit


def finding(rule: str, *edits: TextEdit, confidence: Confidence = Confidence.SAFE) -> Finding:
    return Finding(
        rule=rule,
        id="AL00",
        severity=Severity.ERROR,
        message="m",
        range=LineRange(2, 2),
        span=Span(0, 1),
        fix=Fix(title="t", edits=edits, confidence=confidence),
    )


def test_an_edit_that_two_fixes_share_is_made_once() -> None:
    arg = TextEdit(span=Span(0, 0), text="ARG TARGETARCH\n")
    one = finding("a", arg, TextEdit(span=Span(3, 4), text="1"))
    two = finding("a", arg, TextEdit(span=Span(6, 7), text="2"))
    assert len(chosen_edits((one, two), "a")) == 3


def test_fixes_that_overlap_are_left_for_the_next_round() -> None:
    one = finding("a", TextEdit(span=Span(0, 5), text=""))
    two = finding("a", TextEdit(span=Span(3, 8), text=""))
    assert chosen_edits((one, two), "a") == one.fix.edits  # type: ignore[union-attr]


def test_fix_all_takes_only_what_is_certain() -> None:
    sure = finding("a", TextEdit(span=Span(0, 1), text="x"))
    likely = finding("b", TextEdit(span=Span(4, 5), text="y"), confidence=Confidence.LIKELY)
    assert len(chosen_edits((sure, likely), "")) == 1
    assert len(chosen_edits((sure, likely), "b")) == 1


def test_a_fix_that_needs_typing_is_never_made_in_bulk() -> None:
    unsure = finding("a", TextEdit(span=Span(0, 1), text="x"), confidence=Confidence.NEEDS_INPUT)
    assert chosen_edits((unsure,), "a") == ()


def test_the_ignore_comment_stands_above_with_the_same_indent() -> None:
    text = "FROM x\n  RUN y\n"
    edit = ignore_edit(text, finding("arch/hard-coded-url"))
    assert apply_edits(text, (edit,)) == (
        "FROM x\n  # viaduct: ignore=arch/hard-coded-url\n  RUN y\n"
    )
