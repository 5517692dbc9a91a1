from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import NotFoundError
from core.ops.contenthash import ContentDigest, Selector, content_digest
from core.ops.file_tree import SnapshotTree

Digest = Callable[..., ContentDigest]


@pytest.fixture
def digest(tmp_path: Path) -> Iterator[Digest]:
    with ThreadPoolExecutor(2) as threads:

        def run(path: str, **options: object) -> ContentDigest:
            selector = Selector(path=path, **options)  # type: ignore[arg-type]
            return content_digest(SnapshotTree(tmp_path), [selector], threads)

        yield run


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in (("d/a", "1"), ("d/s/b", "2"), ("d/s/c", "3"), ("e", "4")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_times_do_not_count(files: Path, digest: Digest) -> None:
    before = digest("/d").digest
    os.utime(files / "d" / "a", ns=(1, 1))

    assert digest("/d").digest == before


@pytest.mark.parametrize("change", ["content", "mode", "name", "link", "added", "empty directory"])
def test_what_a_copy_would_show_counts(files: Path, digest: Digest, change: str) -> None:
    before = digest("/d").digest
    if change == "content":
        (files / "d" / "a").write_text("x")
    elif change == "mode":
        os.chmod(files / "d" / "a", 0o600)
    elif change == "name":
        os.rename(files / "d" / "a", files / "d" / "z")
    elif change == "link":
        os.unlink(files / "d" / "a")
        os.symlink("s/b", files / "d" / "a")
    elif change == "added":
        (files / "d" / "s" / "new").touch()
    else:
        (files / "d" / "t").mkdir()

    assert digest("/d").digest != before


def test_what_is_elsewhere_does_not_count(files: Path, digest: Digest) -> None:
    before = digest("/d").digest
    (files / "e").write_text("changed")

    assert digest("/d").digest == before


def test_the_same_files_in_another_place_are_the_same(files: Path, digest: Digest) -> None:
    before = digest("/d").digest
    os.rename(files / "d", files / "moved")

    assert digest("/moved").digest == before


def test_names_that_a_wildcard_matched_count(files: Path, digest: Digest) -> None:
    before = digest("/d/*", wildcard=True).digest
    os.rename(files / "d" / "a", files / "d" / "z")

    assert digest("/d/*", wildcard=True).digest != before
    assert digest("/nothing*", wildcard=True).files == ()


def test_excluded_files_do_not_count(files: Path, digest: Digest) -> None:
    before = digest("/d", exclude=("s/b",)).digest
    (files / "d" / "s" / "b").write_text("changed")
    assert digest("/d", exclude=("s/b",)).digest == before

    (files / "d" / "s" / "c").write_text("changed")
    assert digest("/d", exclude=("s/b",)).digest != before


def test_included_files_count_with_their_directories(files: Path, digest: Digest) -> None:
    found = digest("/", include=("d/s/b",))
    os.chmod(files / "d" / "s", 0o700)

    assert [path for path, _ in found.files] == ["d/s/b"]
    assert digest("/", include=("d/s/b",)).digest != found.digest


def test_a_link_counts_as_itself_unless_it_is_followed(files: Path, digest: Digest) -> None:
    os.symlink("d", files / "l")

    assert digest("/l", follow=True).digest == digest("/d").digest
    assert digest("/l").digest != digest("/d").digest


def test_what_is_missing_is_named(files: Path, digest: Digest) -> None:
    with pytest.raises(NotFoundError) as error:
        digest("/nothing")

    assert '"/nothing": not found' in str(error.value)
    with pytest.raises(NotFoundError):
        digest("/", include=("d",), required=("nothing",))
