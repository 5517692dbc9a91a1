"""Debian's docker-registry, with and without accounts, and images to give to it."""

from __future__ import annotations

import base64
import datetime
import io
import ipaddress
import json
import os
import secrets
import shutil
import socket
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID

from core.cache.database import Database
from core.cache.layers import LayerRecords
from core.content.images import ImageStore
from core.content.sources import BlobSources
from core.content.store import ContentStore
from core.exporter.layers import LayerBlobs
from core.exporter.outputs import PathFile, PathLayout
from core.exporter.run import ExporterFactory
from core.exporter.source import ExportLayer, ExportSource, PlatformImage
from core.oci.platform import parse_platform
from core.registry.client import RegistryClient
from core.registry.credentials import Credentials
from core.registry.hosts import HostOptions, Hosts
from core.snapshot.ids import LayerId
from core.snapshot.store import SnapshotStore

# bcrypt of "secret".
_HTPASSWD = "user:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"


@dataclass(frozen=True)
class Registry:
    host: str
    ca_file: str = ""
    data: Path = Path()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def serve(folder: Path, extra: str = "", tls: str = "", scheme: str = "http") -> Iterator[str]:
    """Run docker-registry with its data below ``folder``."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yml"
    config.write_text(
        "version: 0.1\n"
        "log: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: 127.0.0.1:{port}, secret: x{tls}}}\n{extra}"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("REGISTRY_")}
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [program, "serve", str(config)], stdout=log, stderr=log, env=environment
        )
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.02)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def open_registry(tmp_path: Path) -> Iterator[Registry]:
    with serve(tmp_path / "registry") as host:
        yield Registry(host, data=tmp_path / "registry/data")


@pytest.fixture
def password_registry(tmp_path: Path) -> Iterator[Registry]:
    (tmp_path / "htpasswd").write_text(_HTPASSWD)
    extra = f"auth: {{htpasswd: {{realm: r, path: {tmp_path}/htpasswd}}}}\n"
    with serve(tmp_path / "registry", extra) as host:
        yield Registry(host)


def _certificate(folder: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(key_id, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "c.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "k.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return key, certificate


class TokenServer:
    """Gives tokens: everybody may pull, who signed in may push."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate
        self.grants: list[str] = []

    def _jwt(self, claims: dict[str, Any]) -> str:
        def part(data: bytes) -> str:
            return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

        der = self._certificate.public_bytes(serialization.Encoding.DER)
        header = {"alg": "ES256", "typ": "JWT", "x5c": [base64.b64encode(der).decode()]}
        message = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
        r, s = utils.decode_dss_signature(
            self._key.sign(message.encode(), ec.ECDSA(hashes.SHA256()))
        )
        return f"{message}.{part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    async def token(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            form = await request.post()
            scopes, known = str(form.get("scope", "")).split(), form["refresh_token"] == "RT"
            self.grants.append(str(form["grant_type"]))
            if not known:
                return web.json_response({"details": "invalid token"}, status=401)
        else:
            self.grants.append("password")
            header = request.headers.get("Authorization", "")
            known = header == "Basic " + base64.b64encode(b"user:secret").decode()
            if header and not known:
                return web.json_response({"details": "incorrect password"}, status=401)
            scopes = request.query.getall("scope", [])
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            allowed = [a for a in actions.split(",") if known or a == "pull"]
            access.append({"type": kind, "name": name, "actions": allowed})
        now = int(time.time())
        token = self._jwt(
            {"iss": "I", "sub": "u", "aud": "S", "exp": now + 300, "nbf": now - 5, "iat": now,
             "jti": secrets.token_hex(4), "access": access}
        )  # fmt: skip
        return web.json_response({"token": token, "expires_in": 300})


@pytest.fixture
async def token_registry(tmp_path: Path) -> AsyncIterator[tuple[Registry, TokenServer]]:
    """Over TLS, with a certificate that only we trust."""
    key, certificate = _certificate(tmp_path)
    server = TokenServer(key, certificate)
    app = web.Application()
    app.router.add_route("*", "/token", server.token)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    extra = (
        f'auth: {{token: {{realm: "http://127.0.0.1:{port}/token", service: S, issuer: I, '
        f"rootcertbundle: {tmp_path}/c.pem}}}}\n"
    )
    tls = f", tls: {{certificate: {tmp_path}/c.pem, key: {tmp_path}/k.pem}}"
    with serve(tmp_path / "registry", extra, tls) as host:
        yield Registry(host, ca_file=str(tmp_path / "c.pem")), server
    await runner.cleanup()


