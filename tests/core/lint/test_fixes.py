"""Fixes: exact edits that leave a file which parses, without the finding, and nothing else."""

from __future__ import annotations

import pytest

from core.dockerfile.edits import apply_edits
from core.lint.findings import Confidence
from core.lint.run import LintOptions, fix_text, lint_text


def fixed(text: str, least: Confidence = Confidence.LIKELY) -> str:
    return fix_text(text, least=least)


def test_an_address_spelt_like_goarch_takes_targetarch() -> None:
    text = (
        "FROM debian\n# fetch it\n"
        "RUN curl -O https://x.org/a_linux_amd64.zip && unzip a_linux_amd64.zip\n"
    )
    assert fixed(text) == (
        "FROM debian\n# fetch it\nARG TARGETARCH\n"
        "RUN curl -O https://x.org/a_linux_${TARGETARCH}.zip && unzip a_linux_${TARGETARCH}.zip\n"
    )


def test_another_spelling_gets_a_map_that_fails_for_the_rest() -> None:
    result = fixed("FROM debian\nRUN curl -O https://x.org/a-linux-x86_64.tgz\n")
    assert "amd64) ARCH=x86_64 ;; arm64) ARCH=aarch64 ;;" in result
    assert "exit 1 ;; esac" in result
    assert "a-linux-${ARCH}.tgz" in result


def test_where_there_is_no_shell_args_do_the_mapping() -> None:
    result = fixed("FROM debian\nADD https://x.org/a-linux-x86_64.tgz /\n")
    assert "ARG IMAGE_ARCH=${TARGETARCH/amd64/x86_64}\n" in result
    assert "ARG IMAGE_ARCH=${IMAGE_ARCH/arm64/aarch64}\n" in result
    assert "ADD https://x.org/a-linux-${IMAGE_ARCH}.tgz /" in result


def test_a_project_that_spells_arm64_its_own_way_is_believed() -> None:
    text = (
        "FROM debian\nRUN curl -LO https://github.com/protocolbuffers/protobuf/releases/"
        "download/v25/protoc-25-linux-x86_64.zip\n"
    )
    (finding,) = lint_text(text)
    assert finding.fix is not None
    assert dict(finding.fix.results)["linux/arm64"].endswith("protoc-25-linux-aarch_64.zip")


def test_a_declared_argument_is_not_declared_again() -> None:
    text = "FROM debian\nARG TARGETARCH\nRUN curl -O https://x.org/a_linux_amd64.zip\n"
    assert fixed(text).count("ARG TARGETARCH") == 1


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_bytes_outside_the_edits_stay(newline: str) -> None:
    lines = [
        "FROM debian",
        "",
        "  # é 😀",
        "RUN  curl -O \\",
        "\thttps://x.org/a_linux_amd64.zip",
        "USER me",
        "",
    ]
    text = newline.join(lines)
    (finding,) = lint_text(text)
    assert finding.fix is not None
    result = apply_edits(text, finding.fix.edits)
    position = 0
    for edit in sorted(finding.fix.edits, key=lambda e: e.span.start):
        assert result.startswith(text[position : edit.span.start])
        result = result[edit.span.start - position + len(edit.text) :]
        position = edit.span.end
    assert result == text[position:]


def test_a_download_with_no_other_build_is_made_to_fail_with_a_sentence() -> None:
    text = "FROM debian\nRUN wget https://chromedriver.storage.googleapis.com/2/chromedriver_linux64.zip\n"
    assert fixed(text) == text
    result = fixed(text, Confidence.NEEDS_INPUT)
    assert 'no build of chromedriver_linux64.zip for $TARGETARCH"; exit 1' in result
    assert lint_text(result) == ()


def test_fixing_twice_changes_nothing_more() -> None:
    text = "FROM amd64/debian\nENV JAVA_ARCH=amd64\nRUN wget https://x.org/$JAVA_ARCH.tgz\n"
    once = fixed(text)
    assert fixed(once) == once


def test_a_comment_leaves_a_rule_out() -> None:
    text = (
        "FROM debian\n# viaduct: ignore=arch/hard-coded-url\n"
        "RUN curl -O https://x.org/a_linux_amd64.zip\nRUN curl -O https://x.org/b_linux_amd64.zip\n"
    )
    assert [f.range.start for f in lint_text(text)] == [4]


def test_a_rule_can_be_left_out_by_number() -> None:
    text = "FROM debian\nRUN curl -O https://x.org/a_linux_amd64.zip\n"
    assert lint_text(text, options=LintOptions(ignore=frozenset({"AL01"}))) == ()


def test_a_file_that_does_not_parse_is_one_finding() -> None:
    (finding,) = lint_text("FROM debian\nRUN <<EOF\nnever ends\n")
    assert finding.rule == "dockerfile/syntax"


def test_a_platform_the_project_does_not_build_for_fails_in_the_map() -> None:
    text = (
        "FROM debian\nRUN curl -LO https://github.com/cli/cli/releases/download/v2/"
        "gh_2_linux_amd64.tar.gz\n"
    )
    options = LintOptions(platforms=("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386"))
    result = fix_text(text, options=options)
    assert "amd64) ARCH=amd64 ;; arm64) ARCH=arm64 ;; arm) ARCH=armv6 ;; *)" in result
