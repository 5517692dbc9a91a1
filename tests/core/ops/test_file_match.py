from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import OptionError
from core.ops.file_match import clean_path, has_wildcards, matching_paths
from core.ops.file_mode import parse_symbolic_mode
from core.ops.file_tree import SnapshotTree, resolve

DIRECTORY, FILE = 0o040000, 0o100000


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("a/b", "/a/b"),
        ("/a//b/../c", "/a/c"),
        ("/a/", "/a/"),
        ("/a/.", "/a/."),
        ("/", "/"),
        (".", "/"),
        ("./", "/"),
        ("/.", "/."),
        ("../../x", "/x"),
    ],
)
def test_paths_are_cleaned_but_keep_what_their_end_means(path: str, clean: str) -> None:
    assert clean_path(path) == clean


def test_an_escaped_star_is_no_wildcard() -> None:
    assert has_wildcards("a*")
    assert not has_wildcards("a\\*")


def test_matches_do_not_lead_through_links_but_the_fixed_part_does(tmp_path: Path) -> None:
    (tmp_path / "real" / "d").mkdir(parents=True)
    (tmp_path / "real" / "d" / "f").touch()
    (tmp_path / "link").symlink_to("real")

    tree = SnapshotTree(tmp_path)

    assert matching_paths(tree, "/link/*", follow=True) == ["/real/d"]
    assert matching_paths(tree, "/*/d/f", follow=True) == ["/real/d/f"]


def test_matches_are_in_order_of_bytes(tmp_path: Path) -> None:
    for name in ("b", "a", "é", "Z"):
        (tmp_path / name).touch()

    assert matching_paths(SnapshotTree(tmp_path), "/*", follow=False) == ["/Z", "/a", "/b", "/é"]


def test_a_malformed_class_matches_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").touch()

    assert matching_paths(SnapshotTree(tmp_path), "/[a", follow=False) == []
    assert matching_paths(SnapshotTree(tmp_path), "/[z-a]", follow=False) == []


def test_links_that_go_round_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    with pytest.raises(Exception, match="too many"):
        resolve(SnapshotTree(tmp_path), "/a/x")


def test_the_last_link_is_only_followed_when_asked(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "l").symlink_to("/real")
    tree = SnapshotTree(tmp_path)

    assert resolve(tree, "/l", last=False) == "l"
    assert resolve(tree, "/l/", last=False) == "l"
    assert resolve(tree, "/l/x", last=False) == "real/x"
    assert resolve(tree, "/l") == "real"


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [
        ("755", FILE | 0o600, 0o755),
        ("u=rwX,go-w", FILE | 0o666, 0o644),
        ("u=rwX,go-w", DIRECTORY | 0o666, 0o744),
        ("+x", FILE | 0o644, 0o755),
        ("a-x", FILE | 0o755, 0o644),
        ("g=u", FILE | 0o640, 0o660),
        ("u+s", FILE | 0o755, 0o4755),
        ("+t", DIRECTORY | 0o777, 0o1777),
        ("u=rw+x", FILE | 0o000, 0o700),
        ("o=", FILE | 0o777, 0o770),
    ],
)
def test_symbolic_modes_mean_what_chmod_does(text: str, mode: int, expected: int) -> None:
    assert parse_symbolic_mode(text).apply(mode) == expected


@pytest.mark.parametrize("text", ["", "rwx", "u", "u=q", "99999", "u=r,,g=r"])
def test_nonsense_is_no_mode(text: str) -> None:
    with pytest.raises(OptionError):
        parse_symbolic_mode(text)
