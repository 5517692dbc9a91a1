"""A registry in this process that holds its clients to the protocol."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from core.content.sources import BlobSources
from core.content.store import ContentStore
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.image_config import ImageConfig
from core.oci.index import Index
from core.oci.manifest import Manifest
from core.oci.platform import parse_platform
from core.oci.reference import Reference, parse_reference
from core.registry.client import RegistryClient
from core.registry.credentials import Credentials
from core.registry.hosts import Hosts
from core.registry.retry import RetryPolicy


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _refusal(status: int, code: str, message: str, **headers: str) -> web.Response:
    body = {"errors": [{"code": code, "message": message}]}
    return web.json_response(body, status=status, headers=headers)


@dataclass
class Fault:
    """What goes wrong with the next ``times`` requests that match."""

    method: str
    path: str
    status: int = 0
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    """Close the connection after this many bytes of the answer."""
    act: Callable[[web.Request], Awaitable[None]] | None = None


class RegistryDouble:
    """Blobs and manifests of repositories, in memory."""

    def __init__(self) -> None:
        self.blobs: dict[str, dict[str, bytes]] = {}
        self.manifests: dict[str, dict[str, tuple[str, bytes]]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.uploads: set[str] = set()
        self.faults: list[Fault] = []
        self.log: list[str] = []
        self.scopes_asked: list[str] = []
        self.auth = ""
        self.users = {"user": "secret"}
        self.readers: set[str] = set()
        self.identity = ""
        self.host = ""
        self.token_requests = 0

    # Access

    def _allowed(self, request: web.Request) -> web.Response | None:
        header = request.headers.get("Authorization", "")
        if self.auth == "basic":
            user, _, secret = (
                base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
            )
            if not header or self.users.get(user) != secret:
                return _refusal(
                    401,
                    "UNAUTHORIZED",
                    "authentication required",
                    **{"WWW-Authenticate": 'Basic realm="here, there"'},
                )
            if user in self.readers and request.method not in {"GET", "HEAD"}:
                return _refusal(403, "DENIED", "read only")
        if self.auth == "bearer":
            repository = request.match_info.get("name", "")
            action = "pull" if request.method in {"GET", "HEAD"} else "push"
            granted = header.removeprefix("Bearer ").split("|") if header else []
            need = f"repository:{repository}:"
            if repository and not any(g.startswith(need) and action in g for g in granted):
                asked = f"{need}{'pull,push' if action == 'push' else 'pull'}"
                return self._challenge(asked, granted)
            if not repository and not header:
                return self._challenge("", [])
        return None

    def _challenge(self, scope: str, granted: list[str]) -> web.Response:
        text = f'Bearer realm="http://{self.host}/token",service="double"'
        if scope:
            text += f',scope="{scope}"'
        if granted:
            text += ',error="insufficient_scope"'
        return _refusal(401, "UNAUTHORIZED", "access denied", **{"WWW-Authenticate": text})

    async def token(self, request: web.Request) -> web.Response:
        self.token_requests += 1
        user = None
        if request.method == "POST":
            form = await request.post()
            assert form["grant_type"] == "refresh_token"
            assert form["client_id"]
            if form["refresh_token"] != self.identity:
                return web.json_response({"details": "bad identity token"}, status=401)
            user = "identity"
            scopes = str(form["scope"]).split()
        else:
            scopes = request.query.getall("scope", [])
            header = request.headers.get("Authorization", "")
            if header:
                user, _, secret = base64.b64decode(header[6:]).decode().partition(":")
                if self.users.get(user) != secret:
                    return web.json_response({"details": "incorrect password"}, status=401)
            assert request.query["service"] == "double"
        self.scopes_asked.extend(scopes)
        granted = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            kept = [
                a for a in actions.split(",") if a == "pull" or (user and user not in self.readers)
            ]
            granted.append(f"{kind}:{name}:{','.join(kept)}")
        return web.json_response({"token": "|".join(granted), "expires_in": 300})

    # Requests

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.log.append(f"{request.method} {request.path}")
        if request.path == "/token":
            return await handler(request)
        for fault in self.faults:
            if (
                fault.times
                and fault.method == request.method
                and re.search(fault.path, request.path)
            ):
                fault.times -= 1
                if fault.act is not None:
                    await fault.act(request)
                    continue
                if fault.cut is not None:
                    return await self._cut(request, await handler(request), fault.cut)
                return _refusal(fault.status, "FAULT", "out of order", **fault.headers)
        return self._allowed(request) or await handler(request)

    async def _cut(
        self, request: web.Request, answer: web.StreamResponse, length: int
    ) -> web.StreamResponse:
        assert isinstance(answer, web.Response)
        assert isinstance(answer.body, bytes)
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        response.content_length = len(answer.body)
        await response.prepare(request)
        await response.write(answer.body[:length])
        assert request.transport is not None
        request.transport.close()
        return response

    async def root(self, request: web.Request) -> web.Response:
        return web.json_response({})

    async def blob(self, request: web.Request) -> web.Response:
        data = self.blobs.get(request.match_info["name"], {}).get(request.match_info["digest"])
        if data is None:
            return _refusal(404, "BLOB_UNKNOWN", "blob unknown to registry")
        wanted = request.headers.get("Range", "")
        if wanted:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            headers = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
            return web.Response(status=206, body=data[start:], headers=headers)
        return web.Response(body=data)

    async def begin(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        mount, source = request.query.get("mount"), request.query.get("from")
        assert request.headers.get("Content-Length") == "0"
        if mount and source and mount in self.blobs.get(source, {}):
            self.blobs.setdefault(name, {})[mount] = self.blobs[source][mount]
            return web.Response(status=201)
        upload = f"u{len(self.log)}"
        self.uploads.add(upload)
        location = f"/v2/{name}/blobs/uploads/{upload}?_state=a%2Bb%3D"
        return web.Response(status=202, headers={"Location": location})

    async def finish(self, request: web.Request) -> web.Response:
        name, upload = request.match_info["name"], request.match_info["upload"]
        if upload not in self.uploads or "_state=a%2Bb%3D" not in request.raw_path:
            return _refusal(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        if "Content-Length" not in request.headers or "chunked" in str(
            request.headers.get("Transfer-Encoding")
        ):
            return _refusal(411, "SIZE_INVALID", "a single PUT needs its length")
        data = await request.read()
        if (
            len(data) != int(request.headers["Content-Length"])
            or _digest(data) != request.query["digest"]
        ):
            return _refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self.uploads.discard(upload)
        self.blobs.setdefault(name, {})[_digest(data)] = data
        return web.Response(status=201, headers={"Docker-Content-Digest": _digest(data)})

    async def abandon(self, request: web.Request) -> web.Response:
        self.uploads.discard(request.match_info["upload"])
        return web.Response(status=204)

    async def manifest(self, request: web.Request) -> web.Response:
        name, target = request.match_info["name"], request.match_info["target"]
        digest = self.tags.get(name, {}).get(target, target)
        found = self.manifests.get(name, {}).get(digest)
        if found is None:
            return _refusal(404, "MANIFEST_UNKNOWN", "manifest unknown")
        media_type, data = found
        if media_type in media_types.ACCEPTED and media_type not in request.headers.get(
            "Accept", ""
        ):
            return _refusal(404, "MANIFEST_UNKNOWN", "not in the form accepted")
        headers = {"Docker-Content-Digest": digest, "Content-Type": media_type}
        return web.Response(body=data, headers=headers)

    async def put_manifest(self, request: web.Request) -> web.Response:
        name, target = request.match_info["name"], request.match_info["target"]
        data = await request.read()
        value = json.loads(data)
        media_type = request.headers["Content-Type"]
        if value.get("mediaType") != media_type:
            return _refusal(400, "MANIFEST_INVALID", "the media types differ")
        for child in value.get("manifests", []):
            if child["digest"] not in self.manifests.get(name, {}):
                return _refusal(400, "MANIFEST_UNKNOWN", f"manifest {child['digest']} unknown")
        for child in [*value.get("layers", []), *([value["config"]] if "config" in value else [])]:
            if child["digest"] not in self.blobs.get(name, {}):
                return _refusal(400, "MANIFEST_BLOB_UNKNOWN", f"blob {child['digest']} unknown")
        digest = _digest(data)
        if target.startswith("sha256:"):
            if target != digest:
                return _refusal(400, "DIGEST_INVALID", "wrong digest")
        else:
            self.tags.setdefault(name, {})[target] = digest
        self.manifests.setdefault(name, {})[digest] = (media_type, data)
        return web.Response(status=201, headers={"Docker-Content-Digest": digest})

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.middleware], client_max_size=1 << 30)
        name = "{name:[a-z0-9/_.-]+?}"
        app.router.add_route("*", "/token", self.token)
        app.router.add_get("/v2/", self.root)
        app.router.add_get(f"/v2/{name}/blobs/{{digest:sha256:.*}}", self.blob)
        app.router.add_post(f"/v2/{name}/blobs/uploads/", self.begin)
        app.router.add_put(f"/v2/{name}/blobs/uploads/{{upload}}", self.finish)
        app.router.add_delete(f"/v2/{name}/blobs/uploads/{{upload}}", self.abandon)
        app.router.add_get(f"/v2/{name}/manifests/{{target}}", self.manifest)
        app.router.add_put(f"/v2/{name}/manifests/{{target}}", self.put_manifest)
        return app

    def reference(self, rest: str) -> Reference:
        return parse_reference(f"{self.host}/{rest}")

    def count(self, pattern: str) -> int:
        return sum(bool(re.search(pattern, line)) for line in self.log)


async def _serve(double: RegistryDouble) -> AsyncIterator[RegistryDouble]:
    runner = web.AppRunner(double.app(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    double.host = f"127.0.0.1:{runner.addresses[0][1]}"
    yield double
    await runner.cleanup()


@pytest.fixture
async def registry() -> AsyncIterator[RegistryDouble]:
    async for double in _serve(RegistryDouble()):
        yield double


@pytest.fixture
async def mirror() -> AsyncIterator[RegistryDouble]:
    async for double in _serve(RegistryDouble()):
        yield double


@pytest.fixture
def fault() -> type[Fault]:
    return Fault


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "content")


class OnePerson:
    """Always the same credentials; counts how often it is asked."""

    def __init__(self, credentials: Credentials | None) -> None:
        self.answer = credentials
        self.asked: list[str] = []

    async def credentials(self, host: str) -> Credentials | None:
        self.asked.append(host)
        return self.answer


ClientMaker = Callable[..., RegistryClient]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[ClientMaker]:
    """Makes clients that never wait and are closed at the end."""
    made: list[RegistryClient] = []

    async def at_once(seconds: float) -> None:
        await asyncio.sleep(0)

    def make(
        username: str | None = None, secret: str = "", hosts: Hosts | None = None
    ) -> RegistryClient:
        person = None if username is None else Credentials(username=username, secret=secret)
        made.append(
            RegistryClient(
                OnePerson(person),
                hosts=hosts,
                sources=BlobSources(tmp_path / "sources"),
                retry=RetryPolicy(sleep=at_once),
            )
        )
        return made[-1]

    yield make
    for one in made:
        await one.close()


ImageMaker = Callable[..., Descriptor]


@pytest.fixture
def image(store: ContentStore) -> ImageMaker:
    """Puts an image for the platforms into the store and gives its descriptor."""

    def make(
        *platforms: str, layer: bytes = b"layer " * 100, shared: bytes = b"shared"
    ) -> Descriptor:
        manifests = []
        for text in platforms:
            platform = parse_platform(text)
            layers = tuple(
                Descriptor.of(media_types.OCI_LAYER_GZIP, data)
                for data in (shared, layer + text.encode())
            )
            for data in (shared, layer + text.encode()):
                store.put(data)
            config = ImageConfig(
                {"os": platform.os, "architecture": platform.architecture}
            ).to_bytes()
            store.put(config)
            manifest = Manifest(
                config=Descriptor.of(media_types.OCI_CONFIG, config), layers=layers
            ).to_bytes()
            store.put(manifest)
            descriptor = Descriptor.of(media_types.OCI_MANIFEST, manifest)
            manifests.append(
                Descriptor(
                    media_type=descriptor.media_type,
                    digest=descriptor.digest,
                    size=descriptor.size,
                    platform=platform,
                )
            )
        if len(manifests) == 1:
            return manifests[0]
        index = Index(manifests=tuple(manifests)).to_bytes()
        store.put(index)
        return Descriptor.of(media_types.OCI_INDEX, index)

    return make
