"""Texts that look like Dockerfiles, for properties."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import strategies as st

_PIECES = [
    *(
        "FROM a AS b\n",
        "RUN ",
        "ENV a=b ",
        "ENV k v\n",
        "LABEL x='1 2'\n",
        "COPY --from=b ",
        "ARG ",
    ),
    *("ONBUILD ", "HEALTHCHECK CMD ", "EXPOSE 80\n", 'CMD ["a", "b"]\n', "ADD ", "# c\n", "#\n"),
    *("# escape=`\n", "# syntax=x\n", "\n", "\\\n", "`\n", "<<EOF", "EOF\n", "<<-'X' ", "X\n"),
    *(
        '"',
        "'",
        "$",
        "{",
        "}",
        "=",
        "--",
        "--a=b ",
        "[",
        "]",
        " ",
        "\t",
        "\r\n",
        "\\",
        "é",
        "\u00a0",
    ),
    *("\ufeff", "\0", "😀", "word", "${a:-${b}}", "\x0b", "\x1c", ","),
]


@pytest.fixture(scope="session")
def dockerfile_texts() -> st.SearchStrategy[str]:
    """Texts of pieces that the parser treats differently."""
    return st.lists(st.sampled_from(_PIECES), max_size=25).map("".join)


@pytest.fixture
def some_texts() -> Callable[[int, int], list[str]]:
    """The same pieces, drawn without Hypothesis: many and fast."""

    def draw(seed: int, count: int) -> list[str]:
        source = random.Random(seed)
        return ["".join(source.choices(_PIECES, k=source.randint(1, 25))) for _ in range(count)]

    return draw
