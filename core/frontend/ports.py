"""Ports of EXPOSE: ``80``, ``80/udp``, ``8000-8010``, and what ``docker run -p`` would accept."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from core.errors import DockerfileError
from core.oci.quoting import go_quote

_NUMBER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class PortSpec:
    """One argument of EXPOSE. ``mapped`` says that it names an address or port of the host."""

    text: str
    protocol: str
    mapped: bool
    host: str
    host_port: str
    container_port: str

    def ports(self) -> list[str]:
        """``port/protocol`` for every port of the range; ``DockerfileError`` where it is none."""
        self._check_host()
        try:
            first, last = _range(self.container_port)
        except ValueError:
            raise _invalid(self.text, f"invalid containerPort: {self.container_port}") from None
        if self.host_port:
            try:
                low, high = _range(self.host_port)
            except ValueError:
                raise _invalid(self.text, f"invalid hostPort: {self.host_port}") from None
            if last - first not in (0, high - low):
                raise _invalid(
                    self.text,
                    "invalid ranges specified for container and host Ports: "
                    f"{self.container_port} and {self.host_port}",
                )
        return [f"{port}/{self.protocol.lower()}" for port in range(first, last + 1)]

    def _check_host(self) -> None:
        host = self.host
        if host.startswith("["):
            if not host.endswith("]") or "]" in host[:-1] or "[" in host[1:]:
                raise _invalid(self.text, f"invalid IP address {host}")
            host = host[1:-1]
        if not host:
            return
        try:
            ipaddress.ip_address(host.partition("%")[0] if "%" not in host else "")
        except ValueError:
            raise _invalid(self.text, f"invalid IP address: {host}") from None


def parse_ports(texts: Iterable[str]) -> list[PortSpec]:
    """The specifications; ``DockerfileError`` for one without a port or of another protocol."""
    return [_spec(text) for text in texts]


def _spec(text: str) -> PortSpec:
    *before, last = text.split(":")
    port, _, protocol = last.partition("/")
    if not port:
        raise _invalid(text, f"invalid port: {go_quote(text)}: no port specified")
    if protocol.lower() not in ("", "tcp", "udp", "sctp"):
        raise _invalid(text, f"invalid port: {go_quote(text)}: invalid proto: {protocol}")
    host_port = before.pop() if before else ""
    host = ":".join(before)
    return PortSpec(
        text=text,
        protocol=protocol or "tcp",
        mapped=bool(host or host_port),
        host=host,
        host_port=host_port,
        container_port=port,
    )


def _range(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    low = _number(first)
    if not dash or first == last:
        return low, low
    high = _number(last)
    if high < low:
        raise ValueError(text)
    return low, high


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or not 0 <= int(text) <= _LAST_PORT:
        raise ValueError(text)
    return int(text)


def _invalid(text: str, phrase: str) -> DockerfileError:
    return DockerfileError(
        f"EXPOSE {text} names no port that a container could listen on",
        hint="Write a port, a range or either with a protocol: 80, 8000-8010, 53/udp.",
        phrase=phrase,
    )
