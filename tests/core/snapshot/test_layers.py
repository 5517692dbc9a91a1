"""Layer directories to tars and back, without mounts."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from core.errors import StorageError
from core.snapshot.apply import LayerApplier
from core.snapshot.layer_tar import LayerTarWriter

OPAQUE = "user.overlay.opaque"


@pytest.fixture
def lower(tmp_path: Path) -> Path:
    path = tmp_path / "lower"
    for name in ("a", "d/x", "d/s/y", "etc/conf"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(name)
    return path


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    path = tmp_path / "upper"
    path.mkdir()
    return path


def whiteout(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR, 0)
    except PermissionError:
        pytest.skip("this kernel lets nobody else make whiteouts")


def same(target: Path, source: Path) -> None:
    """Make a directory or file of the upper layer look copied up and not changed."""
    status = source.stat()
    os.chmod(target, stat.S_IMODE(status.st_mode))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def tar_of(upper: Path, lower: Path | None, epoch: int | None = None) -> bytes:
    out = bytearray()
    below = None if lower is None else os.fsencode(lower)
    LayerTarWriter(os.fsencode(upper), below, out.extend, rootless=True, epoch=epoch).write()
    return bytes(out)


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: member for member in tar.getmembers()}


def apply(data: bytes, upper: Path, lower: Path | None) -> None:
    with LayerApplier(upper, lower, rootless=True) as applier:
        applier.apply(io.BytesIO(data))


def an_archive(*entries: tuple[str, bytes | str | None]) -> bytes:
    """Regular files (bytes), symbolic links (str), hard links ("=target"), directories (None)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.uid, info.gid, info.mtime, info.mode = os.getuid(), os.getgid(), 1000, 0o755
            if content is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                hard = content.startswith("=")
                info.type = tarfile.LNKTYPE if hard else tarfile.SYMTYPE
                info.linkname = content.removeprefix("=")
            else:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()


def test_names_are_sorted_and_directories_come_first(upper: Path) -> None:
    for name in ("b/z", "b/a", "a-b", "a/x", "é"):
        (upper / name).parent.mkdir(exist_ok=True)
        (upper / name).touch()

    assert list(members(tar_of(upper, None))) == ["a", "a/x", "a-b", "b", "b/a", "b/z", "é"]


def test_what_was_copied_up_and_not_changed_is_left_out(upper: Path, lower: Path) -> None:
    (upper / "d" / "s").mkdir(parents=True)
    (upper / "d" / "x").write_text("d/x")
    for name in ("d/x", "d/s", "d"):
        same(upper / name, lower / name)

    assert members(tar_of(upper, lower)) == {}


def test_the_same_times_do_not_hide_another_content(upper: Path, lower: Path) -> None:
    (upper / "a").write_text("b")
    for path in (lower / "a", upper / "a"):
        os.chmod(path, 0o644)
        os.utime(path, (5, 5))

    assert list(members(tar_of(upper, lower))) == ["a"]


def test_unchanged_parents_come_with_what_changed_inside(upper: Path, lower: Path) -> None:
    (upper / "d" / "s").mkdir(parents=True)
    (upper / "d" / "s" / "new").touch()
    for name in ("d/s", "d"):
        same(upper / name, lower / name)

    assert list(members(tar_of(upper, lower))) == ["d", "d/s", "d/s/new"]


def test_a_directory_whose_time_changed_is_a_change(upper: Path, lower: Path) -> None:
    (upper / "d").mkdir()
    os.utime(upper / "d", (1, 1))

    assert list(members(tar_of(upper, lower))) == ["d"]


def test_removed_files_become_whiteouts_but_never_for_nothing(upper: Path, lower: Path) -> None:
    whiteout(upper / "a")
    whiteout(upper / "never-there")

    assert list(members(tar_of(upper, lower))) == [".wh.a"]
    assert members(tar_of(upper, None)) == {}


def test_an_opaque_directory_names_all_that_it_hides(upper: Path, lower: Path) -> None:
    (upper / "d").mkdir()
    (upper / "d" / "x").write_text("d/x")
    same(upper / "d" / "x", lower / "d" / "x")
    try:
        os.setxattr(upper / "d", OPAQUE, b"y")
    except OSError:
        pytest.skip("this file system has no attributes")

    found = members(tar_of(upper, lower))

    assert list(found) == ["d", "d/.wh.s", "d/x"]
    assert not found["d"].pax_headers


def test_below_a_link_there_is_nothing(upper: Path, lower: Path) -> None:
    (lower / "lib").symlink_to("/etc")
    (upper / "lib").mkdir()
    (upper / "lib" / "passwd").touch()

    assert list(members(tar_of(upper, lower))) == ["lib", "lib/passwd"]


def test_hard_links_are_links_and_one_to_something_unchanged_is_a_file(
    upper: Path, lower: Path
) -> None:
    (upper / "one").write_text("1")
    os.link(upper / "one", upper / "two")
    (upper / "a").write_text("a")
    same(upper / "a", lower / "a")
    os.link(upper / "a", upper / "z")

    found = members(tar_of(upper, lower))

    assert found["two"].islnk()
    assert found["two"].linkname == "one"
    assert "a" not in found
    assert found["z"].isreg()


