"""/etc/hosts and /etc/resolv.conf as containers see them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from core.executor.request import DEFAULT_HOSTNAME


def hosts_file(hostname: str, extra: Iterable[tuple[str, str]]) -> str:
    """The text of /etc/hosts; ``extra`` are (host, address)."""
    lines = [
        f"127.0.0.1\tlocalhost {hostname or DEFAULT_HOSTNAME}",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        *(f"{address}\t{host}" for host, address in extra),
    ]
    return "\n".join(lines) + "\n"


def resolv_conf() -> str:
    """The machine's own: containers share its network, local resolvers included."""
    try:
        return Path("/etc/resolv.conf").read_text(errors="replace")
    except OSError:
        return ""
