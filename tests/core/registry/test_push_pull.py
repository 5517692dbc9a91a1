"""Pushing and pulling against a registry that enforces the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from core.content.reachable import missing
from core.content.store import ContentStore
from core.errors import NotFoundError, RegistryError
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.platform import parse_platform
from core.oci.reference import parse_reference
from core.registry.client import RegistryClient
from core.registry.hosts import HostOptions, Hosts
from core.registry.transfers import Transfer, TransferState

Double = Any
Clients = Callable[..., RegistryClient]
Images = Callable[..., Descriptor]


async def test_a_pushed_index_can_be_pulled_whole(
    registry: Double, client: Clients, image: Images, store: ContentStore, tmp_path: Path
) -> None:
    root = image("linux/amd64", "linux/arm/v7")
    reference = registry.reference("team/app:1")
    await client().push(reference, root, store)
    assert registry.tags == {"team/app": {"1": str(root.digest)}}
    other = ContentStore(tmp_path / "other")
    assert await client().pull(reference, None, other) == Descriptor(
        media_type=root.media_type, digest=root.digest, size=root.size
    )
    assert missing(other, root) == ()
    assert registry.uploads == set()


async def test_the_tag_moves_after_everything_else(
    registry: Double, client: Clients, image: Images, store: ContentStore
) -> None:
    root = image("linux/amd64", "linux/arm64")
    await client().push(registry.reference("app:1"), root, store)
    puts = [line for line in registry.log if line.startswith("PUT")]
    assert puts[-1] == "PUT /v2/app/manifests/1"
    assert all("/blobs/" in line for line in puts[:-3])
    assert all("/manifests/sha256:" in line for line in puts[-3:-1])
    assert registry.log[-1] == "GET /v2/app/manifests/1", "the tag is read back"


async def test_a_second_push_uploads_nothing(
    registry: Double, client: Clients, image: Images, store: ContentStore
) -> None:
    root = image("linux/amd64")
    reference = registry.reference("app:1")
    await client().push(reference, root, store)
    seen: list[Transfer] = []
    uploads = registry.count("POST")
    await client().push(reference, root, store, seen.append)
    assert registry.count("POST") == uploads
    assert {t.state for t in seen if t.detail == "" and t.finished} == {TransferState.EXISTS}


async def test_progress_counts_every_byte(
    registry: Double, client: Clients, image: Images, store: ContentStore
) -> None:
    root = image("linux/amd64", layer=bytes(3 << 20))
    seen: list[Transfer] = []
    await client().push(registry.reference("app:1"), root, store, seen.append)
    big = [t for t in seen if t.total > 3 << 20]
    assert big[0].state is TransferState.WAITING
    assert [t.current for t in big] == sorted(t.current for t in big)
    assert (big[-1].state, big[-1].current) == (TransferState.DONE, big[-1].total)


async def test_a_layer_is_mounted_from_the_repository_it_came_from(
    registry: Double, client: Clients, image: Images, store: ContentStore
) -> None:
    root = image("linux/amd64")
    registry.auth = "bearer"
    pusher = client("user", "secret")
    await pusher.push(registry.reference("base:1"), root, store)
    uploads = registry.count("PUT .*/blobs/")
    seen: list[Transfer] = []
    await pusher.push(registry.reference("app:1"), root, store, seen.append)
    assert registry.count("PUT .*/blobs/") == uploads
    assert {t.detail for t in seen if t.state is TransferState.MOUNTED} == {"base"}
    assert "repository:base:pull" in registry.scopes_asked


async def test_a_mount_that_is_refused_becomes_an_upload(
    registry: Double, client: Clients, image: Images, store: ContentStore
) -> None:
    root = image("linux/amd64")
    await client().push(registry.reference("base:1"), root, store)
    registry.blobs.pop("base")
    await client().push(registry.reference("app:1"), root, store)
    assert registry.tags["app"] == {"1": str(root.digest)}
    assert registry.uploads == set(), "uploads begun for a mount are given back"


async def test_a_layer_that_was_never_pulled_is_mounted_or_fetched(
    registry: Double, mirror: Double, client: Clients, image: Images, store: ContentStore
) -> None:
    root = image("linux/amd64")
    for double in (registry, mirror):
        double.blobs["base"] = {str(Digest.of(b"shared")): b"shared"}
    digest = Digest.of(b"shared")
    store.delete(digest)
    near, far = registry.reference("base:1"), mirror.reference("base:1")
    await client().push(registry.reference("a:1"), root, store, origins={digest: near})
    assert not store.has(digest), "mounted without being fetched"
    registry.blobs.pop("base")
    registry.blobs["a"].pop(str(digest))
    await client().push(registry.reference("b:1"), root, store, origins={digest: far})
    assert store.has(digest)
    assert registry.tags["b"] == {"1": str(root.digest)}


async def test_several_tags_name_one_push(
    registry: Double, client: Clients, image: Images, store: ContentStore
) -> None:
    root = image("linux/amd64")
    await client().push(registry.reference("app:1"), root, store, tags=["2", "1"])
    assert set(registry.tags["app"]) == {"1", "2"}


async def test_a_push_by_digest_makes_no_tag(
    registry: Double, client: Clients, image: Images, store: ContentStore
) -> None:
    root = image("linux/amd64")
    await client().push(registry.reference("app"), root, store, by_digest=True)
    assert registry.tags == {}
    assert str(root.digest) in registry.manifests["app"]


async def test_a_failed_push_keeps_the_tag(
    registry: Double, client: Clients, image: Images, store: ContentStore, fault: Any
) -> None:
    old, new = image("linux/amd64"), image("linux/amd64", layer=b"new")
    reference = registry.reference("app:1")
    await client().push(reference, old, store)
    registry.faults.append(fault("PUT", "/blobs/", status=400, times=99))
    with pytest.raises(RegistryError, match=r"refused the push of the blob sha256:.*status 400"):
        await client().push(reference, new, store)
    assert registry.tags["app"]["1"] == str(old.digest)
    assert registry.uploads == set()


async def test_a_cancelled_push_keeps_the_tag_and_gives_uploads_back(
    registry: Double, client: Clients, image: Images, store: ContentStore, fault: Any
) -> None:
    old, new = image("linux/amd64"), image("linux/amd64", layer=b"new")
    reference = registry.reference("app:1")
    await client().push(reference, old, store)
    reached, never = asyncio.Event(), asyncio.Event()

    async def hang(request: web.Request) -> None:
        reached.set()
        await never.wait()

    registry.faults.append(fault("PUT", "/blobs/", act=hang))
    push = asyncio.create_task(client().push(reference, new, store))
    async with asyncio.timeout(5):
        await reached.wait()
    push.cancel()
    with pytest.raises(asyncio.CancelledError):
        await push
    never.set()
    assert registry.tags["app"]["1"] == str(old.digest)
    assert registry.uploads == set()


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "GET"])
async def test_a_push_gets_over_a_busy_registry(
    registry: Double, client: Clients, image: Images, store: ContentStore, fault: Any,
    status: int, method: str,
) -> None:  # fmt: skip
    root = image("linux/amd64", "linux/arm64")
    registry.faults.append(fault(method, ".", status=status, times=2))
    registry.faults.append(fault("PUT", "/blobs/", cut=0, times=1))
    await client().push(registry.reference("app:1"), root, store)
    assert registry.tags["app"] == {"1": str(root.digest)}


async def test_a_registry_that_stays_busy_is_named(
    registry: Double, client: Clients, fault: Any
) -> None:
    registry.faults.append(fault("HEAD", ".", status=503, times=99))
    with pytest.raises(RegistryError, match=r"127.0.0.1:\d+ answered 503 to the pull of") as caught:
        await client().resolve(registry.reference("app:1"))
    assert caught.value.temporary


async def test_a_long_wait_is_told_instead_of_waited_for(
    registry: Double, client: Clients, fault: Any
) -> None:
    registry.faults.append(
        fault("HEAD", ".", status=429, times=99, headers={"Retry-After": "3600"})
    )
    with pytest.raises(RegistryError, match="limits how often") as caught:
        await client().resolve(registry.reference("app:1"))
    assert "toomanyrequests" in str(caught.value)
    assert registry.count("HEAD") == 1


async def test_a_broken_download_goes_on_where_it_stopped(
    registry: Double, client: Clients, image: Images, store: ContentStore, fault: Any,
    tmp_path: Path,
) -> None:  # fmt: skip
    root = image("linux/amd64", layer=bytes(range(256)) * 10000)
    reference = registry.reference("app:1")
    await client().push(reference, root, store)
    registry.log.clear()
    registry.faults.append(fault("GET", "/blobs/", cut=2000, times=3))
    other = ContentStore(tmp_path / "other")
    await client().pull(reference, None, other)
    assert missing(other, root) == ()


async def test_a_new_client_goes_on_with_what_an_old_one_left(
    registry: Double, client: Clients, image: Images, store: ContentStore, fault: Any,
    tmp_path: Path,
) -> None:  # fmt: skip
    data = bytes(range(256)) * 10000
    registry.blobs["app"] = {str(Digest.of(data)): data}
    blob = Descriptor.of(media_types.OCI_LAYER, data)
    registry.faults.append(fault("GET", "/blobs/", cut=100_000, times=1))
    registry.faults.append(fault("GET", "/blobs/", status=400, times=1))
    with pytest.raises(RegistryError):
        await client().fetch(registry.reference("app:1"), blob, store)
    seen: list[Transfer] = []
    await client().fetch(registry.reference("app:1"), blob, store, seen.append)
    assert store.has(blob.digest, blob.size)
    assert registry.count("GET /v2/app/blobs") == 3


async def test_wrong_bytes_are_refused_with_the_host_named(
    registry: Double, client: Clients, store: ContentStore
) -> None:
    blob = Descriptor.of(media_types.OCI_LAYER, b"right")
    registry.blobs["app"] = {str(blob.digest): b"wrong"}
    with pytest.raises(RegistryError, match=r"127.0.0.1:\d+ sent wrong bytes for"):
        await client().fetch(registry.reference("app:1"), blob, store)
    assert not store.has(blob.digest)


async def test_the_same_blob_is_fetched_once_at_a_time(
    registry: Double, client: Clients, store: ContentStore
) -> None:
    blob = Descriptor.of(media_types.OCI_LAYER, b"layer")
    registry.blobs["app"] = {str(blob.digest): b"layer"}
    one = client()
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(one.fetch(registry.reference("app:1"), blob, store))
    assert registry.count("GET /v2/app/blobs") == 1


async def test_an_empty_blob_is_a_blob(
    registry: Double, client: Clients, store: ContentStore
) -> None:
    blob = Descriptor.of(media_types.OCI_LAYER, b"")
    registry.blobs["app"] = {str(blob.digest): b""}
    await client().fetch(registry.reference("app:1"), blob, store)
    assert store.read(blob.digest) == b""


async def test_one_platform_is_pulled_without_the_others(
    registry: Double, client: Clients, image: Images, store: ContentStore, tmp_path: Path
) -> None:
    root = image("linux/amd64", "linux/arm/v7")
    reference = registry.reference("app:1")
    await client().push(reference, root, store)
    other = ContentStore(tmp_path / "other")
    found = await client().image(reference, parse_platform("linux/arm64"), other)
    assert found.resolved.digest == root.digest
    assert found.descriptor.platform == parse_platform("linux/arm/v7")
    assert not other.has(found.manifest.layers[0].digest)
    await client().pull(reference, parse_platform("linux/arm/v7"), other)
    assert other.has(found.manifest.layers[0].digest)


async def test_a_platform_that_is_not_there_is_answered_with_those_that_are(
    registry: Double, client: Clients, image: Images, store: ContentStore
) -> None:
    root = image("linux/arm64", "linux/ppc64le")
    reference = registry.reference("app:1")
    await client().push(reference, root, store)
    with pytest.raises(NotFoundError, match="no image for linux/s390x") as caught:
        await client().image(reference, parse_platform("linux/s390x"), store)
    assert caught.value.hint == "It has: linux/arm64, linux/ppc64le."


async def test_mirrors_are_asked_first_and_the_origin_when_they_fail(
    registry: Double, mirror: Double, client: Clients, image: Images, store: ContentStore,
    tmp_path: Path,
) -> None:  # fmt: skip
    root = image("linux/amd64")
    reference = registry.reference("app:1")
    await client().push(reference, root, store)
    hosts = Hosts({registry.host: HostOptions(mirrors=(mirror.host, "127.0.0.1:9"))})
    other = ContentStore(tmp_path / "other")
    pulled = await client(hosts=hosts).pull(reference, None, other)
    assert pulled.digest == root.digest
    assert mirror.count("HEAD") == 1
    await client().push(mirror.reference("app:1"), root, store)
    registry.log.clear()
    await client(hosts=hosts).pull(reference, None, ContentStore(tmp_path / "third"))
    assert registry.log == []


async def test_a_mirror_may_keep_repositories_below_a_path(
    mirror: Double, client: Clients, image: Images, store: ContentStore, tmp_path: Path
) -> None:
    root = image("linux/amd64")
    mirror.auth = "bearer"
    await client("user", "secret").push(mirror.reference("hub/library/app:1"), root, store)
    hosts = Hosts({"docker.io": HostOptions(mirrors=(f"{mirror.host}/hub",))})
    other = ContentStore(tmp_path / "other")
    pulled = await client(hosts=hosts).pull(parse_reference("app:1"), None, other)
    assert pulled.digest == root.digest


async def test_a_broken_manifest_is_named(
    registry: Double, client: Clients, store: ContentStore
) -> None:
    data = b'{"layers": 3}'
    registry.manifests["app"] = {str(Digest.of(data)): (media_types.OCI_MANIFEST, data)}
    registry.tags["app"] = {"1": str(Digest.of(data))}
    with pytest.raises(RegistryError, match=r"the image 127.*app:1 is broken"):
        await client().image(registry.reference("app:1"), parse_platform("linux/amd64"), store)


async def test_a_cancelled_pull_goes_on_later(
    registry: Double, client: Clients, store: ContentStore, fault: Any
) -> None:
    data = bytes(range(256)) * 20000
    registry.blobs["app"] = {str(Digest.of(data)): data}
    blob = Descriptor.of(media_types.OCI_LAYER, data)
    reached = asyncio.Event()
    one = client()
    pull = asyncio.create_task(
        one.fetch(registry.reference("app:1"), blob, store, lambda transfer: reached.set())
    )
    async with asyncio.timeout(5):
        await reached.wait()
    pull.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pull
    assert not store.has(blob.digest)
    await one.fetch(registry.reference("app:1"), blob, store)
    assert store.has(blob.digest, blob.size)


async def test_docker_media_types_are_pulled(
    registry: Double, client: Clients, store: ContentStore
) -> None:
    config = b'{"os":"linux","architecture":"amd64"}'
    value = (
        b'{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"%s","size":%d},'
        b'"layers":[]}'
        % (
            media_types.DOCKER_MANIFEST.encode(),
            media_types.DOCKER_CONFIG.encode(),
            Digest.of(config).encode(),
            len(config),
        )
    )
    registry.blobs["old"] = {str(Digest.of(config)): config}
    registry.manifests["old"] = {str(Digest.of(value)): (media_types.DOCKER_MANIFEST, value)}
    registry.tags["old"] = {"1": str(Digest.of(value))}
    found = await client().image(registry.reference("old:1"), parse_platform("linux/amd64"), store)
    assert found.resolved.media_type == media_types.DOCKER_MANIFEST
    assert found.config == config


async def test_other_media_types_are_named(registry: Double, client: Clients) -> None:
    kind = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    registry.manifests["old"] = {"sha256:1": (kind, b'{"schemaVersion": 1}')}
    registry.tags["old"] = {"1": "sha256:1"}
    with pytest.raises(RegistryError, match=f"unsupported media type {kind.replace('+', '.')}"):
        await client().resolve(registry.reference("old:1"))


async def test_a_tag_that_another_push_moved_is_noticed(
    registry: Double, client: Clients, image: Images, store: ContentStore, fault: Any
) -> None:
    mine, theirs = image("linux/amd64"), image("linux/amd64", layer=b"theirs")
    await client().push(registry.reference("app:2"), theirs, store)

    async def move(request: web.Request) -> None:
        registry.tags["app"]["1"] = str(theirs.digest)

    registry.faults.append(fault("GET", "/manifests/1$", act=move))
    with pytest.raises(RegistryError, match=r"gives sha256:.* for app:1"):
        await client().push(registry.reference("app:1"), mine, store)


async def test_a_layer_that_is_nowhere_is_named_before_anything_is_tagged(
    registry: Double, client: Clients, image: Images, store: ContentStore
) -> None:
    root = image("linux/amd64")
    store.delete(Digest.of(b"shared"))
    with pytest.raises(NotFoundError, match="neither in the local store nor on"):
        await client().push(registry.reference("app:1"), root, store)
    assert registry.tags == {}
