"""Base images by what a registry says of them."""

from __future__ import annotations

from core.dockerfile.instructions import instructions
from core.dockerfile.parser import parse
from core.lint.bases import base_references
from core.lint.rules.advice import ImageFacts
from core.lint.run import LintOptions, lint_text

AMD64_ONLY = ImageFacts(platforms=("linux/amd64",), is_index=True)


def test_bases_are_named_with_their_arguments_and_without_stages() -> None:
    text = "ARG V=3\nFROM alpine:$V AS a\nFROM a\nFROM scratch\nFROM x-$TARGETARCH\nFROM alpine:3\n"
    assert base_references(instructions(parse(text))) == ("alpine:3",)


def test_a_platform_that_a_base_lacks_is_named_at_its_line() -> None:
    options = LintOptions(
        platforms=("linux/amd64", "linux/arm64"), images={"old/tool:1": AMD64_ONLY}
    )
    (finding,) = lint_text("ARG T=old/tool:1\nFROM $T\nRUN true\n", options=options)
    assert (finding.id, finding.range.start, finding.platforms) == ("AL17", 2, ("linux/arm64",))
    assert "old/tool:1 has nothing for linux/arm64" in finding.message


def test_a_stage_on_the_build_platform_may_lack_the_others() -> None:
    options = LintOptions(
        platforms=("linux/amd64", "linux/arm64"), images={"old/tool:1": AMD64_ONLY}
    )
    text = (
        "FROM --platform=$BUILDPLATFORM old/tool:1 AS t\nRUN true\n"
        "FROM scratch\nCOPY --from=t /x /\n"
    )
    assert [f.id for f in lint_text(text, options=options)] == []


def test_a_digest_of_one_platform_is_told_from_that_of_an_index() -> None:
    reference = "alpine@sha256:" + "0" * 64
    options = LintOptions(
        platforms=("linux/amd64", "linux/arm64"),
        images={reference: ImageFacts(platforms=("linux/amd64",), is_index=False)},
    )
    assert [f.id for f in lint_text(f"FROM {reference}\nRUN true\n", options=options)] == ["AL16"]
