from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from core.errors import BuildError
from core.ops.file_archive import is_archive, unpack


def an_archive(*members: tuple[str, bytes | str | None]) -> bytes:
    """Regular files (bytes), links (str) and directories (None), owned by whoever runs this."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.uid, info.gid, info.mtime = os.getuid(), os.getgid(), 1_000_000
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o750
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            else:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_archives_are_known_by_their_content(tmp_path: Path, name: str) -> None:
    path = tmp_path / "anything.txt"
    path.write_bytes(COMPRESSIONS[name](an_archive(("d/a", b"text"))))
    (tmp_path / "out").mkdir()

    assert is_archive(path)
    unpack(path, tmp_path / "out", owner=None, rootless=True)

    assert (tmp_path / "out" / "d" / "a").read_bytes() == b"text"
    assert (tmp_path / "out" / "d" / "a").stat().st_mtime == 1_000_000


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 1024, b"just text" * 100, gzip.compress(b"no tar", mtime=0), b"\x1f\x8b\x08"],
    ids=["empty", "zeros", "text", "gzip of no tar", "head of gzip"],
)
def test_other_files_are_no_archives(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(content)

    assert not is_archive(path)


def test_nothing_is_unpacked_outside(tmp_path: Path) -> None:
    path = tmp_path / "evil.tar"
    path.write_bytes(
        an_archive(("../up", b"1"), ("/abs", b"2"), ("l", "../.."), ("l/through", b"3"))
    )
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)

    unpack(path, out, owner=None, rootless=True)

    assert sorted(os.listdir(out)) == ["abs", "l", "through", "up"]
    assert sorted(os.listdir(tmp_path)) == ["deep", "evil.tar"]


def test_an_archive_leaves_the_destination_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(an_archive(("./", None), ("./a", b"1")))
    out = tmp_path / "out"
    out.mkdir(mode=0o711)

    unpack(path, out, owner=None, rootless=True)

    assert out.stat().st_mode & 0o777 == 0o711
    assert os.listdir(out) == ["a"]


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(an_archive(("a", b"1" * 5000))[:2000])
    (tmp_path / "out").mkdir()

    with pytest.raises(BuildError, match=r"a\.tar"):
        unpack(path, tmp_path / "out", owner=None, rootless=True)
