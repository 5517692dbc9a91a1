from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import OptionError
from desktop.building.request import (
    BuildRequest,
    OutputKind,
    parse_pairs,
    split_tags,
    tag_problem,
)
from desktop.building.translate import cache_entry, client_request, frontend_attrs


def request(**changes: object) -> BuildRequest:
    values: dict[str, object] = {
        "dockerfile": Path("/p/sub/app.Dockerfile"),
        "context": Path("/p"),
        "platforms": ("linux/amd64", "linux/arm64"),
    }
    return BuildRequest(**(values | changes))  # type: ignore[arg-type]


def test_options_get_buildkits_names() -> None:
    attrs = frontend_attrs(
        request(
            target="final",
            build_args={"A": "1"},
            labels={"l": "2"},
            no_cache_stages=("x", "y"),
            pull=True,
            network="none",
        )
    )
    assert attrs == {
        "filename": "app.Dockerfile",
        "platform": "linux/amd64,linux/arm64",
        "target": "final",
        "no-cache": "x,y",
        "image-resolve-mode": "pull",
        "force-network-mode": "none",
        "build-arg:A": "1",
        "label:l": "2",
    }


def test_the_context_and_the_dockerfiles_folder_are_lent() -> None:
    wanted = client_request(request())
    assert dict(wanted.local_dirs) == {"context": "/p", "dockerfile": "/p/sub"}


def test_without_a_tag_and_a_push_nothing_is_exported() -> None:
    assert client_request(request()).exports == ()


def test_a_push_of_two_tags_is_one_export() -> None:
    wanted = client_request(request(tags=("r/a:1", "r/a:2"), push=True))
    assert [(e.type, dict(e.attrs)) for e in wanted.exports] == [
        ("image", {"name": "r/a:1,r/a:2", "push": "true"})
    ]


def test_an_insecure_registry_is_told() -> None:
    wanted = client_request(request(tags=("reg:5000/a",), push=True), insecure_hosts=("reg:5000",))
    assert wanted.exports[0].attrs["registry.insecure"] == "true"


def test_an_archive_and_a_push_go_together() -> None:
    wanted = client_request(
        request(tags=("a:1",), push=True, output=OutputKind.OCI, output_path="/o.tar")
    )
    assert [(e.type, e.destination) for e in wanted.exports] == [("image", ""), ("oci", "/o.tar")]


def test_an_archive_without_a_path_is_refused() -> None:
    with pytest.raises(OptionError, match="needs a path"):
        client_request(request(output=OutputKind.TAR))


def test_a_bare_cache_reference_means_the_registry() -> None:
    assert cache_entry("r/a:cache").attrs == {"ref": "r/a:cache"}
    entry = cache_entry("type=local,src=/c")
    assert (entry.type, dict(entry.attrs)) == ("local", {"src": "/c"})


def test_tags_are_separated_by_blanks_or_commas_and_named_once() -> None:
    assert split_tags(" a:1, b:2 a:1 ") == ("a:1", "b:2")


@pytest.mark.parametrize(
    ("text", "push", "words"),
    [
        ("app:1", True, ""),
        ("", False, ""),
        ("", True, "needs a tag"),
        ("UPPER/Case", False, "UPPER"),
        ("a@sha256:" + "0" * 64, False, "digest"),
    ],
)
def test_a_wrong_tag_is_said_in_a_sentence(text: str, push: bool, words: str) -> None:
    problem = tag_problem(text, push=push)
    assert words in problem
    assert bool(problem) == bool(words)


def test_pairs_are_read_line_by_line() -> None:
    assert parse_pairs(["A=1", "", " B=x=y "]) == {"A": "1", "B": "x=y"}
    with pytest.raises(OptionError, match="KEY=VALUE"):
        parse_pairs(["nonsense"])
