from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.client.endpoints import (
    Endpoint,
    EndpointKind,
    TlsFiles,
    docker_contexts,
    parse_endpoint,
)
from core.errors import OptionError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Endpoint.embedded()),
        ("embedded", Endpoint.embedded()),
        ("unix:///run/b.sock", Endpoint.unix("/run/b.sock")),
        ("docker:///run/d.sock", Endpoint.docker("/run/d.sock")),
        ("tcp://host:99", Endpoint.tcp("host", 99)),
        (
            "tcp://host?ca=/a&cert=/b&key=/c&servername=s",
            Endpoint.tcp(
                "host", 1234, tls=TlsFiles(ca="/a", certificate="/b", key="/c", server_name="s")
            ),
        ),
        ("ssh://me@far", Endpoint.ssh("me@far")),
        (
            "ssh://far?command=docker%20system%20dial-stdio",
            Endpoint.ssh("far", command=("docker", "system", "dial-stdio")),
        ),
    ],
)
def test_an_endpoint_is_read(text: str, expected: Endpoint) -> None:
    assert parse_endpoint(text) == expected


@pytest.mark.parametrize("text", ["unix://", "http://x", "nonsense", "tcp://"])
def test_nonsense_is_refused_with_the_forms_that_work(text: str) -> None:
    with pytest.raises(OptionError, match="names no builder") as caught:
        parse_endpoint(text)
    assert "ssh://HOST" in caught.value.hint


def test_docker_over_ssh_is_asked_for_an_upgrade() -> None:
    assert Endpoint.ssh("h", command=("docker", "system", "dial-stdio")).speaks_docker
    assert not Endpoint.ssh("h").speaks_docker


def test_docker_contexts_are_listed_and_broken_ones_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/mine.sock")
    for number, document in enumerate(
        (
            {"Name": "far", "Endpoints": {"docker": {"Host": "ssh://me@far"}}},
            {"Name": "broken"},
            {"Name": "tcp", "Endpoints": {"docker": {"Host": "tcp://h"}}},
        )
    ):
        place = tmp_path / "contexts" / "meta" / str(number)
        place.mkdir(parents=True)
        (place / "meta.json").write_text(json.dumps(document))
    found = {endpoint.name: endpoint for endpoint in docker_contexts()}
    assert list(found) == ["default", "far", "tcp"]
    assert found["default"].path == "/run/mine.sock"
    assert found["far"].kind is EndpointKind.SSH
    assert (found["tcp"].port, found["tcp"].speaks_docker) == (2375, True)
