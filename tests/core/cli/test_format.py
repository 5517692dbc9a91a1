"""The format command on files that are fine, that change and that cannot be used."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from core.cli.format import main

UGLY = "from   debian\nrun echo   'a  b'\n"
TIDY = "FROM debian\nRUN echo   'a  b'\n"


def dockerfile(folder: Path, text: str | bytes, name: str = "Dockerfile") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_file_is_replaced_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = dockerfile(tmp_path, UGLY)
    path.chmod(0o640)
    assert main([str(path)]) == 0
    assert path.read_text() == TIDY
    assert capsys.readouterr().out == f"{path}\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["Dockerfile"]


def test_formatting_twice_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = dockerfile(tmp_path, TIDY)
    before = path.stat().st_mtime_ns
    assert main([str(path)]) == 0
    assert path.stat().st_mtime_ns == before
    assert capsys.readouterr().out == ""


def test_check_writes_nothing_and_tells_by_its_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ugly, tidy = dockerfile(tmp_path, UGLY, "a"), dockerfile(tmp_path, TIDY, "b")
    assert main(["--check", str(tidy)]) == 0
    assert main(["--check", str(tidy), str(ugly)]) == 1
    assert capsys.readouterr().out == f"{ugly}\n"
    assert ugly.read_text() == UGLY


def test_diff_shows_both_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = dockerfile(tmp_path, UGLY)
    assert main(["--diff", str(path)]) == 1
    shown = capsys.readouterr().out
    assert "-from   debian\n+FROM debian\n" in shown.replace("-run echo   'a  b'\n", "")
    assert path.read_text() == UGLY


def test_standard_input_goes_to_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(UGLY.encode())))
    assert main(["-"]) == 0
    assert capsys.readouterr().out == TIDY


def test_line_endings_of_windows_stay(tmp_path: Path) -> None:
    path = dockerfile(tmp_path, b"from debian\r\nrun true\r\n")
    main([str(path)])
    assert path.read_bytes() == b"FROM debian\r\nRUN true\r\n"


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    path = dockerfile(tmp_path, UGLY)
    link = tmp_path / "link"
    link.symlink_to(path)
    assert main([str(link)]) == 0
    assert link.is_symlink()
    assert path.read_text() == TIDY


@pytest.mark.parametrize("content", [None, b"FROM a\nRUN <<EOF\nx\n", b"\xff\xfe\x00", b""])
def test_one_unusable_file_is_named_and_the_others_are_formatted(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = dockerfile(tmp_path, UGLY, "good"), tmp_path / "bad"
    if content is not None:
        bad.write_bytes(content)
    assert main([str(bad), str(good)]) == 2
    assert good.read_text() == TIDY
    assert str(bad) in capsys.readouterr().err
    assert content is None or bad.read_bytes() == content
