"""Options of docker buildx build become BuildKit's frontend attributes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.cli.build_options import parse, size_in_bytes
from core.cli.build_request import Prepared, prepare
from core.client.endpoints import Endpoint
from core.errors import Error, NotFoundError, OptionError


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "lib").mkdir()
    return tmp_path


def _prepare(stack: ExitStack, *arguments: str, endpoint: Endpoint | None = None) -> Prepared:
    return prepare(parse(arguments), endpoint or Endpoint.embedded(), stack)


def test_a_plain_build_reads_the_directory(context: Path, stack: ExitStack) -> None:
    prepared = _prepare(stack, str(context))
    request = prepared.request
    assert dict(request.attrs) == {"filename": "Dockerfile"}
    assert dict(request.local_dirs) == {"context": str(context), "dockerfile": str(context)}
    assert request.exports == ()
    assert request.title == context.name


def test_frontend_options_are_spelled_as_buildkit_does(
    context: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROM_ENV", "e")
    monkeypatch.delenv("NOT_SET", raising=False)
    request = _prepare(
        stack,
        str(context),
        *("--platform", "linux/arm64,amd64", "--target", "t", "--pull"),
        *("--build-arg", "A=1", "--build-arg", "FROM_ENV", "--build-arg", "NOT_SET"),
        *("--label", "l=v", "--no-cache-filter", "a,b", "--add-host", "h:10.0.0.1"),
        *("--add-host", "six:[::1]", "--network", "none", "--shm-size", "64m"),
        *("--ulimit", "nofile=1:2", "--build-context", f"lib={context / 'lib'}"),
        *("--build-context", "base=docker-image://busybox"),
    ).request
    assert dict(request.attrs) == {
        "filename": "Dockerfile",
        "platform": "linux/arm64,linux/amd64",
        "target": "t",
        "image-resolve-mode": "pull",
        "build-arg:A": "1",
        "build-arg:FROM_ENV": "e",
        "label:l": "v",
        "no-cache": "a,b",
        "add-hosts": "h=10.0.0.1,six=::1",
        "force-network-mode": "none",
        "shm-size": str(64 << 20),
        "ulimit": "nofile=1:2",
        "context:lib": "local:lib",
        "context:base": "docker-image://busybox",
    }
    assert request.local_dirs["lib"] == str(context / "lib")


def test_a_tag_names_the_image_in_the_store(context: Path, stack: ExitStack) -> None:
    (export,) = _prepare(stack, str(context), "-t", "app").request.exports
    assert (export.type, dict(export.attrs)) == ("image", {"name": "docker.io/library/app:latest"})


def test_push_and_outputs_are_exporters(context: Path, stack: ExitStack) -> None:
    exports = _prepare(
        stack,
        str(context),
        *("-t", "r.example/a:1", "--push", "-o", str(context / "out")),
        *("-o", f"type=oci,dest={context / 'a.tar'},compression=zstd"),
        *("-o", "type=registry,name=r.example/b"),
    ).request.exports
    assert [(e.type, Path(e.destination).name) for e in exports] == [
        ("local", "out"),
        ("oci", "a.tar"),
        ("image", ""),
    ]
    assert exports[1].attrs["compression"] == "zstd"
    assert dict(exports[2].attrs) == {"name": "r.example/b", "push": "true"}


def test_docker_gets_its_own_exporter(context: Path, stack: ExitStack) -> None:
    endpoint = Endpoint.docker("/run/d.sock")
    (export,) = _prepare(stack, str(context), "-t", "a", endpoint=endpoint).request.exports
    assert export.type == "moby"


def test_annotations_go_where_their_scope_says(context: Path, stack: ExitStack) -> None:
    (export,) = _prepare(
        stack,
        str(context),
        *("-t", "a", "--annotation", "k=v", "--annotation", "index:i=w"),
        *("--annotation", "manifest[linux/amd64]:m=x", "--annotation", "other:y=z"),
    ).request.exports
    annotations = {k: v for k, v in export.attrs.items() if k.startswith("annotation")}
    assert annotations == {
        "annotation.k": "v",
        "annotation-index.i": "w",
        "annotation-manifest[linux/amd64].m": "x",
        "annotation.other:y": "z",
    }


def test_a_url_is_left_to_the_builder(stack: ExitStack) -> None:
    request = _prepare(stack, "https://git.example/x.git#main:sub", "-f", "D").request
    assert dict(request.attrs) == {
        "context": "https://git.example/x.git#main:sub",
        "filename": "D",
    }
    assert not request.local_dirs


@pytest.mark.parametrize(
    ("arguments", "kind", "part"),
    [
        (("/surely/not/there",), NotFoundError, "not there"),
        (("--push",), OptionError, "--push needs a name"),
        (("-o", "dest=/x"), OptionError, "type is missing"),
        (("-o", "type=local"), OptionError, "dest=DIR"),
        (("--add-host", "h"), OptionError, "HOST:IP"),
        (("--build-context", "x"), OptionError, "NAME=SOURCE"),
        (("--shm-size", "big"), OptionError, "no size"),
        (("--platform", "linux/"), OptionError, "linux/"),
        (("--cache-to", "dest=/x"), OptionError, "type is missing"),
        (("--provenance", "mode=max"), OptionError, "attestations"),
        (("-t", "Bad Name"), OptionError, "Bad Name"),
    ],
)
def test_what_means_nothing_is_refused(
    arguments: tuple[str, ...],
    kind: type[Error],
    part: str,
    context: Path,
    stack: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(context)
    with pytest.raises(kind, match=part):
        _prepare(stack, *arguments)


def test_provenance_may_be_switched_off_by_those_who_had_to(
    context: Path, stack: ExitStack
) -> None:
    _prepare(stack, str(context), "--provenance", "false", "--sbom", "false")


@pytest.mark.parametrize(
    ("text", "size"),
    [("64m", 64 << 20), ("1.5g", 3 << 29), ("12", 12), ("2KiB", 2048), ("3kb", 3072), ("x", None)],
)
def test_sizes(text: str, size: int | None) -> None:
    assert size_in_bytes(text) == size
