"""The options of a Dockerfile build: the string attributes that BuildKit's clients send, parsed.

Names and values are those of the ``dockerfile.v0`` frontend (``frontend/dockerui/config.go``);
unknown attributes are kept in ``attrs`` and otherwise ignored, as there.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from core.dockerfile.scalars import csv_fields, parse_bool
from core.errors import DockerfileError, OptionError
from core.frontend.capabilities import parse_attestations, require_capabilities
from core.frontend.limits import parse_resources, parse_ulimit
from core.lint.buildkit.config import LintConfig, parse_check
from core.llb.metadata import LinuxResources
from core.llb.ops import HostIP, NetMode, Ulimit
from core.oci.platform import Platform, host_platform, parse_platform
from core.oci.reference import parse_reference

BUILD_ARG: Final = "build-arg:"
LABEL: Final = "label:"
CONTEXT: Final = "context:"
LOCAL_SESSION: Final = "local-sessionid:"
_RESOLVE_MODES: Final = ("default", "pull", "local")
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheImport:
    """A cache to import: ``type`` such as "registry" and its attributes."""

    type: str
    attrs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontendOptions:
    """What was asked of the frontend.

    ``platforms`` is empty when none was requested: then the builder's own platform is built, or
    the one that the base image has. ``no_cache`` is None (use the cache), empty (no stage may) or
    the stages that may not. ``shm_size`` is in bytes. ``attrs`` are all attributes as sent.
    """

    platforms: tuple[Platform, ...] = ()
    build_platforms: tuple[Platform, ...] = ()
    multi_platform: bool = False
    target: str = ""
    filename: str = "Dockerfile"
    context_subdir: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    named_contexts: Mapping[str, str] = field(default_factory=dict)
    local_sessions: Mapping[str, str] = field(default_factory=dict)
    no_cache: tuple[str, ...] | None = None
    resolve_mode: str = "default"
    extra_hosts: tuple[HostIP, ...] = ()
    hostname: str = ""
    network: NetMode = NetMode.UNSET
    shm_size: int = 0
    ulimits: tuple[Ulimit, ...] = ()
    resources: LinuxResources | None = None
    cgroup_parent: str = ""
    cache_namespace: str = ""
    cache_imports: tuple[CacheImport, ...] = ()
    attestations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    check: LintConfig | None = None
    request_id: str = ""
    attrs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_attrs(
        cls, attrs: Mapping[str, str], *, build_platforms: Sequence[Platform] = ()
    ) -> FrontendOptions:
        """The options that ``attrs`` spell, for a builder of ``build_platforms`` (native first).

        Raises ``OptionError`` for a value that means nothing.
        """
        _refuse_removed(attrs)
        require_capabilities(attrs.get("frontend.caps", ""))
        platforms = _platforms(attrs.get("platform", ""))
        return cls(
            platforms=tuple(dict.fromkeys(platforms)),
            build_platforms=tuple(build_platforms) or (host_platform(),),
            multi_platform=_multi_platform(attrs, len(platforms)),
            target=attrs.get("target", ""),
            filename=attrs.get("filename", "Dockerfile"),
            context_subdir=attrs.get("contextsubdir", ""),
            build_args=_with_prefix(attrs, BUILD_ARG),
            labels=_with_prefix(attrs, LABEL),
            named_contexts=_with_prefix(attrs, CONTEXT),
            local_sessions=_with_prefix(attrs, LOCAL_SESSION),
            no_cache=_no_cache(attrs),
            resolve_mode=_resolve_mode(attrs.get("image-resolve-mode", "")),
            extra_hosts=_extra_hosts(attrs.get("add-hosts", "")),
            hostname=attrs.get(f"{BUILD_ARG}BUILDKIT_SANDBOX_HOSTNAME")
            or attrs.get("hostname", ""),
            network=_network(attrs.get("force-network-mode", "")),
            shm_size=_shm_size(attrs.get("shm-size", "")),
            ulimits=_ulimits(attrs.get("ulimit", "")),
            resources=parse_resources(attrs),
            cgroup_parent=attrs.get("cgroup-parent", ""),
            cache_namespace=attrs.get(f"{BUILD_ARG}BUILDKIT_CACHE_MOUNT_NS", ""),
            cache_imports=_cache_imports(attrs),
            attestations=parse_attestations(attrs),
            check=_check(attrs),
            request_id=attrs.get("requestid", ""),
            attrs=dict(attrs),
        )

    def ignores_cache(self, stage: str) -> bool:
        """Whether steps of ``stage`` must run even where their result is known."""
        if self.no_cache is None:
            return False
        return not self.no_cache or any(n.lower() == stage.lower() for n in self.no_cache)

    def targets(self) -> tuple[Platform | None, ...]:
        """The platforms to build one after the other; None stands for "whatever fits"."""
        return self.platforms or (None,)


def _refuse_removed(attrs: Mapping[str, str]) -> None:
    if attrs.get("override-copy-image"):
        raise OptionError(
            "the option override-copy-image no longer exists",
            phrase='support for "override-copy-image" was removed in BuildKit 0.11',
        )
    if parse_bool(attrs.get(f"{BUILD_ARG}BUILDKIT_DISABLE_FILEOP", "")):
        raise OptionError(
            "the build argument BUILDKIT_DISABLE_FILEOP no longer exists",
            phrase='support for "BUILDKIT_DISABLE_FILEOP" build-arg was removed in BuildKit 0.11',
        )


def _with_prefix(attrs: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {k.removeprefix(prefix): v for k, v in attrs.items() if k.startswith(prefix)}


def _platforms(text: str) -> list[Platform]:
    platforms: list[Platform] = []
    for part in text.split(",") if text else ():
        try:
            platforms.append(parse_platform(part))
        except OptionError as error:
            raise OptionError(
                error.message,
                hint=error.hint,
                phrase=f"failed to parse target platform {part}: {error.phrase}",
            ) from error
    return platforms


def _multi_platform(attrs: Mapping[str, str], count: int) -> bool:
    text = attrs.get(f"{BUILD_ARG}BUILDKIT_MULTI_PLATFORM") or attrs.get("multi-platform", "")
    if not text:
        return count > 1
    value = parse_bool(text)
    if value is None:
        raise OptionError(
            f"multi-platform is {text!r}, which is neither true nor false",
            phrase=f"invalid boolean value for multi-platform: {text}",
        )
    if not value and count > 1:
        raise OptionError(
            f"multi-platform=false, but {count} platforms are asked for",
            hint="Ask for one platform or drop multi-platform=false.",
            phrase="conflicting config: returning multiple target platforms is not allowed",
        )
    return value


def _no_cache(attrs: Mapping[str, str]) -> tuple[str, ...] | None:
    text = attrs.get("no-cache")
    if text is None:
        return None
    return tuple(text.split(",")) if text else ()


def _resolve_mode(text: str) -> str:
    if not text:
        return "default"
    if text not in _RESOLVE_MODES:
        raise OptionError(
            f"image-resolve-mode is {text!r}; it can be {', '.join(_RESOLVE_MODES)}",
            phrase=f"invalid image-resolve-mode: {text}",
        )
    return text


def _extra_hosts(text: str) -> tuple[HostIP, ...]:
    hosts: list[HostIP] = []
    for entry in _fields(text, "failed to parse additional hosts"):
        host, equals, address = entry.lower().partition("=")
        if not equals:
            raise OptionError(
                f"add-hosts: {entry!r} is not of the form name=address",
                phrase=f"failed to parse additional hosts: invalid key-value pair {entry}",
            )
        try:
            ip = ipaddress.ip_address(address)
        except ValueError as error:
            raise OptionError(
                f"add-hosts: {address!r} is not an IP address",
                phrase=f"failed to parse additional hosts: failed to parse IP {address}",
            ) from error
        hosts.append(HostIP(host=host, ip=_go_ip(ip)))
    return tuple(hosts)


def _fields(text: str, phrase: str) -> list[str]:
    try:
        return csv_fields(text) if text else []
    except DockerfileError as error:
        raise OptionError(
            f"the quotes in {text!r} do not pair up",
            hint='Put a whole field in quotes and double those inside: "a ""b"" c".',
            phrase=f"{phrase}: {error.phrase or error.message}",
        ) from error


def _go_ip(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return str(mapped or ip)


def _network(text: str) -> NetMode:
    match text:
        case "" | "sandbox":
            return NetMode.UNSET
        case "none":
            return NetMode.NONE
        case "host":
            return NetMode.HOST
        case _:
            raise OptionError(
                f"force-network-mode is {text!r}; it can be sandbox, none or host",
                phrase=f"invalid netmode {text}",
            )


def _shm_size(text: str) -> int:
    if not text:
        return 0
    if not _INTEGER.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
        raise OptionError(
            f"shm-size is {text!r}, not a number of bytes", phrase="failed to parse shm size"
        )
    return int(text)


def _ulimits(text: str) -> tuple[Ulimit, ...]:
    return tuple(parse_ulimit(entry) for entry in _fields(text, "failed to parse ulimit"))


def _cache_imports(attrs: Mapping[str, str]) -> tuple[CacheImport, ...]:
    imports: list[CacheImport] = []
    text = attrs.get("cache-imports", "")
    if text:
        try:
            for entry in json.loads(text) or ():
                given = entry.get("Attrs") or entry.get("attrs") or {}
                kind = entry.get("Type") or entry.get("type") or ""
                imports.append(CacheImport(type=str(kind), attrs=dict(given)))
        except (ValueError, AttributeError, TypeError) as error:
            raise OptionError(
                "cache-imports is not a JSON list of caches",
                phrase="failed to unmarshal cache-imports",
            ) from error
    old = attrs.get("cache-from", "")
    imports += [
        CacheImport(type="registry", attrs={"ref": ref}) for ref in (old.split(",") if old else ())
    ]
    return tuple(imports)


def _check(attrs: Mapping[str, str]) -> LintConfig | None:
    text = attrs.get(f"{BUILD_ARG}BUILDKIT_DOCKERFILE_CHECK")
    if text is None:
        return None
    try:
        return parse_check(text)
    except OptionError as error:
        raise OptionError(
            f"the build argument BUILDKIT_DOCKERFILE_CHECK cannot be used: {error.message}",
            phrase=f"failed to parse {BUILD_ARG}BUILDKIT_DOCKERFILE_CHECK: {error.phrase}",
        ) from error


def context_key(name: str) -> str:
    """The name under which a named context for ``name`` (a stage, an image) is looked up."""
    try:
        familiar = parse_reference(name).familiar()
    except OptionError as error:
        raise OptionError(
            f"{name!r} cannot be the name of a context: {error.message}",
            phrase=f"invalid context name {name}: {error.phrase}",
        ) from error
    return familiar.removesuffix(":latest")
