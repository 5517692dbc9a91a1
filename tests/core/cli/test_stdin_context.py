"""An archive on standard input stays where it is unpacked, on every Python."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from core.cli.build_context import _unpack
from core.errors import OptionError


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> tarfile.TarFile:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as out:
        for member, content in members:
            member.size = len(content)
            out.addfile(member, io.BytesIO(content))
    data.seek(0)
    return tarfile.open(fileobj=data)


@pytest.fixture(params=["with filters", "without filters"])
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without filters":
        monkeypatch.delattr(tarfile, "tar_filter", raising=False)


@pytest.mark.usefixtures("python")
def test_files_and_folders_arrive(tmp_path: Path) -> None:
    folder = tarfile.TarInfo(".")
    folder.type = tarfile.DIRTYPE
    with archive((folder, b""), (tarfile.TarInfo("./a/b"), b"text")) as tar:
        _unpack(tar, tmp_path)
    assert (tmp_path / "a" / "b").read_bytes() == b"text"


@pytest.mark.usefixtures("python")
@pytest.mark.parametrize("name", ["../out", "a/../../out", "link/out"])
def test_nothing_arrives_outside(tmp_path: Path, name: str) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, ".."
    inside = tmp_path / "inside"
    inside.mkdir()
    with (
        archive((link, b""), (tarfile.TarInfo(name), b"text")) as tar,
        pytest.raises((OptionError, tarfile.TarError)),
    ):
        _unpack(tar, inside)
    assert not (tmp_path / "out").exists()
