"""Which server answers for the domain of a reference."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from core.errors import OptionError
from core.oci.reference import Reference

_HUB: Final = "docker.io"
_HUB_HOST: Final = "registry-1.docker.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A scheme and host (with port) that may answer, and how far its certificate is trusted."""

    host: str
    scheme: str
    verify: bool = True
    ca_file: str = ""

    @property
    def base(self) -> str:
        return f"{self.scheme}://{self.host}/v2/"

    def tls(self) -> ssl.SSLContext | bool:
        """What aiohttp wants to know: True for the system's trust, False for none."""
        if not self.verify:
            return False
        if not self.ca_file:
            return True
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise OptionError(
                f"the certificate file {self.ca_file} of {self.host} cannot be read: {error}"
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """Settings of one registry: BuildKit's ``[registry."host"]`` section.

    A mirror is a host, or a host and a path below which it keeps the repositories.
    """

    mirrors: tuple[str, ...] = ()
    insecure: bool = False
    ca_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server for a domain; ``origins`` are tried in turn until one speaks the protocol.

    ``prefix`` is where a mirror keeps the repositories of the domain, such as ``hub/``.
    """

    host: str
    origins: tuple[Origin, ...]
    prefix: str = ""

    def repository(self, reference: Reference) -> str:
        """The path of the reference's repository on this server."""
        return f"{self.prefix}{reference.path}"


@dataclass(frozen=True, slots=True)
class Hosts:
    """The settings of all registries, by domain as references spell it."""

    options: Mapping[str, HostOptions] = field(default_factory=dict)

    def endpoints(
        self, reference: Reference, *, push: bool, insecure: bool
    ) -> tuple[Endpoint, ...]:
        """Servers for ``reference`` in the order to ask: mirrors first, never for a push."""
        own = self.options.get(reference.domain, HostOptions())
        mirrors = () if push else own.mirrors
        return (
            *(self._endpoint(name, insecure=False) for name in mirrors),
            self._endpoint(reference.domain, insecure=insecure),
        )

    def _endpoint(self, name: str, *, insecure: bool) -> Endpoint:
        name, _, path = name.rstrip("/").partition("/")
        options = self.options.get(name, HostOptions())
        host = _HUB_HOST if name == _HUB else name
        insecure = insecure or options.insecure
        safe = Origin(host=host, scheme="https", ca_file=options.ca_file)
        plain = Origin(host=host, scheme="http")
        if options.ca_file:
            origins: tuple[Origin, ...] = (safe,)
        elif is_local(host):
            # Nobody listens in on this machine: what docker and containerd do.
            origins = (plain, Origin(host=host, scheme="https", verify=False))
        elif insecure:
            origins = (Origin(host=host, scheme="https", verify=False), plain)
        else:
            origins = (safe,)
        return Endpoint(host=host, origins=origins, prefix=f"{path}/" if path else "")


def is_local(host: str) -> bool:
    """Whether ``host`` (with or without port) is this machine by its very name."""
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    name = name.strip("[]")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
