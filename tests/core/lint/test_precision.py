"""What looks like a hazard and is none, and where a hazard is reported."""

from __future__ import annotations

import pytest

from core.lint.run import lint_text

CLEAN = {
    "case": 'ARG TARGETARCH\nRUN case "$TARGETARCH" in amd64) U=https://x.org/a-x86_64.zip;; '
    "arm64) U=https://x.org/a-aarch64.zip;; *) exit 1;; esac; curl -O $U",
    "if": 'RUN if [ "$(uname -m)" = x86_64 ]; then curl -O https://x.org/a_linux_amd64.zip; fi',
    "chain": 'RUN [ "$(dpkg --print-architecture)" != amd64 ] || curl -O https://x.org/a_amd64.deb',
    "sed": "RUN A=$(uname -m | sed s/x86_64/amd64/) && curl -O https://x.org/a_$A.zip",
    "other system": "RUN curl -O https://x.org/a_darwin_amd64.zip",
    "noarch": "RUN yum install -y https://x.org/el7/x86_64/epel-release.noarch.rpm",
    "both": "RUN curl -O https://x.org/a_amd64.zip && curl -O https://x.org/a_arm64.zip",
    "cross toolchain": "RUN apt-get install -y gcc-aarch64-linux-gnu crossbuild-essential-armhf",
    "emulator": "RUN apt-get install -y qemu-system-x86 qemu-user-static",
    "loop": "RUN for a in amd64 arm64; do curl -O https://x.org/a_$a.zip; done",
    "two goarchs": "RUN GOARCH=amd64 go build -o a && GOARCH=arm64 go build -o b",
    "words": "RUN echo base64 | sha256sum; apt-get install -y libx264-dev helm",
    "php's pcre": "RUN gnuArch=$(dpkg-architecture --query DEB_BUILD_GNU_TYPE) && ./configure "
    "$(test \"$gnuArch\" = 's390x-linux-gnu' && echo '--without-pcre-jit')",
    "message": 'RUN echo "built for amd64"',
    "lib64": "RUN ln -s /usr/lib64/libfoo.so /usr/lib/libfoo.so",
}


@pytest.mark.parametrize("body", CLEAN.values(), ids=CLEAN.keys())
def test_no_alarm(body: str) -> None:
    assert [f for f in lint_text(f"FROM debian\n{body}\n") if f.id.startswith("AL")] == []


def test_one_finding_for_a_download_and_what_follows_from_it() -> None:
    text = (
        "FROM debian\nRUN curl -LO https://x.org/tool_1_linux_amd64.tar.gz \\\n"
        " && tar xf tool_1_linux_amd64.tar.gz \\\n && mv tool_1_linux_amd64/tool /usr/bin \\\n"
        " && rm -r tool_1_linux_amd64*\nRUN ls /opt/tool_1_linux_amd64\n"
    )
    assert [(f.id, f.range.start) for f in lint_text(text)] == [("AL01", 2)]


def test_a_constant_is_reported_where_it_is_defined() -> None:
    text = "FROM debian\nENV A=1 \\\n    ARCH=amd64\nRUN curl -O https://x.org/a_$ARCH.zip\n"
    (finding,) = lint_text(text)
    assert (finding.id, finding.range.start) == ("AL04", 3)
    assert [related.line for related in finding.related] == [4]


def test_the_line_of_a_continued_command_is_the_word_s_own() -> None:
    text = "FROM debian\nRUN set -e; \\\n  # why\n  curl -O \\\n  https://x.org/a_linux_amd64.zip\n"
    assert [f.range.start for f in lint_text(text)] == [5]


def test_heredocs_are_read_as_scripts() -> None:
    text = "FROM debian\nRUN <<EOF\nset -e\ncurl -O https://x.org/a_linux_amd64.zip\nEOF\n"
    assert [(f.id, f.range.start) for f in lint_text(text)] == [("AL01", 4)]


def test_a_child_stage_inherits_its_parent_s_arguments() -> None:
    text = "FROM debian AS base\nARG TARGETARCH\nFROM base\nRUN curl -O https://x.org/a_$TARGETARCH.zip\n"
    assert lint_text(text) == ()


def test_a_file_named_for_an_architecture_is_left_alone() -> None:
    text = "FROM debian\nRUN curl -O https://x.org/a_linux_arm64.zip\n"
    assert lint_text(text, name="build/Dockerfile.arm64") == ()
