"""Structured edits and renames: what they change, and what they leave."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dockerfile.changes import (
    quote_value,
    set_arg,
    set_base_image,
    set_env,
    set_label,
    set_platform,
)
from core.dockerfile.edits import Span, TextEdit, apply_edits, difference
from core.dockerfile.expand import expand_word
from core.dockerfile.nodes import Document
from core.dockerfile.parser import parse
from core.dockerfile.properties import properties
from core.dockerfile.renames import rename_stage, rename_variable
from core.errors import DockerfileError, NotFoundError, OptionError

GENERATED = settings(max_examples=150, deadline=None, derandomize=True, database=None)

TEXT = """\
# syntax=docker/dockerfile:1
# VER is it
ARG VER=1
FROM --platform=$BUILDPLATFORM golang:$VER AS build
ARG VER
ENV A="x $VER" \\
    # keep
    VERX=2
RUN echo '$VER' $VERX ${VER:-1} \\$VER && VER=3 make
COPY --from=build /a /b

FROM build
COPY --from=build /x-${VER} '/$VER'
RUN --mount=type=bind,from=build,target=/x <<EOF
 echo $VER
EOF
COPY <<EOF /y
VER=$VER
EOF
label a=b
"""


def changed(edits: Callable[[Document], tuple[TextEdit, ...]], text: str = TEXT) -> list[str]:
    """The lines that differ, as they are afterwards; the file still parses."""
    after = apply_edits(text, edits(parse(text)))
    parse(after)
    before = set(text.split("\n"))
    return [line for line in after.split("\n") if line not in before]


def test_a_base_image_changes_alone() -> None:
    assert changed(lambda d: set_base_image(d, 0, "golang:2")) == [
        "FROM --platform=$BUILDPLATFORM golang:2 AS build"
    ]
    with pytest.raises(NotFoundError):
        set_base_image(parse(TEXT), 2, "x")
    with pytest.raises(OptionError):
        set_base_image(parse(TEXT), 0, "a b")


def test_a_platform_is_set_replaced_and_removed() -> None:
    assert changed(lambda d: set_platform(d, 1, "$X")) == ["FROM --platform=$X build"]
    assert changed(lambda d: set_platform(d, 0, "a")) == ["FROM --platform=a golang:$VER AS build"]
    assert changed(lambda d: set_platform(d, 0, "")) == ["FROM golang:$VER AS build"]


def test_labels_change_where_they_stand_or_join_the_others() -> None:
    assert changed(lambda d: set_label(d, "a", 'x "y"')) == ['label a="x \\"y\\""']
    assert changed(lambda d: set_label(d, "c", "$d")) == ['label c="$d"']
    assert changed(lambda d: set_label(d, "c", "$d", literal=True)) == ['label c="\\$d"']
    assert changed(lambda d: set_label(d, "c", "1", stage=0)) == ["LABEL c=1"]


def test_variables_change_between_comments_and_continuations() -> None:
    assert changed(lambda d: set_env(d, "VERX", "3", stage=0)) == ["    VERX=3"]
    assert changed(lambda d: set_env(d, "N", "1")) == ["ENV N=1"]
    assert changed(lambda d: set_arg(d, "VER", "2")) == ["ARG VER=2"]
    assert apply_edits(TEXT, set_arg(parse(TEXT), "VER", None)).count("ARG VER\n") == 2
    assert apply_edits("FROM a", set_env(parse("FROM a"), "b", "c")) == "FROM a\nENV b=c"
    crlf = "# c\r\nFROM a\r\n"
    assert apply_edits(crlf, set_arg(parse(crlf), "b", "c")) == "ARG b=c\r\n# c\r\nFROM a\r\n"
    with pytest.raises(OptionError):
        set_env(parse(TEXT), "a b", "c")


def test_a_stage_is_renamed_wherever_it_is_meant() -> None:
    after = apply_edits(TEXT, rename_stage(parse(TEXT), "BUILD", "maker"))
    assert after == TEXT.replace("AS build", "AS maker").replace(
        "FROM build", "FROM maker"
    ).replace("COPY --from=build /x", "COPY --from=maker /x").replace(
        "COPY --from=build /a", "COPY --from=maker /a"
    ).replace("from=build,", "from=maker,")
    with pytest.raises(NotFoundError):
        rename_stage(parse(TEXT), "nobody", "x")


def test_a_variable_is_renamed_wherever_it_is_read() -> None:
    after = apply_edits(TEXT, rename_variable(parse(TEXT), "VER", "GO"))
    lines = after.split("\n")
    assert lines[1:6] == [
        "# VER is it",
        "ARG GO=1",
        "FROM --platform=$BUILDPLATFORM golang:$GO AS build",
        "ARG GO",
        'ENV A="x $GO" \\',
    ]
    assert lines[8] == "RUN echo '$GO' $VERX ${GO:-1} \\$VER && GO=3 make"
    assert lines[12] == "COPY --from=build /x-${GO} '/$VER'"
    assert lines[14] == " echo $GO"
    assert lines[17] == "VER=$GO"
    for name in ("VERX", "1a"):
        with pytest.raises(OptionError):
            rename_variable(parse(TEXT), "VER", name)


@pytest.mark.parametrize("value", ["", "a b", 'q"q', "back\\slash", "$x", "é", "a\\", "'"])
@pytest.mark.parametrize("escape", ["\\", "`"])
def test_a_quoted_value_expands_to_itself(value: str, escape: str) -> None:
    text = f"# escape={escape}\nFROM a\nENV k={quote_value(value, escape, literal=True)} z=1\n"
    pair = parse(text).nodes[1].key_values[0]
    assert pair.value is not None
    assert expand_word(pair.value, {"x": "no"}, escape=escape).text == value


def test_edits_that_overlap_are_a_mistake() -> None:
    edits = [TextEdit(span=Span(0, 3), text="x"), TextEdit(span=Span(2, 4), text="y")]
    with pytest.raises(ValueError, match="overlap"):
        apply_edits("abcdef", edits)


def test_a_difference_is_one_short_edit() -> None:
    assert difference("abcd", "abXd") == (TextEdit(span=Span(2, 3), text="X"),)
    assert difference("aa", "aaa")[0].text == "a"
    assert difference("a", "a") == ()


def test_properties_come_from_files_that_both_parsers_read_alike() -> None:
    found = properties(parse('ARG V=1\nFROM a:$V\nENV X=1\nLABEL l="$X z"\n'))
    assert found is not None
    assert found.base_images == ("a:1",)
    assert found.labels == {"l": "1 z"}
    assert found.envs == {"X": "1"}
    assert properties(parse("FROM a\nRUN <<E\nENV x=1\nE\n")) is None


def _meanings(text: str) -> list[object]:
    return [(n.name, n.args, n.flags, [h.content for h in n.heredocs]) for n in parse(text).nodes]


@GENERATED
@given(st.data())
def test_an_edit_of_any_file_changes_one_instruction_and_no_other(
    dockerfile_texts: st.SearchStrategy[str], data: st.DataObject
) -> None:
    text = "FROM a AS s\n" + data.draw(dockerfile_texts)
    edit = data.draw(
        st.sampled_from(
            [
                lambda d: set_base_image(d, 0, "zz"),
                lambda d: set_platform(d, -1, "p"),
                lambda d: set_label(d, "x", "z z"),
                lambda d: set_env(d, "a", "z z"),
                lambda d: set_arg(d, "new", "1"),
                lambda d: set_arg(d, "a", "1", stage=0),
            ]
        )
    )
    try:
        document = parse(text)
        edits = edit(document)
    except (DockerfileError, OptionError, NotFoundError):
        return
    before, after = _meanings(text), _meanings(apply_edits(text, edits))
    differing = [m for m in after if m not in before]
    assert len(after) - len(before) in (0, 1)
    assert len(differing) <= 1


@GENERATED
@given(st.data())
def test_a_rename_there_and_back_restores_every_byte(
    dockerfile_texts: st.SearchStrategy[str], data: st.DataObject
) -> None:
    text = "ARG a\nFROM x AS b\n" + data.draw(dockerfile_texts)
    try:
        document = parse(text)
    except DockerfileError:
        return
    for rename, old in ((rename_variable, "a"), (rename_stage, "b")):
        there = apply_edits(text, rename(document, old, "fresh"))
        assert len(parse(there).nodes) == len(document.nodes)
        assert apply_edits(there, rename(parse(there), "fresh", old)).lower() == text.lower()
