"""Plans and graphs printed without a builder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli.debug import main
from core.errors import NotFoundError, OptionError
from core.wire.pb import ops_pb2

CROSS = """\
FROM --platform=$BUILDPLATFORM golang AS build
ARG TARGETARCH
RUN GOARCH=$TARGETARCH make
FROM other AS unused
RUN false
FROM debian
RUN apt-get update
COPY --from=build /out /out
"""


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Dockerfile").write_text(CROSS)
    # Whatever machine the tests run on.
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    return tmp_path


def rows(text: str) -> dict[str, list[str]]:
    """Marks of each step, by the step's text."""
    found = {}
    for line in text.splitlines():
        for word in ("RUN ", "FROM ", "COPY "):
            if word in line:
                marks, _, step = line.partition(word)
                found[word + step] = marks.split()
    return found


def test_the_plan_is_a_row_a_step_and_a_column_a_platform(
    context: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dump-plan", str(context), "--platform", "linux/amd64,linux/s390x"]) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[0].split() == ["amd64", "s390x", "STEP"]
    plan = rows(text)
    assert plan["RUN GOARCH=$TARGETARCH make"] == ["n", "x"]
    assert plan["RUN false"] == [".", "."]
    assert plan["RUN apt-get update"] == ["n", "e"]
    assert plan["FROM --platform=$BUILDPLATFORM golang AS build"] == ["+=", "+="]


def test_without_emulation_foreign_programs_are_impossible(
    context: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["dump-plan", str(context), "--platform", "linux/s390x", "--no-emulation"]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert rows(text)["RUN apt-get update"] == ["!"]
    assert "Enable emulation" in text


def test_the_plan_as_json_has_every_cell(context: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["dump-plan", str(context), "--format", "json", "--platform", "linux/arm64"]
    assert main(words) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["platforms"] == ["linux/arm64"]
    assert {"linux/arm64"} == set().union(*(step["cells"] for step in plan["steps"]))


def test_a_graph_is_printed_for_each_platform(
    context: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dump-llb", str(context), "--platform", "linux/amd64,linux/arm64"]) == 0
    values = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [v["platform"] for v in values if set(v) == {"platform"}] == [
        "linux/amd64",
        "linux/arm64",
    ]
    sources = {v["op"]["identifier"] for v in values if v.get("kind") == "SourceOp"}
    assert sources == {
        "docker-image://docker.io/library/golang:latest",
        "docker-image://docker.io/library/debian:latest",
    }
    assert sum("result" in v for v in values) == 2


def test_dot_is_a_graph_that_dot_reads(context: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dump-llb", str(context), "--format", "dot", "--platform", "linux/amd64"]) == 0
    text = capsys.readouterr().out
    assert text.count("digraph {") == 1
    assert text.rstrip().endswith("}")


def test_pb_is_a_definition_of_one_platform(
    context: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["dump-llb", str(context), "--format", "pb", "--platform", "linux/amd64"]) == 0
    definition = ops_pb2.Definition.FromString(capfdbinary.readouterr().out)
    # The last operation only names the result.
    assert len(definition.ListFields()[0][1]) == len(definition.metadata) + 1
    with pytest.raises(OptionError, match="one graph"):
        main(["dump-llb", str(context), "--format", "pb", "--platform", "linux/amd64,linux/arm64"])


@pytest.mark.parametrize("command", ["dump-plan", "dump-llb"])
def test_a_wrong_dockerfile_is_shown_at_its_line(
    command: str, context: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (context / "Dockerfile").write_text("FROM debian\nRNU true\n")
    assert main([command, str(context)]) == 1
    error = capsys.readouterr().err
    assert "Dockerfile:2" in error
    assert "unknown instruction" in error


def test_a_missing_dockerfile_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="cannot be read"):
        main(["dump-llb", str(tmp_path)])
