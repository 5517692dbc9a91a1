"""How long a very large Dockerfile takes to parse: in proportion to its size, whatever is in it."""

import time

import pytest

from core.dockerfile.parser import parse


@pytest.mark.bench
@pytest.mark.parametrize(
    "text",
    [
        "FROM a\n" + "RUN apt-get install -y some thing && rm -rf /var/lib/apt/lists\n" * 16000,
        "FROM a\nRUN x \\\n" + "  word \\\n" * 110000 + " end\n",
        "FROM a\nENV a=b \\\n" + "  name=value \\\n" * 70000 + " e=f\n",
        "FROM a\n" + "# comment\n" * 100000,
        "FROM a\nRUN <<E\n" + "hello there\n" * 85000 + "E\n",
        "FROM a\nRUN " + "\\\n".join(["--a=é " * 1000] * 130) + "\n",
        "FROM a\nENV a=" + "\\\n".join(["'\"x" * 10000] * 33) + "\n",
        "FROM a\nRUN " + "\\\n".join(["<" * 30000] * 30) + "\n",
    ],
    ids=["lines", "continuation", "pairs", "comments", "heredoc", "flags", "quotes", "angles"],
)
def test_a_megabyte_parses_in_under_a_second(text: str) -> None:
    start = time.process_time()
    parse(text)
    took = time.process_time() - start
    print(f"{len(text) / 1e6:.1f} million characters: {took:.2f} s")
    assert took < 1.0
