from __future__ import annotations

from core.dockerfile.commands import Program
from core.dockerfile.instructions import instructions
from core.dockerfile.parser import parse
from desktop.editor.navigation import (
    definition_of,
    instruction_at,
    occurrences,
    outline,
    symbol_at,
)
from desktop.editor.values import value_at

TEXT = """\
ARG VERSION=1.0
FROM --platform=$BUILDPLATFORM golang AS Build
ARG VERSION
ARG TARGETARCH
ENV NAME=app-$VERSION
RUN --mount=type=bind,from=tools,target=/t echo ${NAME} $TARGETARCH
FROM busybox AS tools
ARG VERSION=2.0
RUN echo $VERSION
FROM build
COPY --from=build /a /b
COPY --from=tools /c /d
RUN echo $NAME
"""


def program() -> Program:
    return instructions(parse(TEXT), lenient=True)


def places(needle: str, number: int = 0) -> list[str]:
    """Lines of every occurrence of the name that stands at the nth ``needle``."""
    offset = -1
    for _ in range(number + 1):
        offset = TEXT.index(needle, offset + 1)
    symbol = symbol_at(program(), offset + 1)
    assert symbol is not None
    return [
        f"{TEXT.count(chr(10), 0, s.span.start) + 1}:{s.span.of(TEXT)}"
        for s in occurrences(program(), symbol)
    ]


def test_the_outline_has_arguments_and_stages_with_their_steps() -> None:
    entries = outline(program())
    assert [(e.title, e.detail, len(e.children)) for e in entries] == [
        ("ARG VERSION", "", 0),
        ("build", "golang", 4),
        ("tools", "busybox", 2),
        ("stage 2", "build", 3),
    ]


def test_a_stage_is_found_wherever_it_is_named() -> None:
    assert places("Build") == ["2:Build", "10:build", "11:build"]


def test_a_stage_named_in_a_mount_is_found() -> None:
    assert places("tools,") == ["6:tools", "7:tools", "12:tools"]


def test_a_variable_of_a_stage_is_seen_by_the_stages_built_from_it() -> None:
    assert places("NAME=") == ["5:NAME", "6:NAME", "13:NAME"]


def test_a_bare_arg_is_the_global_one() -> None:
    assert places("VERSION=1") == ["1:VERSION", "3:VERSION", "5:VERSION"]


def test_an_arg_with_its_own_default_is_another_variable() -> None:
    assert places("VERSION=2") == ["8:VERSION", "9:VERSION"]


def test_the_definition_is_the_nearest_one_that_can_be_seen() -> None:
    symbol = symbol_at(program(), TEXT.rindex("NAME"))
    assert symbol is not None
    found = definition_of(program(), symbol)
    assert found is not None
    assert found.span.start == TEXT.index("NAME=")


def test_an_instruction_is_found_by_any_of_its_lines() -> None:
    found = instruction_at(program(), 6)
    assert found is not None
    assert found.name == "run"
    assert instruction_at(program(), 99) is None


def test_a_variable_has_its_value_per_platform() -> None:
    values = value_at(program(), "TARGETARCH", 6, ("linux/amd64", "linux/arm/v7"), {})
    assert values == {"linux/amd64": "amd64", "linux/arm/v7": "arm"}


def test_a_build_argument_goes_before_the_default() -> None:
    assert value_at(program(), "NAME", 6, ("linux/amd64",), {"VERSION": "9"}) == {
        "linux/amd64": "app-9"
    }


def test_a_stage_inherits_the_environment_of_its_base() -> None:
    assert value_at(program(), "NAME", 13, ("linux/amd64",), {}) == {"linux/amd64": "app-1.0"}


def test_a_variable_that_nothing_sets_has_no_value() -> None:
    assert value_at(program(), "HOME", 6, ("linux/amd64",), {}) == {}
