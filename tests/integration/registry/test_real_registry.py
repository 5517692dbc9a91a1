"""What we push is what skopeo, umoci and podman read, through a real registry."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from core.content.reachable import missing
from core.content.sources import BlobSources
from core.content.store import ContentStore
from core.errors import AuthenticationError, RegistryError
from core.exporter.source import ExportLayer, ExportSource, PlatformImage
from core.oci.platform import parse_platform
from core.oci.reference import parse_reference
from core.registry.client import RegistryClient
from core.registry.hosts import HostOptions, Hosts

pytestmark = pytest.mark.integration

Clients = Callable[..., RegistryClient]
Tool = Callable[..., str]
PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7")


async def test_skopeo_reads_the_index_that_was_pushed(
    open_registry: Any, client: Clients, bench: Any, tool: Tool, tmp_path: Path
) -> None:
    host = open_registry.host
    name = f"{host}/team/app:1"
    answer = await bench.export(
        client(open_registry), "image", bench.source(*PLATFORMS), tmp_path, name=name, push="true"
    )
    raw = tool("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}")
    index = json.loads(raw)
    assert [m["platform"] for m in index["manifests"]] == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm64", "os": "linux"},
        {"architecture": "arm", "os": "linux", "variant": "v7"},
    ]
    assert answer["image.name"] == name
    for manifest in index["manifests"]:
        inspected = json.loads(
            tool(
                "skopeo", "inspect", "--tls-verify=false",
                f"docker://{host}/team/app@{manifest['digest']}",
            )
        )  # fmt: skip
        assert inspected["Architecture"] == manifest["platform"]["architecture"]
        assert len(inspected["Layers"]) == 2
    copied = tmp_path / "copied"
    tool("skopeo", "copy", "--all", "--src-tls-verify=false", f"docker://{name}", f"oci:{copied}:1")
    assert (
        json.loads((copied / "index.json").read_text())["manifests"][0]["digest"]
        == answer["containerimage.digest"]
    )


@pytest.mark.parametrize("compression", ["gzip", "uncompressed"])
async def test_umoci_unpacks_what_we_push(
    open_registry: Any, client: Clients, bench: Any, tool: Tool, tmp_path: Path, compression: str
) -> None:
    name = f"{open_registry.host}/app:1"
    await bench.export(
        client(open_registry), "image", bench.source("linux/amd64"), tmp_path,
        name=name, push="true", compression=compression,
    )  # fmt: skip
    tool("skopeo", "copy", "--src-tls-verify=false", f"docker://{name}", f"oci:{tmp_path}/l:1")
    tool("umoci", "raw", "unpack", "--image", f"{tmp_path}/l:1", f"{tmp_path}/unpacked")
    assert (tmp_path / "unpacked/bin/app").read_bytes().startswith(b"#!/bin/sh\n# linux/amd64")
    assert (tmp_path / "unpacked/etc/os-release").exists()


async def test_docker_media_types_are_accepted_by_the_registry(
    open_registry: Any, client: Clients, bench: Any, tool: Tool, tmp_path: Path
) -> None:
    name = f"{open_registry.host}/app:1"
    await bench.export(
        client(open_registry), "image", bench.source(*PLATFORMS), tmp_path,
        name=name, push="true", oci_mediatypes="false",
    )  # fmt: skip
    raw = json.loads(tool("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}"))
    assert raw["mediaType"] == "application/vnd.docker.distribution.manifest.list.v2+json"


async def test_we_pull_what_skopeo_pushes(
    open_registry: Any, client: Clients, bench: Any, tool: Tool, tmp_path: Path
) -> None:
    archive = tmp_path / "image.tar"
    await bench.export(client(open_registry), "oci", bench.source(*PLATFORMS), archive, name="a:1")
    for index, extra in enumerate((["--all"], ["--all", "--format=v2s2"])):
        name = f"{open_registry.host}/theirs:{index}"
        tool(
            "skopeo", "copy", *extra, "--dest-tls-verify=false",
            f"oci-archive:{archive}", f"docker://{name}",
        )  # fmt: skip
        other = ContentStore(tmp_path / f"other{index}")
        root = await client(open_registry).pull(parse_reference(name), None, other)
        assert missing(other, root) == ()
        found = await client(open_registry).image(
            parse_reference(name), parse_platform("linux/arm/v7"), other
        )
        assert json.loads(found.config)["variant"] == "v7"


async def test_layers_of_another_repository_are_mounted(
    open_registry: Any, client: Clients, bench: Any, tmp_path: Path
) -> None:
    source = bench.source("linux/amd64")
    one = client(open_registry)
    await bench.export(
        one, "image", source, tmp_path, name=f"{open_registry.host}/a:1", push="true"
    )
    before = sum(p.stat().st_size for p in open_registry.data.rglob("data"))
    await bench.export(
        one, "image", source, tmp_path, name=f"{open_registry.host}/b:1", push="true"
    )
    assert sum(p.stat().st_size for p in open_registry.data.rglob("data")) == before
    assert list((open_registry.data / "docker/registry/v2/repositories/b/_uploads").glob("*")) == []


async def test_basic_authentication(
    password_registry: Any, client: Clients, bench: Any, tool: Tool, tmp_path: Path
) -> None:
    name = f"{password_registry.host}/app:1"
    source = bench.source(*PLATFORMS)
    for person in ((None, ""), ("user", "wrong")):
        with pytest.raises(AuthenticationError) as caught:
            await bench.export(
                client(password_registry, *person), "image", source, tmp_path, name=name, push="1"
            )
        assert password_registry.host in str(caught.value)
    person = ("user", "secret")
    await bench.export(
        client(password_registry, *person), "image", source, tmp_path, name=name, push="true"
    )
    tool("skopeo", "inspect", "--tls-verify=false", "--creds=user:secret", f"docker://{name}")


async def test_token_authentication_over_tls(
    token_registry: Any, client: Clients, bench: Any, tmp_path: Path
) -> None:
    registry, server = token_registry
    source = bench.source(*PLATFORMS)
    name = f"{registry.host}/team/app:1"
    await bench.export(
        client(registry, "user", "secret"), "image", source, tmp_path, name=name, push="true"
    )
    assert server.grants == ["password"]
    await bench.export(
        client(registry, "", "RT"), "image", source, tmp_path,
        name=f"{registry.host}/other:1", push="true",
    )  # fmt: skip
    assert "refresh_token" in server.grants
    with pytest.raises(AuthenticationError, match="sign in to push third"):
        await bench.export(
            client(registry),
            "image",
            source,
            tmp_path,
            name=f"{registry.host}/third:1",
            push="true",
        )
    with pytest.raises(AuthenticationError, match="does not accept the credentials of the user"):
        await bench.export(
            client(registry, "user", "x"),
            "image",
            source,
            tmp_path,
            name=f"{registry.host}/third:1",
            push="true",
        )
    other = ContentStore(tmp_path / "other")
    root = await client(registry).pull(parse_reference(name), None, other)
    assert missing(other, root) == ()


async def test_a_certificate_that_nobody_trusts_is_named(
    token_registry: Any, tmp_path: Path
) -> None:
    registry, _ = token_registry
    # By a name that does not count as this machine, whose certificates are not looked at.
    host = registry.host.replace("127.0.0.1", "0.0.0.0")
    async with RegistryClient(sources=BlobSources(tmp_path / "s")) as client:
        with pytest.raises(RegistryError, match=r"certificate of 0\.0\.0\.0.* is not trusted"):
            await client.resolve(parse_reference(f"{host}/app:1"))
    hosts = Hosts({host: HostOptions(insecure=True)})
    async with RegistryClient(sources=BlobSources(tmp_path / "s"), hosts=hosts) as client:
        with pytest.raises(RegistryError, match="there is no image"):
            await client.resolve(parse_reference(f"{host}/app:1"))


async def test_a_big_layer_goes_there_and_back(
    open_registry: Any, client: Clients, bench: Any, store: ContentStore, tmp_path: Path
) -> None:
    block = os.urandom(1 << 20)
    layer = bench.layer({"big": block * 48})
    source = ExportSource(
        images=(
            PlatformImage(
                platform=parse_platform("linux/amd64"),
                layers=(ExportLayer(id=layer),),
                config={"os": "linux", "architecture": "amd64"},
            ),
        )
    )
    name = f"{open_registry.host}/big:1"
    await bench.export(
        client(open_registry), "image", source, tmp_path, name=name, push="true",
        compression="uncompressed",
    )  # fmt: skip
    other = ContentStore(tmp_path / "other")
    root = await client(open_registry).pull(parse_reference(name), None, other)
    assert missing(other, root) == ()


@pytest.mark.parametrize("kind", ["oci", "docker"])
async def test_podman_loads_our_archives(
    open_registry: Any, client: Clients, bench: Any, tool: Tool, tmp_path: Path, kind: str
) -> None:
    archive = tmp_path / "image.tar"
    await bench.export(
        client(open_registry), kind, bench.source("linux/amd64"), archive, name="viaduct/app:7"
    )
    with tempfile.TemporaryDirectory(prefix="vd") as runroot:
        podman = partial(
            tool, "podman", "--root", str(tmp_path / "podman"), "--runroot", runroot,
            "--storage-driver", "vfs",
        )  # fmt: skip
        loaded = podman("load", "-i", str(archive)).split()[-1]
        shown = json.loads(podman("image", "inspect", loaded))
        assert shown[0]["Architecture"] == "amd64"
        assert shown[0]["Config"]["Cmd"] == ["/bin/app"]
        assert len(shown[0]["RootFS"]["Layers"]) == 2
        if kind == "docker":
            assert "viaduct/app:7" in loaded
        podman("rmi", "--all", "--force")


async def test_skopeo_reads_our_archives_whole(
    open_registry: Any, client: Clients, bench: Any, tool: Tool, tmp_path: Path
) -> None:
    archive, folder = tmp_path / "image.tar", tmp_path / "layout"
    one = client(open_registry)
    answer = await bench.export(one, "oci", bench.source(*PLATFORMS), archive, name="a:1")
    await bench.export(one, "oci", bench.source(*PLATFORMS), folder, name="a:1", tar="false")
    raw = tool("skopeo", "inspect", "--raw", f"oci-archive:{archive}")
    assert len(json.loads(raw)["manifests"]) == 3
    tool("skopeo", "copy", "--all", f"oci:{folder}:1", f"dir:{tmp_path}/copied")
    assert answer["containerimage.digest"]
