"""Signing in, being refused, and not reaching anybody."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from core.content.store import ContentStore
from core.errors import AuthenticationError, RegistryError
from core.oci.descriptor import Descriptor
from core.oci.reference import parse_reference
from core.registry.challenge import Challenge, parse_challenges
from core.registry.client import RegistryClient
from core.registry.hosts import HostOptions, Hosts, is_local
from core.registry.refusals import ImageNotFoundError

Double = Any
Clients = Callable[..., RegistryClient]
Images = Callable[..., Descriptor]


@pytest.mark.parametrize("auth", ["basic", "bearer"])
async def test_who_has_the_right_password_may_push(
    registry: Double, client: Clients, image: Images, store: ContentStore, auth: str
) -> None:
    registry.auth = auth
    root = image("linux/amd64", "linux/arm64")
    await client("user", "secret").push(registry.reference("team/app:1"), root, store)
    assert registry.tags["team/app"] == {"1": str(root.digest)}


async def test_one_token_serves_a_whole_push(
    registry: Double, client: Clients, image: Images, store: ContentStore
) -> None:
    registry.auth = "bearer"
    root = image("linux/amd64", "linux/arm64", "linux/s390x")
    await client("user", "secret").push(registry.reference("app:1"), root, store)
    assert registry.token_requests == 1
    assert registry.scopes_asked == ["repository:app:pull,push"]


async def test_an_identity_token_is_exchanged(
    registry: Double, client: Clients, image: Images, store: ContentStore
) -> None:
    registry.auth, registry.identity = "bearer", "RT"
    root = image("linux/amd64")
    for username in ("", "<token>"):
        await client(username, "RT").push(registry.reference("app:1"), root, store)
    with pytest.raises(AuthenticationError, match="credentials of the identity token"):
        await client("", "other").push(registry.reference("app:1"), root, store)


async def test_a_public_image_is_pulled_without_credentials(
    registry: Double, client: Clients, image: Images, store: ContentStore
) -> None:
    root = image("linux/amd64")
    reference = registry.reference("app:1")
    await client().push(reference, root, store)
    registry.auth = "bearer"
    assert (await client().resolve(reference)).digest == root.digest


async def test_an_expired_token_is_fetched_again(
    registry: Double, client: Clients, image: Images, store: ContentStore
) -> None:
    registry.auth = "bearer"
    root = image("linux/amd64")
    one = client("user", "secret")
    await one.push(registry.reference("app:1"), root, store)
    transport = next(iter(one._transports.values()))
    tokens = transport._authorizer._tokens
    for scopes, token in list(tokens.items()):
        tokens[scopes] = type(token)(header="Bearer stale", expires=token.expires)
    await one.push(registry.reference("app:2"), root, store)
    assert registry.token_requests == 2


@pytest.mark.parametrize("auth", ["basic", "bearer"])
async def test_a_wrong_password_is_an_authentication_error(
    registry: Double, client: Clients, image: Images, store: ContentStore, auth: str
) -> None:
    registry.auth = auth
    with pytest.raises(AuthenticationError, match="user") as caught:
        await client("user", "wrong").push(registry.reference("app:1"), image("linux/amd64"), store)
    assert registry.host in str(caught.value)
    assert caught.value.hint
    assert registry.tags == {}


async def test_a_wrong_password_is_tried_once(
    registry: Double, client: Clients, image: Images, store: ContentStore
) -> None:
    registry.auth = "bearer"
    with pytest.raises(AuthenticationError):
        await client("user", "wrong").push(
            registry.reference("app:1"), image("linux/amd64", "linux/arm64"), store
        )
    assert registry.token_requests == 1


@pytest.mark.parametrize("auth", ["basic", "bearer"])
async def test_pushing_without_credentials_says_to_sign_in(
    registry: Double, client: Clients, image: Images, store: ContentStore, auth: str
) -> None:
    registry.auth = auth
    with pytest.raises(AuthenticationError, match="wants you to sign in to push app") as caught:
        await client().push(registry.reference("app:1"), image("linux/amd64"), store)
    assert registry.host in caught.value.hint


@pytest.mark.parametrize("auth", ["basic", "bearer"])
async def test_a_reader_who_pushes_is_told_what_is_missing(
    registry: Double, client: Clients, image: Images, store: ContentStore, auth: str
) -> None:
    registry.auth = auth
    registry.users["reader"] = "r"
    registry.readers.add("reader")
    with pytest.raises(AuthenticationError, match="the user reader may not push to the repository"):
        await client("reader", "r").push(registry.reference("app:1"), image("linux/amd64"), store)


@pytest.mark.parametrize("auth", ["basic", "bearer"])
async def test_a_wrong_password_is_told_from_a_missing_permission(
    registry: Double, client: Clients, image: Images, store: ContentStore, auth: str
) -> None:
    registry.auth = auth
    registry.users["writer"] = "w"
    with pytest.raises(AuthenticationError, match="does not accept the credentials of the user"):
        await client("writer", "x").push(registry.reference("app:1"), image("linux/amd64"), store)


async def test_a_missing_image_is_not_found(registry: Double, client: Clients) -> None:
    with pytest.raises(ImageNotFoundError, match=r"there is no image .*app:9 on 127") as caught:
        await client().resolve(registry.reference("app:9"))
    assert isinstance(caught.value, RegistryError)


async def test_nobody_listening_is_said_so(client: Clients) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(
        RegistryError, match=rf"127.0.0.1:{port} cannot be reached: connection refused"
    ) as caught:
        await client().resolve(parse_reference(f"127.0.0.1:{port}/app:1"))
    assert caught.value.temporary
    assert caught.value.hint


async def test_a_registry_without_tls_needs_the_insecure_mark(
    registry: Double, client: Clients, image: Images, store: ContentStore
) -> None:
    # By another name for this machine, so that it does not count as local.
    name = registry.host.replace("127.0.0.1", "0.0.0.0")
    reference = parse_reference(f"{name}/app:1")
    root = image("linux/amd64")
    with pytest.raises(RegistryError, match="does not speak TLS") as caught:
        await client().push(reference, root, store)
    assert "insecure" in caught.value.hint
    await client().push(reference, root, store, insecure=True)
    hosts = Hosts({name: HostOptions(insecure=True)})
    assert (await client(hosts=hosts).resolve(reference)).digest == root.digest


async def test_credentials_do_not_follow_a_redirect_to_another_host(
    registry: Double, mirror: Double, client: Clients, image: Images, store: ContentStore,
    fault: Any,
) -> None:  # fmt: skip
    root = image("linux/amd64")
    await client().push(mirror.reference("app:1"), root, store)
    seen: list[str | None] = []

    async def look(request: Any) -> None:
        seen.append(request.headers.get("Authorization"))

    async def away(request: web.Request) -> None:
        raise web.HTTPTemporaryRedirect(f"http://{mirror.host}{request.path}")

    registry.auth = "basic"
    registry.faults.append(fault("GET", "/blobs/", act=away, times=9))
    mirror.faults.append(fault("GET", "/blobs/", act=look, times=9))
    registry.manifests = mirror.manifests
    registry.tags = mirror.tags
    other = ContentStore(store.root.parent / "other")
    await client("user", "secret").pull(registry.reference("app:1"), None, other)
    assert seen
    assert set(seen) == {None}


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        (
            'Bearer realm="https://a/token",service="b c",scope="repository:x:pull,push"',
            [("bearer", {"realm": "https://a/token", "service": "b c",
                         "scope": "repository:x:pull,push"})],
        ),
        ("Basic", [("basic", {})]),
        (
            'Negotiate, Basic realm="a, \\"b\\""',
            [("negotiate", {}), ("basic", {"realm": 'a, "b"'})],
        ),
        ("Basic realm=x, Bearer realm=y", [("basic", {"realm": "x"}), ("bearer", {"realm": "y"})]),
        ("", []),
        ("=,=", []),
    ],
)  # fmt: skip
def test_challenges_are_read(header: str, challenges: list[tuple[str, dict[str, str]]]) -> None:
    assert parse_challenges([header]) == tuple(
        Challenge(scheme=scheme, parameters=tuple(parameters.items()))
        for scheme, parameters in challenges
    )


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True), ("localhost:5000", True), ("127.0.0.1:1", True), ("[::1]:5000", True),
        ("127.9.9.9", True), ("a.localhost", True), ("example.org", False), ("10.0.0.1:80", False),
        ("localhost.example.org", False),
    ],
)  # fmt: skip
def test_this_machine_is_known_by_its_names(host: str, local: bool) -> None:
    assert is_local(host) is local


def test_docker_hub_is_reached_at_its_own_host() -> None:
    (endpoint,) = Hosts().endpoints(parse_reference("busybox"), push=True, insecure=False)
    assert endpoint.host == "registry-1.docker.io"
    assert [o.base for o in endpoint.origins] == ["https://registry-1.docker.io/v2/"]
