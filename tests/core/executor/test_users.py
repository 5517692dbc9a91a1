from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import BuildError
from core.executor.users import User, find_group, find_owner, resolve_group, resolve_user

PASSWD = """\
# a comment
root:x:0:0:root:/root:/bin/sh
bob:x:1000:1001::/home/bob:/bin/sh
1234:x:7:8::/home/number:/bin/sh
broken:x:notanumber:1::/:/bin/sh
short
nohome:x:9:9
"""
GROUP = "root:x:0:\nbobs:x:1001:bob\nwheel:x:10:root,bob\nextra:x:11:alice,bob\n"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text(PASSWD)
    (tmp_path / "etc" / "group").write_text(GROUP)
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("", User(uid=0, gid=0, groups=(10,), home="/root")),
        ("bob", User(uid=1000, gid=1001, groups=(10, 11), home="/home/bob")),
        ("1000", User(uid=1000, gid=1001, groups=(10, 11), home="/home/bob")),
        ("bob:wheel", User(uid=1000, gid=10, home="/home/bob")),
        ("bob:77", User(uid=1000, gid=77, home="/home/bob")),
        ("5:6", User(uid=5, gid=6)),
        ("5", User(uid=5, gid=0)),
        ("1234", User(uid=7, gid=8, home="/home/number")),
        ("nohome", User(uid=9, gid=9)),
    ],
)
def test_users_are_found_as_the_image_names_them(root: int, text: str, user: User) -> None:
    assert resolve_user(root, text) == user


@pytest.mark.parametrize("text", ["alice", "bob:nobody", "broken", "4294967295"])
def test_what_the_image_does_not_name_is_an_error(root: int, text: str) -> None:
    with pytest.raises(BuildError):
        resolve_user(root, text)


def test_the_error_can_be_searched_for(root: int) -> None:
    with pytest.raises(BuildError) as error:
        resolve_user(root, "alice")

    assert "unable to find user alice: no matching entries in passwd file" in str(error.value)


def test_an_image_without_files_has_root_and_numbers(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        assert resolve_user(fd, "") == User(uid=0, gid=0)
        assert resolve_user(fd, "root") == User(uid=0, gid=0, home="/root")
        assert resolve_user(fd, "3:4") == User(uid=3, gid=4)
        assert find_owner(fd, "bob") is None
    finally:
        os.close(fd)


def test_a_link_at_passwd_stays_inside(tmp_path: Path, root: int) -> None:
    (tmp_path / "etc" / "passwd").unlink()
    (tmp_path / "etc" / "passwd").symlink_to("/etc/group")
    assert find_owner(root, "root") is None

    (tmp_path / "etc" / "passwd").unlink()
    (tmp_path / "etc" / "passwd").symlink_to("/usr/passwd")
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr" / "passwd").write_text("inside:x:5:6::/:\n")
    assert find_owner(root, "inside") == (5, 6)


def test_a_pipe_at_passwd_is_an_error_and_does_not_hang(tmp_path: Path, root: int) -> None:
    (tmp_path / "etc" / "passwd").unlink()
    os.mkfifo(tmp_path / "etc" / "passwd")

    with pytest.raises(BuildError, match="regular"):
        resolve_user(root, "bob")


def test_owners_and_groups_are_looked_up_by_name_alone(root: int) -> None:
    assert find_owner(root, "bob") == (1000, 1001)
    assert find_owner(root, "1000") is None
    assert find_group(root, "wheel") == 10
    assert resolve_group(root, "12") == 12
