from __future__ import annotations

import stat
from pathlib import Path

import pytest

from core.errors import NotFoundError, StorageError, UserInputError
from desktop.editor.files import TextFile, is_dockerfile, read_text_file, write_text_file


def test_line_ends_and_byte_order_mark_survive(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_bytes(b"\xef\xbb\xbfFROM x\r\nRUN y\r\n")
    file = read_text_file(path)
    assert file.text == "FROM x\nRUN y\n"
    write_text_file(path, file.text + "RUN z\n", file)
    assert path.read_bytes() == b"\xef\xbb\xbfFROM x\r\nRUN y\r\nRUN z\r\n"


def test_mode_and_symbolic_link_survive(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_text("a")
    real.chmod(0o640)
    link = tmp_path / "Dockerfile"
    link.symlink_to(real)
    write_text_file(link, "b", read_text_file(link))
    assert link.is_symlink()
    assert real.read_text() == "b"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["Dockerfile", "real"]


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"\xff\xfe\x00", "not UTF-8"), (b"a\0b", "binary"), (b"x" * (9 << 20), "larger")],
)
def test_what_is_no_text_is_refused_with_a_sentence(
    tmp_path: Path, data: bytes, words: str
) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(UserInputError, match=words):
        read_text_file(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no file"):
        read_text_file(tmp_path / "gone")
    with pytest.raises(UserInputError, match="is a folder"):
        read_text_file(tmp_path)


def test_a_failed_write_leaves_the_old_text_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "f" / "Dockerfile"
    (tmp_path / "f").write_text("a file where a folder should be")
    with pytest.raises(StorageError):
        write_text_file(path, "x", TextFile(text=""))
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Dockerfile", True),
        ("Containerfile", True),
        ("app.Dockerfile", True),
        ("Dockerfile.dev", True),
        ("Dockerfile.dockerignore", False),
        ("main.go", False),
    ],
)
def test_dockerfiles_are_known_by_name(name: str, expected: bool) -> None:
    assert is_dockerfile(Path(name)) is expected
