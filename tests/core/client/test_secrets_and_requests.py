from __future__ import annotations

from pathlib import Path

import pytest

from core.client.request import BuildRequest, CacheEntry, ExportRequest
from core.client.secret_sources import SecretSource, parse_secret
from core.errors import NotFoundError, OptionError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id=a,src=/f", SecretSource(id="a", file="/f")),
        ("id=a,source=/f,type=file", SecretSource(id="a", file="/f")),
        ("id=a,env=B", SecretSource(id="a", env="B")),
        ("id=a,type=env", SecretSource(id="a", env="a")),
        ("type=env,id=a,src=B", SecretSource(id="a", env="B")),
        ("id=surely-not-set", SecretSource(id="surely-not-set")),
    ],
)
def test_a_secret_is_read(text: str, expected: SecretSource) -> None:
    assert parse_secret(text) == expected


@pytest.mark.parametrize("text", ["", "a", "src=/f", "id=a,colour=red"])
def test_a_secret_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="--secret"):
        parse_secret(text)


def test_secrets_come_from_files_variables_and_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_bytes(b"\x00file\n")
    monkeypatch.setenv("SOME_SECRET", "variable")
    assert SecretSource(id="a", file=str(tmp_path / "f")).read() == b"\x00file\n"
    assert SecretSource(id="a", env="SOME_SECRET").read() == b"variable"
    assert SecretSource(id="a", value=b"").read() == b""
    with pytest.raises(NotFoundError, match="cannot be read"):
        SecretSource(id="a", file=str(tmp_path / "gone")).read()


def test_a_secret_of_half_a_megabyte_is_none(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * (500 * 1024 + 1))
    with pytest.raises(OptionError, match="500 KiB"):
        SecretSource(id="a", file=str(tmp_path / "f")).read()


def test_a_request_names_its_one_exporter_the_old_way_too() -> None:
    request = BuildRequest(
        attrs={"target": "t"},
        local_dirs={"context": "/c"},
        exports=(ExportRequest(type="image", attrs={"name": "n"}),),
        cache_imports=(CacheEntry(type="registry", attrs={"ref": "r"}),),
        title="mine",
        detach=True,
    )
    message = request.to_message(session="s", shares_files=False)
    assert (message.ExporterDeprecated, dict(message.ExporterAttrsDeprecated)) == (
        "image",
        {"name": "n"},
    )
    assert [e.Type for e in message.Exporters] == ["image"]
    assert [e.Type for e in message.Cache.Imports] == ["registry"]
    assert not message.localDirs
    assert not message.detach

    own = request.to_message(session="s", shares_files=True)
    assert (dict(own.localDirs), own.title, own.detach) == ({"context": "/c"}, "mine", True)


def test_every_request_has_a_ref_of_its_own() -> None:
    assert BuildRequest().ref != BuildRequest().ref
