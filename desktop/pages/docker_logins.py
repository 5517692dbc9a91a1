"""Which registries the docker command is signed in to."""

from __future__ import annotations

import json

from core.client.endpoints import docker_config_dir


def docker_hosts() -> tuple[str, ...]:
    """Hosts of ``auths`` and ``credHelpers`` in Docker's config.json; () when there is none."""
    try:
        config = json.loads((docker_config_dir() / "config.json").read_bytes())
    except (OSError, ValueError):
        return ()
    if not isinstance(config, dict):
        return ()
    names = [*(config.get("auths") or {}), *(config.get("credHelpers") or {})]
    return tuple(dict.fromkeys(_host(str(name)) for name in names))


def _host(key: str) -> str:
    """``https://index.docker.io/v1/`` is Docker Hub; others lose their scheme and path."""
    host = key.removeprefix("https://").removeprefix("http://").split("/")[0]
    return "docker.io" if host in ("index.docker.io", "registry-1.docker.io") else host
