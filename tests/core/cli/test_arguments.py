"""Options that commands share."""

from __future__ import annotations

import argparse

import pytest

from core.cli.arguments import (
    OutputFormat,
    add_format,
    command_parser,
    duration,
    with_default,
)
from core.errors import OptionError


@pytest.mark.parametrize(
    ("text", "seconds"), [("90m", 5400), ("1h30m", 5400), ("7d", 604800), ("0.5s", 0.5)]
)
def test_durations_are_nanoseconds(text: str, seconds: float) -> None:
    assert duration(text) == int(seconds * 1e9)


@pytest.mark.parametrize("text", ["", "24", "h", "1x", "1h 30m", "-1h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="no duration"):
        duration(text)


def test_json_is_short_for_the_format() -> None:
    parser = argparse.ArgumentParser()
    add_format(parser)
    assert parser.parse_args([]).format is OutputFormat.TEXT
    assert parser.parse_args(["--json"]).format is OutputFormat.JSON
    assert parser.parse_args(["--format", "json"]).format is OutputFormat.JSON


def test_help_names_the_exit_codes() -> None:
    help_text = " ".join(command_parser("x", "Does x.").format_help().split())
    assert "Exit codes: 0 done" in help_text


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ([], ["ls"]),
        (["--json"], ["ls", "--json"]),
        (["rm", "x"], ["rm", "x"]),
        (["--help"], ["--help"]),
    ],
)
def test_a_list_is_what_options_alone_ask_for(words: list[str], read: list[str]) -> None:
    assert with_default(words, "ls") == read
