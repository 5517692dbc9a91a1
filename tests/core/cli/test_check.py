"""The check command on files and trees, good and bad."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from core.cli.check import main

HAZARD = "FROM debian\nRUN curl -O https://x.org/a_linux_amd64.zip\n"
CLEAN = "FROM debian\nRUN true\n"


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_exit_codes_tell_clean_found_and_unusable(tmp_path: Path) -> None:
    assert main([str(write(tmp_path / "a" / "Dockerfile", CLEAN))]) == 0
    assert main([str(write(tmp_path / "b" / "Dockerfile", HAZARD))]) == 1
    assert main([str(tmp_path / "missing")]) == 2
    assert main(["--severity", "loud", str(tmp_path)]) == 2


def test_text_names_file_line_column_and_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "Dockerfile", HAZARD)
    main([str(path)])
    assert f"{path}:2:35: error: " in capsys.readouterr().out


def test_json_carries_what_an_editor_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "Dockerfile", HAZARD)
    main([str(path), "--format", "json"])
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["file"], row["line"], row["rule"], row["id"]) == (
        str(path),
        2,
        "arch/hard-coded-url",
        "AL01",
    )
    assert row["fix"]["edits"]
    assert row["end"]["column"] == row["column"] + 5


def test_sarif_points_at_the_region(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(write(tmp_path / "Dockerfile", HAZARD)), "--format", "sarif"])
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "arch/hard-coded-url"
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 2


def test_a_tree_goes_on_past_what_is_no_dockerfile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "a" / "Dockerfile", b"\0\1\2binary")
    write(tmp_path / "b" / "Dockerfile", "FROM debian\nRUN <<EOF\nno end\n")
    write(tmp_path / "c" / "api.Dockerfile", HAZARD)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "Dockerfile").symlink_to(tmp_path / "nowhere")
    assert main([str(tmp_path), "--format", "json"]) == 1
    captured = capsys.readouterr()
    assert {row["rule"] for row in json.loads(captured.out)} == {
        "dockerfile/syntax",
        "arch/hard-coded-url",
    }
    assert "binary file" in captured.err
    assert "link to nothing" in captured.err


def test_a_large_tree_is_checked_in_parallel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(70):
        write(tmp_path / str(number) / "Dockerfile", HAZARD if number % 7 == 0 else CLEAN)
    assert main([str(tmp_path), "--format", "json"]) == 1
    assert len(json.loads(capsys.readouterr().out)) == 10


def test_fix_writes_and_keeps_the_mode(tmp_path: Path) -> None:
    path = write(tmp_path / "Dockerfile", HAZARD)
    os.chmod(path, 0o640)
    assert main([str(path), "--fix"]) == 0
    assert "a_linux_${TARGETARCH}.zip" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["Dockerfile"]


def test_diff_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "Dockerfile", HAZARD)
    main([str(path), "--diff"])
    assert "+ARG TARGETARCH" in capsys.readouterr().out
    assert path.read_text() == HAZARD


def test_the_nearest_configuration_counts(tmp_path: Path) -> None:
    path = write(tmp_path / "x" / "Dockerfile", HAZARD)
    write(tmp_path / ".viaduct.toml", '[check]\nignore = ["AL01"]\n')
    assert main([str(path)]) == 0


def test_a_key_that_means_nothing_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "Dockerfile", HAZARD)
    write(tmp_path / ".viaduct.toml", "[check]\nplatform = 1\n")
    assert main([str(path)]) == 2
    assert "'platform'" in capsys.readouterr().err
