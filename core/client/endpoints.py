"""Where builders are."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import unquote, urlsplit

from core.errors import OptionError


class EndpointKind(Enum):
    EMBEDDED = "embedded"
    """This program's own builder on this machine."""
    UNIX = "unix"
    """A buildkitd, or an embedded builder of somebody's, on a Unix socket."""
    DOCKER = "docker"
    """The BuildKit inside a Docker daemon."""
    TCP = "tcp"
    SSH = "ssh"
    """A command on another machine whose standard streams are a builder's socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files for mutual TLS; empty ones are left out."""

    ca: str = ""
    certificate: str = ""
    key: str = ""
    server_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One builder. ``name`` is what a person calls it."""

    kind: EndpointKind
    name: str = ""
    path: str = ""
    """Of the Unix socket (UNIX, DOCKER); for SSH the remote socket, where it is not the usual."""
    host: str = ""
    port: int = 0
    tls: TlsFiles | None = None
    command: tuple[str, ...] = ()
    """SSH: what is run over there, for instance ``docker system dial-stdio``."""
    speaks_docker: bool = False
    """Whether Docker's API answers there, and BuildKit must be asked for by an upgrade."""

    @classmethod
    def embedded(cls) -> Endpoint:
        return cls(kind=EndpointKind.EMBEDDED, name="embedded")

    @classmethod
    def unix(cls, path: str, *, name: str = "") -> Endpoint:
        return cls(kind=EndpointKind.UNIX, path=path, name=name or path)

    @classmethod
    def docker(cls, path: str = "/var/run/docker.sock", *, name: str = "docker") -> Endpoint:
        return cls(kind=EndpointKind.DOCKER, path=path, name=name, speaks_docker=True)

    @classmethod
    def tcp(cls, host: str, port: int, *, tls: TlsFiles | None = None, name: str = "") -> Endpoint:
        return cls(
            kind=EndpointKind.TCP, host=host, port=port, tls=tls, name=name or f"{host}:{port}"
        )

    @classmethod
    def ssh(cls, host: str, *, command: tuple[str, ...] = (), name: str = "") -> Endpoint:
        """``host`` as ssh understands it: an alias, user@machine, ssh://user@machine:port."""
        remote = command or ("viaduct", "daemon", "dial-stdio")
        return cls(
            kind=EndpointKind.SSH,
            host=host,
            command=remote,
            speaks_docker=remote[:1] == ("docker",),
            name=name or host,
        )

    @property
    def shares_files(self) -> bool:
        """Whether the builder sees this machine's directories under the same paths."""
        return self.kind is EndpointKind.EMBEDDED

    def __str__(self) -> str:
        match self.kind:
            case EndpointKind.EMBEDDED:
                return "embedded"
            case EndpointKind.UNIX:
                return f"unix://{self.path}"
            case EndpointKind.DOCKER:
                return f"docker://{self.path}"
            case EndpointKind.TCP:
                return f"tcp://{self.host}:{self.port}"
            case EndpointKind.SSH:
                return f"ssh://{self.host.removeprefix('ssh://')}"


def parse_endpoint(text: str) -> Endpoint:
    """Read ``embedded``, ``docker``, ``docker://PATH``, ``docker-context:NAME``, ``unix://PATH``,
    ``tcp://HOST:PORT?ca=..&cert=..&key=..&servername=..``, ``ssh://HOST[?command=...]``.

    Raises OptionError.
    """
    if text in {"", "embedded", "viaduct"}:
        return Endpoint.embedded()
    if text == "docker":
        return _docker_from_environment()
    if text.startswith("docker-context:"):
        return docker_context(text.removeprefix("docker-context:"))
    parts = urlsplit(text)
    options = dict(pair.partition("=")[::2] for pair in parts.query.split("&") if pair)
    options = {key: unquote(value) for key, value in options.items()}
    match parts.scheme:
        case "unix" if parts.path:
            return Endpoint.unix(parts.path)
        case "docker" if parts.path:
            return Endpoint.docker(parts.path)
        case "tcp" | "tls" if parts.hostname:
            tls = None
            if options or parts.scheme == "tls":
                tls = TlsFiles(
                    ca=options.get("ca", ""),
                    certificate=options.get("cert", ""),
                    key=options.get("key", ""),
                    server_name=options.get("servername", ""),
                )
            return Endpoint.tcp(parts.hostname, parts.port or 1234, tls=tls)
        case "ssh" if parts.netloc:
            host = f"ssh://{parts.netloc}" if parts.port else parts.netloc
            return Endpoint.ssh(host, command=tuple(shlex.split(options.get("command", ""))))
        case _:
            raise OptionError(
                f'"{text}" names no builder',
                hint="Use embedded, docker, docker-context:NAME, unix:///PATH, docker:///PATH, "
                "tcp://HOST:PORT or ssh://HOST.",
            )


def docker_config_dir() -> Path:
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def docker_contexts() -> Iterator[Endpoint]:
    """The contexts of the ``docker`` command: ``default`` first, broken ones left out."""
    try:
        yield _docker_from_environment()
    except OptionError:
        pass
    for meta in sorted((docker_config_dir() / "contexts" / "meta").glob("*/meta.json")):
        try:
            yield _read_context(meta)
        except (OSError, ValueError, KeyError, OptionError):
            continue


def docker_context(name: str) -> Endpoint:
    """The context of that name. Raises OptionError."""
    for endpoint in docker_contexts():
        if endpoint.name == name:
            return endpoint
    raise OptionError(
        f'there is no Docker context called "{name}"', hint="`docker context ls` lists them."
    )


def _docker_from_environment() -> Endpoint:
    return _from_docker_host(
        os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock", "default"
    )


def _read_context(meta: Path) -> Endpoint:
    document = json.loads(meta.read_text())
    host = document["Endpoints"]["docker"]["Host"]
    tls_dir = meta.parent.parent.parent / "tls" / meta.parent.name / "docker"
    return _from_docker_host(host, document["Name"], tls_dir)


def _from_docker_host(host: str, name: str, tls_dir: Path | None = None) -> Endpoint:
    parts = urlsplit(host)
    match parts.scheme:
        case "unix":
            return Endpoint.docker(parts.path, name=name)
        case "tcp" if parts.hostname:
            tls = None
            if tls_dir is not None and (tls_dir / "cert.pem").exists():
                tls = TlsFiles(
                    ca=str(tls_dir / "ca.pem"),
                    certificate=str(tls_dir / "cert.pem"),
                    key=str(tls_dir / "key.pem"),
                )
            return Endpoint(
                kind=EndpointKind.TCP,
                host=parts.hostname,
                port=parts.port or (2376 if tls else 2375),
                tls=tls,
                speaks_docker=True,
                name=name,
            )
        case "ssh" if parts.netloc:
            return Endpoint.ssh(
                f"ssh://{parts.netloc}", command=("docker", "system", "dial-stdio"), name=name
            )
        case _:
            raise OptionError(f'the Docker context "{name}" is at {host}, which is not understood')