class Person:
    def __init__(self, username: str | None, secret: str) -> None:
        self._answer = None if username is None else Credentials(username=username, secret=secret)

    async def credentials(self, host: str) -> Credentials | None:
        return self._answer


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Callable[..., RegistryClient]]:
    made: list[RegistryClient] = []

    def make(registry: Registry, username: str | None = None, secret: str = "") -> RegistryClient:
        hosts = Hosts({registry.host: HostOptions(ca_file=registry.ca_file)})
        made.append(
            RegistryClient(
                Person(username, secret), hosts=hosts, sources=BlobSources(tmp_path / "sources")
            )
        )
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "content")


def run(*command: str, env: dict[str, str] | None = None) -> str:
    """Run a program that must succeed; its output."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | (env or {}), check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def tool() -> Callable[..., str]:
    return run


@pytest.fixture
def answers() -> Callable[[str], int]:
    """The status of a plain GET."""

    def get(url: str) -> int:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    return get


class Quiet:
    def status(self, id: str, **rest: Any) -> None:
        return

    def warn(self, short: str) -> None:
        raise AssertionError(short)


class Views:
    def __init__(self, snapshots: SnapshotStore) -> None:
        self._snapshots = snapshots

    @asynccontextmanager
    async def view(self, image: PlatformImage) -> AsyncIterator[Path]:
        layers = tuple(layer.id for layer in image.layers if layer.id is not None)
        with self._snapshots.view(layers) as root:
            yield root


class Bench:
    def __init__(self, path: Path, store: ContentStore) -> None:
        self.snapshots = SnapshotStore(path / "snapshots", rootless=False)
        self.database = Database(path / "cache.db")
        self.store = store
        self.images = ImageStore(path / "images")
        self.blobs = LayerBlobs(self.snapshots, store, LayerRecords(self.database))

    def layer(self, files: dict[str, bytes]) -> LayerId:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(data), 0o755
                tar.addfile(member, io.BytesIO(data))
        packed.seek(0)
        return self.snapshots.apply_tar(packed, ())

    def source(self, *platforms: str, multi: bool | None = None) -> ExportSource:
        shared = self.layer({"etc/os-release": b"ID=test\n"})
        images = []
        for text in platforms:
            platform = parse_platform(text)
            own = self.layer({"bin/app": b"#!/bin/sh\n# " + text.encode() * 5000})
            config = {
                "os": platform.os,
                "architecture": platform.architecture,
                "config": {"Cmd": ["/bin/app"], "Labels": {"platform": text}},
            }
            if platform.variant:
                config["variant"] = platform.variant
            layers = tuple(
                ExportLayer(id=layer, created=1_700_000_000_000_000_000, created_by="RUN x")
                for layer in (shared, own)
            )
            images.append(PlatformImage(platform=platform, layers=layers, config=config))
        return ExportSource(
            images=tuple(images), multi_platform=len(images) > 1 if multi is None else multi
        )

    async def export(
        self, client: RegistryClient, kind: str, source: ExportSource, path: Path, **attrs: str
    ) -> dict[str, str]:
        class Outputs:
            def file(self) -> PathFile:
                return PathFile(path)

            def layout(self) -> PathLayout:
                return PathLayout(path)

            def tree(self) -> Any:
                raise AssertionError

        factory = ExporterFactory(
            store=self.store,
            images=self.images,
            blobs=self.blobs,
            client=client,
            views=Views(self.snapshots),
        )
        named = {name.replace("_", "-"): value for name, value in attrs.items()}
        exported = await factory.create(kind, named, Outputs()).export(source, Quiet())
        if exported.finish is not None:
            await exported.finish()
        return exported.response


@pytest.fixture
def bench(tmp_path: Path, store: ContentStore) -> Iterator[Bench]:
    made = Bench(tmp_path, store)
    yield made
    made.blobs.close()
    made.database.close()