def test_times_are_cut_at_the_epoch(upper: Path) -> None:
    (upper / "old").touch()
    (upper / "new").touch()
    os.utime(upper / "old", (10, 10))

    found = members(tar_of(upper, None, epoch=100))

    assert (found["old"].mtime, found["new"].mtime) == (10, 100)


def test_a_layer_that_is_unpacked_packs_the_same(upper: Path, lower: Path, tmp_path: Path) -> None:
    (upper / "d").mkdir()
    whiteout(upper / "d" / "x")
    (upper / "n" / "deep").mkdir(parents=True)
    (upper / "n" / "deep" / "f").write_text("content")
    os.link(upper / "n" / "deep" / "f", upper / "n" / "g")
    (upper / "n" / "l").symlink_to("/etc/" + "x" * 150)
    os.mkfifo(upper / "pipe")
    data = tar_of(upper, lower)
    again = tmp_path / "again"
    again.mkdir()

    apply(data, again, lower)

    assert tar_of(again, lower) == data


def test_a_whiteout_becomes_a_device_and_an_opaque_mark_an_attribute(
    upper: Path, lower: Path
) -> None:
    apply(an_archive((".wh.a", b""), ("d/.wh..wh..opq", b""), ("d/new", b"1")), upper, lower)

    assert stat.S_ISCHR((upper / "a").lstat().st_mode)
    assert os.getxattr(upper / "d", OPAQUE) == b"y"
    assert sorted(os.listdir(upper / "d")) == ["new"]


def test_whiteouts_of_nothing_leave_nothing(upper: Path, lower: Path) -> None:
    apply(an_archive(("gone/.wh.x", b""), (".wh.nope", b""), (".wh..wh.plnk", b"")), upper, lower)
    apply(an_archive((".wh.a", b"")), upper, None)

    assert os.listdir(upper) == []


def test_a_directory_made_anew_hides_the_old_one(upper: Path, lower: Path) -> None:
    apply(an_archive((".wh.d", b""), ("d", None), ("d/new", b"1")), upper, lower)
    assert os.getxattr(upper / "d", OPAQUE) == b"y"


def test_a_whiteout_does_not_remove_what_its_own_layer_has(upper: Path, lower: Path) -> None:
    apply(an_archive(("a", b"new"), (".wh.a", b""), ("d", None), (".wh.d", b"")), upper, lower)

    assert (upper / "a").read_bytes() == b"new"
    assert os.getxattr(upper / "d", OPAQUE) == b"y"


def test_parents_that_are_not_listed_look_like_those_below(upper: Path, lower: Path) -> None:
    os.chmod(lower / "d" / "s", 0o711)
    os.utime(lower / "d" / "s", (77, 77))

    apply(an_archive(("d/s/new", b"1"), ("other/new", b"2")), upper, lower)

    status = (upper / "d" / "s").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o711, 77)
    assert stat.S_IMODE((upper / "other").stat().st_mode) == 0o755


def test_a_link_to_a_file_below_brings_it_up(upper: Path, lower: Path) -> None:
    apply(an_archive(("b", "=a")), upper, lower)

    assert (upper / "b").read_text() == "a"
    assert (upper / "a").stat().st_ino == (upper / "b").stat().st_ino


def test_a_link_to_nothing_is_damaged(upper: Path, lower: Path) -> None:
    with pytest.raises(StorageError, match="not there"):
        apply(an_archive(("b", "=nowhere/x")), upper, lower)


def test_a_later_entry_replaces_an_earlier_one_of_another_kind(upper: Path) -> None:
    apply(
        an_archive(
            ("x", None), ("x/in", b"1"), ("x", b"file"), ("y", b"1"), ("y", None), ("y/in", b"2")
        ),
        upper,
        None,
    )

    assert (upper / "x").read_bytes() == b"file"
    assert (upper / "y" / "in").read_bytes() == b"2"


def test_directory_times_hold_after_their_files(upper: Path) -> None:
    apply(an_archive(("d", None), ("d/a", b"1"), ("d/b", b"2")), upper, None)

    assert (upper / "d").stat().st_mtime == 1000


@pytest.mark.parametrize(
    "entries",
    [
        (("../up", b"1"),),
        (("/abs/../../up", b"1"),),
        (("l", "/"), ("l/up", b"1")),
        (("l", "../../.."), ("l/up", b"1")),
        (("a", "b"), ("b", "../.."), ("a/up", b"1")),
        (("l", "../"), ("l/l2", ".."), ("l/l2/up", b"1")),
    ],
)
def test_no_entry_reaches_outside(
    upper: Path, tmp_path: Path, entries: tuple[tuple[str, bytes | str], ...]
) -> None:
    before = sorted(os.listdir(tmp_path))

    apply(an_archive(*entries), upper, None)

    assert sorted(os.listdir(tmp_path)) == before
    assert (upper / "up").exists() or (upper / "abs" / "up").exists()
    assert not Path("/up").exists()


def test_a_link_cannot_be_written_through(upper: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")

    apply(an_archive(("l", str(victim)), ("l", b"theirs")), upper, None)

    assert victim.read_text() == "mine"


def test_overlay_attributes_in_a_tar_are_not_believed(upper: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("d")
        info.type, info.uid, info.gid = tarfile.DIRTYPE, os.getuid(), os.getgid()
        info.pax_headers = {f"SCHILY.xattr.{OPAQUE}": "y"}
        tar.addfile(info)

    apply(out.getvalue(), upper, None)

    assert os.listxattr(upper / "d") == []
