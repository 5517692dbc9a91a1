"""COPY's rules, on directories of this machine."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import BuildError, NotFoundError
from core.llb.files import CopyAction, MkDirAction, MkFileAction, RmAction, SymlinkAction
from core.ops.file_actions import (
    CopyJob,
    Layer,
    make_directory,
    make_file,
    make_symlink,
    remove,
)
from core.ops.file_copy import CancelledCopyError
from core.ops.file_earlier import EarlierFiles
from core.ops.file_tree import SnapshotTree

Copy = Callable[..., int]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.mkdir()
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "target"
    path.mkdir()
    return path


@pytest.fixture(params=["mounted", "bare"])
def copy(
    request: pytest.FixtureRequest,
    source: Path,
    target: Path,
    tmp_path: Path,
    pool: ThreadPoolExecutor,
) -> Copy:
    """COPY into ``target``; "bare" makes a layer on it and then lays that over it."""
    uppers = (tmp_path / f"upper{number}" for number in itertools.count())

    def run(src: str, dest: str, **options: object) -> int:
        # As the frontend sends COPY.
        settings: dict[str, object] = {
            "follow_symlink": True,
            "dir_copy_contents": True,
            "create_dest_path": True,
            "allow_wildcard": True,
            "allow_empty_wildcard": True,
        }
        action = CopyAction(src=src, dest=dest, **{**settings, **options})  # type: ignore[arg-type]
        layer = Layer(root=target, rootless=True)
        if request.param == "bare":
            upper = next(uppers)
            upper.mkdir()
            layer = Layer(root=upper, rootless=True, lower=target)
        copied = CopyJob(
            tree=SnapshotTree(source),
            layer=layer,
            action=action,
            owner=None,
            threads=pool,
            cancelled=threading.Event(),
        ).run()
        if layer.lower is not None:
            lay_over(layer.root, target)
        return copied

    return run


def lay_over(upper: Path, lower: Path) -> None:
    """What overlayfs would show, made in ``lower``."""
    for path in sorted(upper.iterdir()):
        onto = lower / path.name
        if path.is_dir() and not path.is_symlink():
            status = path.stat()
            if onto.is_symlink() or onto.is_file():
                onto.unlink()
            onto.mkdir(exist_ok=True)
            lay_over(path, onto)
            os.chmod(onto, stat.S_IMODE(status.st_mode))
            os.utime(onto, ns=(status.st_mtime_ns, status.st_mtime_ns))
        else:
            if onto.is_dir() and not onto.is_symlink():
                shutil.rmtree(onto)
            os.rename(path, onto)


def tree(path: Path) -> list[str]:
    return sorted(str(p.relative_to(path)) for p in path.rglob("*"))


def fill(path: Path, **files: str) -> None:
    for name, text in files.items():
        file = path / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_a_directory_gives_its_contents(source: Path, target: Path, copy: Copy) -> None:
    fill(source, d__a="1", d__s__b="2")

    assert copy("/d", "/x") == 2

    assert tree(target) == ["x", "x/a", "x/s", "x/s/b"]


def test_a_file_goes_into_an_existing_directory(source: Path, target: Path, copy: Copy) -> None:
    fill(source, a="1")
    (target / "bin").mkdir()

    copy("/a", "/bin")
    copy("/a", "/new/")
    copy("/a", "/other")

    assert tree(target) == ["bin", "bin/a", "new", "new/a", "other"]


def test_a_file_is_kept_with_mode_and_time(source: Path, target: Path, copy: Copy) -> None:
    fill(source, a="1")
    os.chmod(source / "a", 0o640)
    os.utime(source / "a", ns=(1, 1_234_567_890_123_456_789))

    copy("/a", "/b")

    status = (target / "b").stat()
    assert stat.S_IMODE(status.st_mode) == 0o640
    assert status.st_mtime_ns == 1_234_567_890_123_456_789


def test_directories_keep_their_times_too(source: Path, target: Path, copy: Copy) -> None:
    fill(source, d__s__b="2")
    os.utime(source / "d" / "s", ns=(1, 42_000_000_000))

    copy("/d", "/x")

    assert (target / "x" / "s").stat().st_mtime_ns == 42_000_000_000


def test_an_existing_destination_keeps_its_mode_and_those_inside_do_not(
    source: Path, target: Path, copy: Copy
) -> None:
    fill(source, d__s__b="2")
    os.chmod(source / "d" / "s", 0o711)
    os.chmod(source / "d", 0o711)
    (target / "x" / "s").mkdir(parents=True)
    os.chmod(target / "x", 0o700)

    copy("/d", "/x")

    assert stat.S_IMODE((target / "x").stat().st_mode) == 0o700
    assert stat.S_IMODE((target / "x" / "s").stat().st_mode) == 0o711


def test_links_inside_are_copied_and_a_link_as_source_is_followed(
    source: Path, target: Path, copy: Copy
) -> None:
    fill(source, d__a="1")
    (source / "d" / "l").symlink_to("/nowhere")
    (source / "top").symlink_to("/d")

    copy("/top", "/x")

    assert os.readlink(target / "x" / "l") == "/nowhere"
    assert (target / "x" / "a").read_text() == "1"


def test_a_link_in_the_destination_stays_inside(source: Path, target: Path, copy: Copy) -> None:
    fill(source, a="1")
    (target / "real").mkdir()
    (target / "l").symlink_to("/real")
    (target / "up").symlink_to("../../../../real")

    copy("/a", "/l/")
    copy("/a", "/up/sub/")

    assert tree(target) == ["l", "real", "real/a", "real/sub", "real/sub/a", "up"]


def test_sources_cannot_leave_their_root(source: Path, target: Path, copy: Copy) -> None:
    fill(source, etc__passwd="inside")
    (source / "l").symlink_to("/etc")

    copy("/../../l/passwd", "/x")

    assert (target / "x").read_text() == "inside"


def test_an_existing_link_is_replaced_not_written_through(
    source: Path, target: Path, copy: Copy
) -> None:
    fill(source, d__a="new")
    fill(target, keep="old")
    (target / "x").mkdir()
    (target / "x" / "a").symlink_to("../keep")

    copy("/d", "/x")

    assert (target / "keep").read_text() == "old"
    assert (target / "x" / "a").read_text() == "new"
    assert not (target / "x" / "a").is_symlink()


def test_other_names_of_a_replaced_file_keep_their_content(
    source: Path, target: Path, copy: Copy
) -> None:
    fill(source, a="new")
    fill(target, a="old")
    os.link(target / "a", target / "b")

    copy("/a", "/a")

    assert (target / "b").read_text() == "old"


def test_hard_links_stay_hard_links(source: Path, target: Path, copy: Copy) -> None:
    fill(source, d__a="1")
    os.link(source / "d" / "a", source / "d" / "b")

    copy("/d", "/x")

    assert (target / "x" / "a").stat().st_ino == (target / "x" / "b").stat().st_ino


def test_a_socket_becomes_an_empty_file(source: Path, target: Path, copy: Copy) -> None:
    (source / "d").mkdir()
    here = os.getcwd()
    os.chdir(source / "d")
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("s")
    finally:
        os.chdir(here)

    copy("/d", "/x")

    assert (target / "x" / "s").is_file()


def test_a_file_does_not_replace_a_directory(source: Path, target: Path, copy: Copy) -> None:
    fill(source, d__a="1")
    (target / "x" / "a").mkdir(parents=True)

    with pytest.raises(BuildError) as error:
        copy("/d", "/x")

    assert "cannot replace to directory" in str(error.value)


def test_a_directory_does_not_replace_a_file(source: Path, target: Path, copy: Copy) -> None:
    fill(source, d__s__a="1")
    fill(target, x__s="file")

    with pytest.raises(BuildError) as error:
        copy("/d", "/x")

    assert "cannot copy to non-directory" in str(error.value)


def test_replacing_may_be_asked_for(source: Path, target: Path, copy: Copy) -> None:
    fill(source, d__s__a="1", d__f="file")
    fill(target, x__s="file", x__f__inner="1")

    copy("/d", "/x", always_replace=True)

    assert tree(target) == ["x", "x/f", "x/s", "x/s/a"]


def test_wildcards_match_names_and_a_missing_match_is_nothing(
    source: Path, target: Path, copy: Copy
) -> None:
    fill(source, a1="1", a2="2", b="3", d__a3="4")

    copy("/a?", "/x/")
    assert copy("/nothing*", "/x/") == 0
    copy("/[!a]", "/y/")
    copy("/*/a[3-5]", "/z/")

    assert tree(target / "x") == ["a1", "a2"]
    assert tree(target / "z") == ["a3"]


def test_a_wildcard_that_must_match_and_does_not_is_an_error(copy: Copy) -> None:
    with pytest.raises(NotFoundError):
        copy("/nothing*", "/x/", allow_empty_wildcard=False)


def test_a_missing_source_is_named(copy: Copy) -> None:
    with pytest.raises(NotFoundError) as error:
        copy("/nothing", "/x/")

    assert '"/nothing": not found' in str(error.value)


def test_a_wildcard_in_brackets_is_a_name(source: Path, target: Path, copy: Copy) -> None:
    fill(source, **{"a*b": "star", "axb": "no"})

    copy("/a[*]b", "/x/")

    assert tree(target) == ["x", "x/a*b"]


def test_octal_modes_hold_for_files_and_directories(source: Path, target: Path, copy: Copy) -> None:
    fill(source, d__s__a="1")

    copy("/d", "/x/y", mode=0o700)

    for name in ("x", "x/y", "x/y/s", "x/y/s/a"):
        assert stat.S_IMODE((target / name).stat().st_mode) == 0o700


def test_symbolic_modes_keep_directories_searchable(source: Path, target: Path, copy: Copy) -> None:
    fill(source, d__s__a="1")
    os.chmod(source / "d" / "s" / "a", 0o600)
    os.chmod(source / "d" / "s", 0o700)

    copy("/d", "/x", mode_str="go=u,a+X,g-w")

    assert stat.S_IMODE((target / "x/s/a").stat().st_mode) == 0o646
    assert stat.S_IMODE((target / "x/s").stat().st_mode) == 0o757


def test_excluded_files_stay_and_exceptions_come(source: Path, target: Path, copy: Copy) -> None:
    fill(source, d__a__x="1", d__a__keep="2", d__b="3", d__c__y="4")

    copy("/d", "/x", exclude_patterns=("a", "!a/keep", "c"))

    assert tree(target) == ["x", "x/a", "x/a/keep", "x/b"]


def test_included_files_bring_their_directories_only(
    source: Path, target: Path, copy: Copy
) -> None:
    fill(source, a__b__c="1", a__b__d="2", a__e="3", f="4")
    os.utime(source / "a", ns=(1, 7_000_000_000))

    copy("/", "/x/", include_patterns=("a/b/c",))

    assert tree(target) == ["x", "x/a", "x/a/b", "x/a/b/c"]
    assert (target / "x" / "a").stat().st_mtime_ns == 7_000_000_000


def test_a_timestamp_holds_for_everything(source: Path, target: Path, copy: Copy) -> None:
    fill(source, d__s__a="1")
    (source / "d" / "l").symlink_to("s")

    copy("/d", "/x/y", timestamp=5_000_000_000)

    for name in ("x", "x/y", "x/y/s", "x/y/s/a", "x/y/l"):
        assert (target / name).lstat().st_mtime_ns == 5_000_000_000


def test_attributes_come_along(source: Path, target: Path, copy: Copy) -> None:
    fill(source, d__a="1")
    try:
        os.setxattr(source / "d" / "a", "user.origin", b"here")
    except OSError:
        pytest.skip("this file system has no attributes")

    copy("/d", "/x")

    assert os.getxattr(target / "x" / "a", "user.origin") == b"here"


def test_names_that_are_no_text_survive(source: Path, target: Path, copy: Copy) -> None:
    (source / "d").mkdir()
    name = os.fsdecode(b"\xff\xfe\n")
    (source / "d" / name).write_text("1")

    copy("/d", "/x")

    assert os.listdir(target / "x") == [name]


def test_a_cancelled_copy_stops(source: Path, target: Path, pool: ThreadPoolExecutor) -> None:
    fill(source, d__a="1")
    cancelled = threading.Event()
    cancelled.set()
    job = CopyJob(
        tree=SnapshotTree(source),
        layer=Layer(root=target, rootless=True),
        action=CopyAction(src="/d", dest="/x", dir_copy_contents=True, create_dest_path=True),
        owner=None,
        threads=pool,
        cancelled=cancelled,
    )

    with pytest.raises(CancelledCopyError):
        job.run()

    assert tree(target) in ([], ["x"])


def test_directories_files_and_links_are_made(target: Path) -> None:
    layer = Layer(root=target, rootless=True)

    make_directory(layer, MkDirAction(path="/a/b", mode=0o750, make_parents=True), None)
    make_file(layer, MkFileAction(path="/a/f", data=b"text", mode=0o600, timestamp=9), None)
    make_symlink(layer, SymlinkAction(old_path="/anything", new_path="/a/l"), None)

    assert tree(target) == ["a", "a/b", "a/f", "a/l"]
    assert stat.S_IMODE((target / "a").stat().st_mode) == 0o750
    assert (target / "a" / "f").stat().st_mtime_ns == 9
    assert os.readlink(target / "a" / "l") == "/anything"


def test_a_directory_that_exists_is_left_alone(target: Path) -> None:
    layer = Layer(root=target, rootless=True)
    (target / "a").mkdir(mode=0o700)

    make_directory(layer, MkDirAction(path="/a", mode=0o777, make_parents=True), None)

    assert stat.S_IMODE((target / "a").stat().st_mode) == 0o700


def test_a_directory_where_a_file_is_is_an_error(target: Path) -> None:
    fill(target, a="1")

    with pytest.raises(BuildError):
        make_directory(
            Layer(root=target, rootless=True), MkDirAction(path="/a/b", make_parents=True), None
        )


def test_removing_takes_trees_links_and_wildcards(target: Path) -> None:
    layer = Layer(root=target, rootless=True)
    fill(target, d__s__a="1", x1="1", x2="2", keep="3")
    (target / "l").symlink_to("d")

    remove(layer, RmAction(path="/l"))
    remove(layer, RmAction(path="/d"))
    remove(layer, RmAction(path="/x*", allow_wildcard=True))
    remove(layer, RmAction(path="/gone", allow_not_found=True))

    assert tree(target) == ["keep"]
    with pytest.raises(NotFoundError):
        remove(layer, RmAction(path="/gone"))
    with pytest.raises(BuildError):
        remove(layer, RmAction(path="/"))


def test_files_of_an_earlier_copy_are_linked_unless_they_changed(
    source: Path, tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    fill(source, d__same="1", d__other="2", d__mode="3", d__new="4")
    action = CopyAction(src="/d", dest="/x", dir_copy_contents=True, create_dest_path=True)

    def job(name: str, digests: dict[str, str], earlier: EarlierFiles) -> CopyJob:
        root = tmp_path / name
        root.mkdir()
        made = CopyJob(
            tree=SnapshotTree(source),
            layer=Layer(root=root, rootless=True),
            action=action,
            owner=None,
            threads=pool,
            cancelled=threading.Event(),
            digests=digests,
            earlier=earlier,
        )
        made.run()
        return made

    first = job("one", {"d/same": "aa", "d/other": "bb", "d/mode": "cc"}, EarlierFiles())
    earlier = EarlierFiles(root=str(tmp_path / "one"), base=first.bases[0], files=first.done)
    (source / "d" / "other").write_text("changed")
    os.chmod(source / "d" / "mode", 0o600)
    job("two", {"d/same": "aa", "d/other": "dd", "d/mode": "cc", "d/new": "ee"}, earlier)

    one, two = tmp_path / "one" / "x", tmp_path / "two" / "x"
    assert (one / "same").stat().st_ino == (two / "same").stat().st_ino
    assert (two / "other").read_text() == "changed"
    assert (one / "other").read_text() == "2"
    assert stat.S_IMODE((two / "mode").stat().st_mode) == 0o600
    assert (two / "new").read_text() == "4"


def test_directories_below_a_layer_are_made_again_as_they_are(
    source: Path, target: Path, tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    fill(source, a="1")
    (target / "usr" / "lib").mkdir(parents=True)
    os.chmod(target / "usr", 0o711)
    (target / "l").symlink_to("/usr")
    upper = tmp_path / "upper"
    upper.mkdir()

    CopyJob(
        tree=SnapshotTree(source),
        layer=Layer(root=upper, rootless=True, lower=target),
        action=CopyAction(src="/a", dest="/l/lib/new/", create_dest_path=True),
        owner=None,
        threads=pool,
        cancelled=threading.Event(),
    ).run()

    assert tree(upper) == ["usr", "usr/lib", "usr/lib/new", "usr/lib/new/a"]
    assert stat.S_IMODE((upper / "usr").stat().st_mode) == 0o711
