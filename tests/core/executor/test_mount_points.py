from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.executor.mount_points import MountPoints


@pytest.fixture
def points(tmp_path: Path) -> Iterator[MountPoints]:
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield MountPoints(fd)
    os.close(fd)


def state(path: Path) -> list[tuple[str, int]]:
    return sorted((str(p), p.lstat().st_mtime_ns) for p in [path, *path.rglob("*")])


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "hosts").write_text("mine")
    for path in (tmp_path / "etc", tmp_path):
        os.utime(path, ns=(1, 123_456_789))
    return tmp_path


def test_nothing_is_left_and_times_are_as_before(image: Path, points: MountPoints) -> None:
    before = state(image)

    points.provide("/etc/resolv.conf", directory=False)
    points.provide("/etc/hosts", directory=False)
    points.provide("/deep/er/dir", directory=True)
    assert (image / "etc" / "resolv.conf").is_file()
    assert (image / "deep" / "er" / "dir").is_dir()
    points.remove()

    assert state(image) == before


def test_what_the_step_put_there_stays(image: Path, points: MountPoints) -> None:
    points.provide("/cache/sub", directory=True)
    points.provide("/file", directory=False)
    (image / "cache" / "kept").touch()
    (image / "file").write_text("written")

    points.remove()

    assert sorted(os.listdir(image)) == ["cache", "etc", "file"]
    assert os.listdir(image / "cache") == ["kept"]


def test_links_are_resolved_inside_even_when_they_dangle(image: Path, points: MountPoints) -> None:
    (image / "etc" / "resolv.conf").symlink_to("../../../run/systemd/stub.conf")

    assert points.provide("/etc/resolv.conf", directory=False) == "/run/systemd/stub.conf"
    assert (image / "run" / "systemd" / "stub.conf").is_file()
    points.remove()

    assert not (image / "run").exists()
    assert (image / "etc" / "resolv.conf").is_symlink()


def test_below_another_mount_nothing_is_made(image: Path, points: MountPoints) -> None:
    points.provide("/src", directory=True)

    assert points.provide("/src/node_modules", directory=True) == "/src/node_modules"
    assert os.listdir(image / "src") == []
    points.make_working_directory("/src/build", os.getuid(), os.getgid())
    assert os.listdir(image / "src") == []


def test_the_working_directory_stays(image: Path, points: MountPoints) -> None:
    points.make_working_directory("/work/deep", os.getuid(), os.getgid())
    points.remove()

    assert (image / "work" / "deep").is_dir()
    assert (image / "work").stat().st_mode & 0o777 == 0o755
