"""The conformance tables that the scorer leaves out, where the corpus is at hand."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.dockerfile.commands import Copy, Run
from core.dockerfile.expand import expand_word
from core.dockerfile.heredoc import heredoc_words, parse_heredoc_word
from core.dockerfile.ignore import parse_ignore
from core.dockerfile.instructions import parse_single
from core.dockerfile.jsonform import json_strings
from core.dockerfile.parser import parse
from core.errors import DockerfileError

PROJECT = Path(__file__).resolve().parents[3]
CORPUS = Path(os.environ.get("VIADUCT_CONFORMANCE") or PROJECT.parent / "shared" / "conformance")

Cases = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def cases() -> Cases:
    def read(topic: str) -> list[dict[str, Any]]:
        path = CORPUS / "tables" / f"{topic}.json"
        if not path.exists():
            message = f"no table {path}; VIADUCT_CONFORMANCE names the corpus"
            if os.environ.get("CI"):
                pytest.fail(message, pytrace=False)
            pytest.skip(message)
        rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["cases"]
        return rows

    return read


def test_heredoc_words_are_told_from_others(cases: Cases) -> None:
    for row in cases("heredoc_words"):
        if row.get("error"):
            with pytest.raises(DockerfileError):
                parse_heredoc_word(row["word"])
            continue
        word = parse_heredoc_word(row["word"])
        assert (word.name if word else None) == row.get("name"), row


def test_a_line_opens_its_heredocs_in_order(cases: Cases) -> None:
    for row in cases("heredoc_names_from_line"):
        # Upstream compares what it finds and no more: "<<- EOF" opens nothing, for the word ends
        # after the dash.
        names = [] if "<<- " in row["line"] else row["names"]
        assert [word.name for word in heredoc_words(row["line"])] == names, row


def test_single_instructions_fail_with_buildkits_phrase(cases: Cases) -> None:
    for row in cases("instruction_errors"):
        with pytest.raises(DockerfileError) as caught:
            parse_single(parse(row["dockerfile"]).nodes[0])
        assert row["error_contains"] in str(caught.value), row


def test_json_arrays_hold_strings_only(cases: Cases) -> None:
    for row in cases("json_array_args"):
        if row.get("error"):
            with pytest.raises(DockerfileError):
                json_strings(row["input"].strip())
        else:
            assert json_strings(row["input"].strip()) == row["expected"], row


def test_mandatory_variables_say_their_message(cases: Cases) -> None:
    for row in cases("shell_mandatory_vars"):
        if row["error"]:
            with pytest.raises(DockerfileError) as caught:
                expand_word(row["input"], row["env"])
            assert row["error_contains"] in str(caught.value)
        else:
            assert expand_word(row["input"], row["env"]).text == row["expected"]


def test_run_takes_its_heredocs_as_files(cases: Cases) -> None:
    for row in cases("run_heredoc"):
        run = parse_single(parse(row["dockerfile"]).nodes[0])
        assert isinstance(run, Run)
        assert (list(run.command), run.shell_form) == (row["command"], row["shell"])
        wanted = [(f["Name"], f["Data"], f.get("Chomp", False)) for f in row.get("files", [])]
        assert [(f.name, f.content, f.chomp) for f in run.files] == wanted


def test_copy_takes_its_heredocs_as_contents(cases: Cases) -> None:
    for row in cases("copy_heredoc"):
        copy, wanted = parse_single(parse(row["dockerfile"]).nodes[0]), row["expected"]
        assert isinstance(copy, Copy)
        assert copy.destination == wanted["DestPath"]
        assert list(copy.sources) == wanted.get("SourcePaths", [])
        assert [
            {"Path": c.path, "Data": c.content, "Expand": c.expand} for c in copy.contents
        ] == wanted.get("SourceContents", [])


def test_ignore_files_are_read_as_patterns(cases: Cases) -> None:
    for row in cases("dockerignore_read"):
        assert list(parse_ignore(row["content"])) == row["expected"]
