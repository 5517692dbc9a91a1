"""The formatter."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dockerfile.formatting import format_text, meaning
from core.dockerfile.parser import parse
from core.errors import DockerfileError

GENERATED = settings(max_examples=150, deadline=None, derandomize=True, database=None)


def test_a_file_is_tidied() -> None:
    before = (
        "#syntax=a  \n\n\n  from   a   as b  \nrun   --x=1   --y  foo   \\  \n\n   bar\t\n"
        "# c\nFROM b\nonbuild   copy  a  b\nCMD\n\n\n"
    )
    assert format_text(before) == (
        "#syntax=a\n\nFROM a   as b\nRUN --x=1 --y foo   \\\n   bar\n"
        "\n# c\nFROM b\nONBUILD COPY a  b\nCMD\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "FROM a\nRUN <<E  \n  x  \n\n\nE\n",
        'FROM a\nENV a="x \\\n    y"\n',
        "\n# syntax=x\nFROM a\n",
        "FROM a\n  # check=skip=all\nRUN b\n",
        "FROM a\r\n\r\nFROM b\r\n",
        "# escape=`\nFROM a\nRUN x `\n  y\\ \\\n",
    ],
)
def test_what_means_something_stays(text: str) -> None:
    assert meaning(parse(format_text(text))) == meaning(parse(text))
    assert [h.content for n in parse(format_text(text)).nodes for h in n.heredocs] == [
        h.content for n in parse(text).nodes for h in n.heredocs
    ]


def test_a_file_that_does_not_parse_is_refused() -> None:
    with pytest.raises(DockerfileError):
        format_text("FROM a\nRUN <<E\n")


@GENERATED
@given(st.data())
def test_formatting_keeps_the_meaning_and_is_idempotent(
    dockerfile_texts: st.SearchStrategy[str], data: st.DataObject
) -> None:
    text = data.draw(dockerfile_texts)
    try:
        document = parse(text)
    except DockerfileError:
        return
    formatted = format_text(text)
    assert meaning(parse(formatted)) == meaning(document)
    assert format_text(formatted) == formatted
