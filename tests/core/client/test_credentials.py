from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import keyring.errors
import pytest

from core.client.credentials import (
    Credential,
    CredentialStore,
    KeyringUnavailableError,
    find_in_docker_config,
)
from core.errors import AuthenticationError

Write = Callable[[dict[str, object]], None]


@pytest.fixture
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    def write(document: dict[str, object]) -> None:
        (tmp_path / "config.json").write_text(json.dumps(document))

    return write


def _helper(directory: Path, monkeypatch: pytest.MonkeyPatch, name: str, body: str) -> None:
    program = directory / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")


async def test_auths_are_read(docker_config: Write) -> None:
    auth = base64.b64encode(b"me:se:cret").decode()
    docker_config({"auths": {"registry.example": {"auth": auth}}})
    found = await find_in_docker_config("registry.example")
    assert found == Credential(username="me", secret="se:cret", origin="docker config")
    assert await find_in_docker_config("other.example") is None


async def test_docker_hub_goes_by_its_old_name(docker_config: Write) -> None:
    auth = base64.b64encode(b"me:x").decode()
    docker_config({"auths": {"https://index.docker.io/v1/": {"auth": auth}}})
    found = await find_in_docker_config("registry-1.docker.io")
    assert found is not None
    assert found.username == "me"


async def test_an_identity_token_has_no_user(docker_config: Write) -> None:
    docker_config({"auths": {"r": {"identitytoken": "t", "auth": "eDp5"}}})
    found = await find_in_docker_config("r")
    assert found is not None
    assert (found.username, found.secret) == ("", "t")


async def test_a_helper_for_the_host_comes_before_the_store_and_the_file(
    docker_config: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _helper(tmp_path, monkeypatch, "one", 'echo "{\\"Username\\":\\"u\\",\\"Secret\\":\\"s\\"}"')
    docker_config({"credHelpers": {"r": "one"}, "credsStore": "absent", "auths": {"r": {}}})
    found = await find_in_docker_config("r")
    assert found == Credential(username="u", secret="s", origin="docker-credential-one")


async def test_a_store_without_an_entry_gives_way_to_the_file(
    docker_config: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _helper(tmp_path, monkeypatch, "none", "echo credentials not found; exit 1")
    docker_config({"credsStore": "none", "auths": {"r": {"username": "u", "password": "p"}}})
    found = await find_in_docker_config("r")
    assert found is not None
    assert found.secret == "p"


async def test_a_helper_that_is_not_installed_is_named(docker_config: Write) -> None:
    docker_config({"credHelpers": {"r": "nowhere-to-be-found"}})
    with pytest.raises(AuthenticationError, match="nowhere-to-be-found"):
        await find_in_docker_config("r")


async def test_a_helper_that_fails_says_what_it_said(
    docker_config: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _helper(tmp_path, monkeypatch, "bad", "echo the vault is sealed >&2; exit 1")
    docker_config({"credHelpers": {"r": "bad"}})
    with pytest.raises(AuthenticationError, match="the vault is sealed"):
        await find_in_docker_config("r")


async def test_a_damaged_configuration_is_no_configuration(
    docker_config: Write, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text("{")
    assert await find_in_docker_config("r") is None


async def test_the_keyring_comes_first(
    docker_config: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_config({"auths": {"r": {"username": "file", "password": "p"}}})
    entries = {("viaduct", "r"): '{"username": "ring", "secret": "s"}'}
    monkeypatch.setattr(keyring, "get_password", lambda service, name: entries.get((service, name)))
    found = await CredentialStore().find("r")
    assert found == Credential(username="ring", secret="s", origin="keyring")


async def test_a_locked_keyring_is_passed_over_and_remembered(
    docker_config: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_config({"auths": {"r": {"username": "file", "password": "p"}}})
    asked = []

    def locked(service: str, name: str) -> str:
        asked.append(name)
        raise keyring.errors.KeyringLocked("locked")

    monkeypatch.setattr(keyring, "get_password", locked)
    store = CredentialStore()
    for _ in range(2):
        found = await store.find("r")
        assert found is not None
        assert found.username == "file"
    assert asked == ["r"]
    assert "locked" in store.keyring_problem


async def test_saving_without_a_keyring_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*arguments: str) -> None:
        raise keyring.errors.NoKeyringError("no backend")

    monkeypatch.setattr(keyring, "set_password", absent)
    with pytest.raises(KeyringUnavailableError, match="no keyring"):
        await CredentialStore().save("r", "u", "s")
