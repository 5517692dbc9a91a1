"""Which files a builder gets to see."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.client.context_walk import follow_links, walk_filtered


@pytest.fixture
def context(tmp_path: Path) -> str:
    for name in ("a/one", "a/two", "a/deep/three", "b/four", "Dockerfile", "node_modules/x/y"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "to-b").symlink_to("b")
    (tmp_path / "abs").symlink_to("/a/deep")
    (tmp_path / "out").symlink_to("../../etc")
    return str(tmp_path)


def _paths(root: str, **patterns: tuple[str, ...]) -> list[str]:
    return [entry.stat.path for entry in walk_filtered(root, **patterns)]


def test_without_patterns_everything_is_shown_in_order(context: str) -> None:
    assert _paths(context) == [
        "Dockerfile",
        "a",
        "a/deep",
        "a/deep/three",
        "a/one",
        "a/two",
        "abs",
        "b",
        "b/four",
        "node_modules",
        "node_modules/x",
        "node_modules/x/y",
        "out",
        "to-b",
    ]


def test_owners_are_not_told(context: str) -> None:
    assert {(e.stat.uid, e.stat.gid) for e in walk_filtered(context)} == {(0, 0)}


def test_includes_bring_their_directories_along(context: str) -> None:
    assert _paths(context, includes=("a/deep/three", "Docker*")) == [
        "Dockerfile",
        "a",
        "a/deep",
        "a/deep/three",
    ]


def test_excluded_directories_are_left_out_but_for_exceptions(context: str) -> None:
    excludes = ("node_modules", "a", "!a/deep/three", "b", "abs", "out", "to-b")
    assert _paths(context, excludes=excludes) == ["Dockerfile", "a", "a/deep", "a/deep/three"]


def test_followed_links_bring_what_they_point_to(context: str) -> None:
    assert _paths(context, follow=("to-b",)) == ["b", "b/four", "to-b"]
    assert _paths(context, follow=("abs/three",)) == ["a", "a/deep", "a/deep/three", "abs"]


def test_links_out_of_the_context_stay_inside(context: str) -> None:
    assert follow_links(context, ["out/passwd"]) == ["etc/passwd", "out"]


def test_a_pattern_follows_every_link_that_it_matches(context: str) -> None:
    assert follow_links(context, ["*b*"]) == ["*b*", "a/deep", "b"]


def test_the_root_itself_is_everything(context: str) -> None:
    assert _paths(context, follow=(".",)) == _paths(context)
