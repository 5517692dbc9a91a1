"""Reading and copying in processes of their own."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.ops.file_workers import FileToCopy, FileWorkers
from core.ops.local_tree import signature_of


@pytest.fixture
def workers() -> Iterator[FileWorkers]:
    made = FileWorkers(most=1)
    yield made
    made.close()


def _file(name: str, mode: int = 0o640, earlier: str | None = None) -> FileToCopy:
    return (name, name, mode, os.getuid(), os.getgid(), 5_000_000_001, None, earlier)


def test_files_are_read_and_those_that_cannot_be_are_told(
    workers: FileWorkers, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"x" * 700_000)
    found = workers.read(str(tmp_path), ["a", "missing"])
    digest = hashlib.sha256(b"x" * 700_000).hexdigest()
    assert found == [(digest, signature_of((tmp_path / "a").stat())), None]


def test_copies_have_content_mode_and_time(workers: FileWorkers, tmp_path: Path) -> None:
    source, target = tmp_path / "from", tmp_path / "to"
    source.mkdir()
    target.mkdir()
    (source / "small").write_bytes(b"1")
    (source / "big").write_bytes(os.urandom(900_000))
    files = [_file("small"), _file("big", 0o4755)]
    assert workers.copy(str(source), [(str(target), files)]) == (900_001, [])
    assert (target / "big").read_bytes() == (source / "big").read_bytes()
    assert stat.S_IMODE((target / "big").stat().st_mode) == 0o4755
    assert stat.S_IMODE((target / "small").stat().st_mode) == 0o640
    assert (target / "small").stat().st_mtime_ns == 5_000_000_001


def test_what_is_in_the_way_changed_or_gone_is_left_alone(
    workers: FileWorkers, tmp_path: Path
) -> None:
    source, target = tmp_path / "from", tmp_path / "to"
    source.mkdir()
    target.mkdir()
    for name in ("there", "changed", "fine"):
        (source / name).write_text(name)
    (target / "there").write_text("old")
    changed: FileToCopy = (*_file("changed")[:6], (1, 1, 1, 1), None)
    files = [_file("there"), changed, _file("gone"), _file("fine")]
    assert workers.copy(str(source), [(str(target), files)]) == (4, [0, 1, 2])
    assert (target / "there").read_text() == "old"
    assert sorted(os.listdir(target)) == ["fine", "there"]


def test_an_earlier_copy_gets_another_name(workers: FileWorkers, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "earlier").write_text("1")
    (tmp_path / "to").mkdir()
    workers.copy(
        str(tmp_path), [(str(tmp_path / "to"), [_file("a", earlier=str(tmp_path / "earlier"))])]
    )
    assert (tmp_path / "to" / "a").samefile(tmp_path / "earlier")


def test_a_process_that_ended_is_replaced(workers: FileWorkers, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = workers.read(str(tmp_path), ["a"])
    process = workers._idle[0]._process
    process.kill()
    process.wait()
    assert workers.read(str(tmp_path), ["a"]) == first
