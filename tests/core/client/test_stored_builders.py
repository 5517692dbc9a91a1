"""Builders kept by name: what may be added, what is found, what a damaged file does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.client.endpoints import EndpointKind
from core.client.stored_builders import (
    StoredBuilders,
    all_builders,
    find_builder,
    read_builders,
    settings_file,
    write_builders,
)
from core.errors import OptionError, StorageError

pytestmark = pytest.mark.usefixtures("private_dirs")


def store(name: str, endpoint: str, *, chosen: str = "embedded") -> None:
    made = read_builders().with_builder(name, endpoint)
    write_builders(StoredBuilders(builders=made.builders, chosen=chosen))


def test_without_settings_the_embedded_builder_is_the_one() -> None:
    assert find_builder().kind is EndpointKind.EMBEDDED


def test_an_added_builder_is_found_under_its_name() -> None:
    store("farm", "tcp://farm.example:1234")
    found = find_builder("farm")
    assert (found.name, found.host, found.port) == ("farm", "farm.example", 1234)
    assert "farm" in [endpoint.name for endpoint in all_builders()]
    assert find_builder().kind is EndpointKind.EMBEDDED


def test_the_chosen_builder_is_used_where_none_is_named() -> None:
    store("farm", "ssh://me@farm", chosen="farm")
    assert find_builder().kind is EndpointKind.SSH
    assert find_builder("embedded").kind is EndpointKind.EMBEDDED


def test_removing_the_chosen_builder_chooses_the_embedded_one() -> None:
    store("farm", "unix:///run/farm.sock", chosen="farm")
    write_builders(read_builders().without_builder("farm"))
    assert find_builder().kind is EndpointKind.EMBEDDED
    with pytest.raises(OptionError):
        read_builders().without_builder("farm")


def test_docker_contexts_are_found_by_name(private_dirs: Path) -> None:
    meta = private_dirs / "home/.docker/contexts/meta/abc"
    meta.mkdir(parents=True)
    document = {"Name": "away", "Endpoints": {"docker": {"Host": "ssh://me@away"}}}
    (meta / "meta.json").write_text(json.dumps(document))
    assert find_builder("away").command == ("docker", "system", "dial-stdio")
    with pytest.raises(OptionError, match="already"):
        StoredBuilders().with_builder("away", "tcp://x:1")


@pytest.mark.parametrize(
    ("name", "endpoint"),
    [
        ("embedded", "tcp://x:1"),
        ("", "tcp://x:1"),
        ("a b", "tcp://x:1"),
        ("../x", "tcp://x:1"),
        ("farm", "http://x"),
        ("farm", "nothing"),
    ],
)
def test_what_cannot_be_a_builder_is_refused(name: str, endpoint: str) -> None:
    with pytest.raises(OptionError):
        StoredBuilders().with_builder(name, endpoint)


def test_an_unknown_name_says_where_names_are_listed() -> None:
    with pytest.raises(OptionError) as caught:
        find_builder("nobody")
    assert "builders ls" in caught.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", '{"builders": 1}', '{"chosen": null}'])
def test_a_damaged_file_counts_as_empty(text: str) -> None:
    settings_file().parent.mkdir(parents=True, exist_ok=True)
    settings_file().write_text(text)
    assert read_builders() == StoredBuilders()


def test_a_folder_that_cannot_be_written_is_a_sentence(private_dirs: Path) -> None:
    settings_file().parent.parent.mkdir(parents=True, exist_ok=True)
    settings_file().parent.write_text("in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        write_builders(StoredBuilders())
