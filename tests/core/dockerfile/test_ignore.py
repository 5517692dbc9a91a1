"""``.dockerignore``."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dockerfile.ignore import PatternMatcher, ignore_file_candidates, parse_ignore
from core.dockerfile.ignorepattern import clean_path
from core.errors import DockerfileError

GENERATED = settings(max_examples=150, deadline=None, derandomize=True, database=None)


def test_a_file_is_read_as_cleaned_patterns() -> None:
    text = b"\xef\xbb\xbf# no\n #yes\n/a/../b/\n\n! /c \n!\n"
    assert parse_ignore(text) == ("#yes", "b", "!c", "!")


def test_the_ignore_file_of_the_dockerfile_goes_first() -> None:
    assert ignore_file_candidates("d/Dockerfile") == ("d/Dockerfile.dockerignore", ".dockerignore")


@pytest.mark.parametrize(
    ("patterns", "path", "ignored"),
    [
        (["*"], "a/b", True),
        (["*", "!a"], "a/b", False),
        (["*", "!a/b"], "a/b", False),
        (["**/x", "!a/**"], "a/b/x", False),
        (["a/*/c"], "a/b/c/d", True),
        (["a/*/c"], "a/b/b/c", False),
        (["[a-c]x"], "bx", True),
        (["[^a-c]x"], "bx", False),
        (["a\\*"], "a*", True),
        (["a?"], "a/", False),
        (["a|b*"], "xxb", True),
    ],
)
def test_the_last_match_wins_and_parents_count(
    patterns: list[str], path: str, ignored: bool
) -> None:
    assert PatternMatcher(patterns).matches(path) is ignored


@pytest.mark.parametrize("pattern", ["[", "a[", "[]", "[a-]", "\\", "!", "[^]", "[a"])
def test_a_bad_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        PatternMatcher([pattern])
    assert caught.value.source_name == ".dockerignore"


def test_a_walk_passes_over_what_no_exception_can_reach() -> None:
    matcher = PatternMatcher(["node_modules", "b", "!b/keep/*.txt"])
    assert not matcher.may_match_below("node_modules")
    assert matcher.may_match_below("b")
    assert matcher.may_match_below("b/keep")
    assert not matcher.may_match_below("b/other")


@pytest.mark.parametrize(
    ("path", "clean"),
    [("", "."), ("a//b/./c/..", "a/b"), ("/../a", "/a"), ("../../a", "../../a"), ("a/..", ".")],
)
def test_paths_are_cleaned_as_go_does(path: str, clean: str) -> None:
    assert clean_path(path) == clean


_PART = st.sampled_from(["a", "b", "ab", "*", "a*", "?", "**", "[ab]", "x"])
_PATTERN = st.tuples(st.sampled_from(["", "!"]), st.lists(_PART, min_size=1, max_size=3)).map(
    lambda p: p[0] + "/".join(p[1])
)
_PATH = st.lists(st.sampled_from(["a", "b", "ab", "x"]), min_size=1, max_size=4)


def test_a_walk_decides_as_buildkit_about_a_directory_taken_back_in_vain() -> None:
    matcher = PatternMatcher(["a/a", "!a"])
    assert not matcher.matches("a/a")
    _, above = matcher.matches_in("a", None)
    assert matcher.matches_in("a/a", above)[0]


@GENERATED
@given(st.lists(_PATTERN, max_size=5), _PATH)
def test_a_walk_that_carries_matches_down_decides_as_single_questions_do(
    patterns: list[str], parts: list[str]
) -> None:
    matcher = PatternMatcher(patterns)
    plain = not matcher.has_negations
    info = None
    for depth in range(1, len(parts) + 1):
        path = "/".join(parts[:depth])
        found, info = matcher.matches_in(path, info)
        assert found == matcher.matches(path) or (found and not plain)
        ignored_above = depth > 1 and matcher.matches("/".join(parts[: depth - 1]))
        if ignored_above and not found:
            assert matcher.may_match_below("/".join(parts[: depth - 1]))


@GENERATED
@given(st.lists(st.text("ab*?[]^-\\!/|{}1,.", max_size=8), max_size=4), st.text("ab/", max_size=6))
def test_any_pattern_matches_or_is_refused(patterns: list[str], path: str) -> None:
    try:
        PatternMatcher(patterns).matches(path)
    except DockerfileError as error:
        refusal = str(error)
    else:
        refusal = "pattern"
    assert "pattern" in refusal
