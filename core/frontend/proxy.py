"""Proxy variables among the build arguments."""

from __future__ import annotations

from collections.abc import Mapping

from core.llb.ops import ProxyEnv


def proxy_env(build_args: Mapping[str, str]) -> ProxyEnv | None:
    """The proxy variables among the build arguments, in either case; None when there is none."""
    found: dict[str, str] = {}
    for key in sorted(build_args):
        if key.lower() in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"):
            found[key.lower()] = build_args[key]
    return ProxyEnv(**found) if found else None
