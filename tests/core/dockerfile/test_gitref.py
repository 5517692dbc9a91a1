"""Git references."""

import pytest

from core.dockerfile.gitref import parse_git_ref
from core.errors import OptionError


@pytest.mark.parametrize(
    "text",
    [
        "https://h/foo",
        "https://h/foo.git/",
        "custom.xyz/a/b.git",
        "./.git",
        ".git",
        "ftp://h/a.git",
        "http://h/a.git:#b",
        "http://h:port/a.git",
        "",
    ],
)
def test_what_is_no_git_reference_is_none(text: str) -> None:
    assert parse_git_ref(text) is None


def test_fragments_and_queries_say_the_same() -> None:
    fragment = parse_git_ref("https://h/foo.git#v1:sub")
    query = parse_git_ref("https://h/foo.git?ref=v1&subdir=sub")
    assert fragment == query
    assert fragment is not None
    assert (fragment.remote, fragment.short_name) == ("https://h/foo.git", "foo")


def test_addresses_of_ssh_and_github_are_understood() -> None:
    ssh = parse_git_ref("git@github.com:moby/buildkit.git?subdir=/s#v1")
    assert ssh is not None
    assert (ssh.remote, ssh.ref, ssh.subdir) == ("git@github.com:moby/buildkit.git", "v1", "/s")
    short = parse_git_ref("github.com/moby/buildkit#main")
    assert short is not None
    assert (short.remote, short.ref, short.ambiguous) == ("github.com/moby/buildkit", "main", True)


def test_tags_and_branches_are_spelled_out() -> None:
    tag = parse_git_ref("https://h/r.git?tag=v1")
    branch = parse_git_ref("https://h/r.git?branch=b")
    assert tag is not None
    assert branch is not None
    assert (tag.ref, branch.ref) == ("refs/tags/v1", "refs/heads/b")


@pytest.mark.parametrize(
    ("query", "phrase"),
    [
        ("ref=a#b", "ref conflicts"),
        ("tag=a&branch=b", "branch conflicts with tag"),
        ("mtime=x", "invalid mtime value"),
        ("keep-git-dir=x", "invalid keep-git-dir value"),
        ("ref=a&ref=b", "multiple values"),
        ("ref=", "has no value"),
        ("what=1", 'unexpected query "what"'),
    ],
)
def test_contradictions_are_refused(query: str, phrase: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_git_ref(f"https://h/r.git?{query}")
    assert phrase in str(caught.value)
