"""From the options of ``viaduct build`` to a request and what the session lends to it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from core.cli.build_context import local_context, read_standard_input
from core.cli.build_options import size_in_bytes
from core.cli.csv_fields import parse_fields
from core.client.endpoints import Endpoint, EndpointKind
from core.client.request import BuildRequest, CacheEntry, ExportRequest
from core.client.secret_sources import parse_secret
from core.client.session import SessionServices
from core.client.ssh_agents import parse_ssh
from core.errors import OptionError
from core.oci.platform import parse_platforms
from core.oci.reference import parse_reference

_FILE_EXPORTS = ("local", "tar", "oci", "docker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """``platforms`` are the requested ones, for the lanes."""

    request: BuildRequest
    services: SessionServices
    platforms: tuple[str, ...]
    dockerfile: Path | None


def prepare(options: argparse.Namespace, endpoint: Endpoint, stack: ExitStack) -> Prepared:
    """The request; temporary directories live as long as ``stack``. Raises OptionError."""
    platforms = (
        tuple(str(p) for p in parse_platforms(",".join(options.platform)))
        if (options.platform)
        else ()
    )
    attrs: dict[str, str] = {}
    directories: dict[str, str] = {}
    dockerfile = _context(options, attrs, directories, stack)
    if platforms:
        attrs["platform"] = ",".join(platforms)
    if options.target:
        attrs["target"] = options.target
    if options.no_cache:
        attrs["no-cache"] = ""
    elif options.no_cache_filter:
        attrs["no-cache"] = ",".join(options.no_cache_filter)
    if options.pull:
        attrs["image-resolve-mode"] = "pull"
    _build_args(options.build_arg, attrs)
    for label in options.label:
        name, _, value = label.partition("=")
        attrs[f"label:{name}"] = value
    _run_options(options, attrs)
    _named_contexts(options.build_context, attrs, directories)
    _refuse_attestations(options)
    if options.call != "build":
        attrs["requestid"] = f"frontend.{options.call}"
    return Prepared(
        request=BuildRequest(
            attrs=attrs,
            local_dirs=directories,
            exports=_exports(options, endpoint) if options.call == "build" else (),
            cache_imports=_caches("--cache-from", options.cache_from),
            cache_exports=_caches("--cache-to", options.cache_to),
            entitlements=tuple(options.allow),
            title=options.title or _title(options),
            detach=options.detach,
        ),
        services=SessionServices(
            secrets=tuple(parse_secret(text) for text in options.secret),
            ssh=dict(parse_ssh(text) for text in options.ssh),
        ),
        platforms=platforms,
        dockerfile=dockerfile,
    )


def _context(
    options: argparse.Namespace,
    attrs: dict[str, str],
    directories: dict[str, str],
    stack: ExitStack,
) -> Path | None:
    """Fill in where context and Dockerfile are; the Dockerfile's path where it is a file here."""
    place = options.context
    if place == "-":
        found = read_standard_input(stack)
        directories |= {"context": str(found.context), "dockerfile": str(found.dockerfile)}
        attrs["filename"] = options.file or "Dockerfile"
        return found.dockerfile / attrs["filename"]
    if _is_remote(place):
        attrs["context"] = place
        attrs["filename"] = options.file or "Dockerfile"
        return None
    context = local_context(place)
    directories["context"] = str(context)
    if options.file == "-":
        found = read_standard_input(stack, only_dockerfile=True)
        directories["dockerfile"] = str(found.dockerfile)
        attrs["filename"] = "Dockerfile"
        return found.dockerfile / "Dockerfile"
    path = Path(options.file).absolute() if options.file else context / "Dockerfile"
    directories["dockerfile"] = str(path.parent)
    attrs["filename"] = path.name
    return path


def _is_remote(text: str) -> bool:
    return text.startswith(("http://", "https://", "git://", "git@", "ssh://")) or (
        text.startswith("github.com/") and not Path(text).exists()
    )


def _title(options: argparse.Namespace) -> str:
    if options.tag:
        return str(options.tag[0])
    return options.context if _is_remote(options.context) else Path(options.context).resolve().name


def _build_args(entries: Iterable[str], attrs: dict[str, str]) -> None:
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not name:
            raise OptionError(f"--build-arg {entry}: the name is missing")
        if not equals:
            if name not in os.environ:
                continue
            value = os.environ[name]
        attrs[f"build-arg:{name}"] = value


def _run_options(options: argparse.Namespace, attrs: dict[str, str]) -> None:
    hosts = []
    for entry in options.add_host:
        separator = "=" if "=" in entry else ":"
        host, found, address = entry.partition(separator)
        if not found or not address:
            raise OptionError(f"--add-host {entry} is not of the form HOST:IP")
        hosts.append(f"{host}={address.strip('[]')}")
    if hosts:
        attrs["add-hosts"] = ",".join(hosts)
    if options.network:
        attrs["force-network-mode"] = options.network
    if options.memory:
        size = size_in_bytes(options.memory)
        if size is None:
            raise OptionError(f"--memory {options.memory} is no size")
        attrs["memory"] = str(size)
    if options.shm_size:
        size = size_in_bytes(options.shm_size)
        if size is None:
            raise OptionError(f"--shm-size {options.shm_size} is no size")
        attrs["shm-size"] = str(size)
    if options.ulimit:
        attrs["ulimit"] = ",".join(options.ulimit)
    if options.cgroup_parent:
        attrs["cgroup-parent"] = options.cgroup_parent


def _named_contexts(
    entries: Iterable[str], attrs: dict[str, str], directories: dict[str, str]
) -> None:
    for entry in entries:
        name, equals, source = entry.partition("=")
        if not equals or not name or not source:
            raise OptionError(f"--build-context {entry} is not of the form NAME=SOURCE")
        if source.startswith("oci-layout://"):
            from core.cli.build_context import layout_reference

            directory, digest = layout_reference(source)
            directories[name] = str(directory)
            attrs[f"context:{name}"] = f"oci-layout://{name}@{digest}"
        elif "://" in source or source.startswith(("git@", "target:", "input:")):
            attrs[f"context:{name}"] = source
        else:
            directories[name] = str(local_context(source))
            attrs[f"context:{name}"] = f"local:{name}"


def _exports(options: argparse.Namespace, endpoint: Endpoint) -> tuple[ExportRequest, ...]:
    names = ",".join(str(parse_reference(tag).tagged()) for tag in options.tag)
    annotations = _annotations(options.annotation)
    exports = [_output(text, names, annotations) for text in options.output]
    if options.push:
        if not names:
            raise OptionError(
                "--push needs a name to push to",
                hint="Add -t REGISTRY/NAME:TAG.",
                phrase="tag is needed when pushing to registry",
            )
        images = [e for e in exports if e.type == "image"]
        if not images:
            attrs = {"name": names, "push": "true"} | annotations
            exports.append(ExportRequest(type="image", attrs=attrs))
    if options.load or (not exports and names):
        exports.append(_into_store(endpoint, names, annotations, load=options.load))
    return tuple(exports)


def _into_store(
    endpoint: Endpoint, names: str, annotations: dict[str, str], *, load: bool
) -> ExportRequest:
    if endpoint.speaks_docker:
        return ExportRequest(type="moby", attrs={"name": names} if names else {})
    if endpoint.kind is not EndpointKind.EMBEDDED and load:
        raise OptionError(
            f"--load works with the embedded builder and Docker, not with {endpoint}",
            hint="Use --output type=docker,dest=FILE and load that file.",
        )
    return ExportRequest(type="image", attrs=({"name": names} if names else {}) | annotations)


def _output(text: str, names: str, annotations: dict[str, str]) -> ExportRequest:
    if text == "-":
        return ExportRequest(type="tar", destination="-")
    if "=" not in text:
        return ExportRequest(type="local", destination=str(Path(text).absolute()))
    fields = parse_fields("--output", text)
    kind = fields.pop("type", "")
    if not kind:
        raise OptionError(f"--output {text}: the type is missing", phrase="type is required")
    destination = fields.pop("dest", "")
    if kind == "registry":
        kind, fields["push"] = "image", "true"
    if kind in {"image", "oci", "docker"}:
        if names and "name" not in fields:
            fields["name"] = names
        fields = annotations | fields
    if kind in _FILE_EXPORTS:
        if not destination:
            if kind == "local":
                raise OptionError(f"--output {text}: dest=DIR is missing")
            destination = "-"
        if destination == "-" and os.isatty(1):
            raise OptionError(
                f"--output {text} would write an archive to the terminal",
                hint="Add dest=FILE.",
            )
        if destination != "-":
            destination = str(Path(destination).absolute())
    return ExportRequest(type=kind, attrs=fields, destination=destination)


def _annotations(entries: Iterable[str]) -> dict[str, str]:
    found = {}
    for entry in entries:
        key, equals, value = entry.partition("=")
        if not equals:
            raise OptionError(f"--annotation {entry} is not of the form NAME=VALUE")
        scope, colon, name = key.partition(":")
        if colon and scope.partition("[")[0] in {
            "manifest",
            "index",
            "manifest-descriptor",
            "index-descriptor",
        }:
            found[f"annotation-{scope}.{name}"] = value
        else:
            found[f"annotation.{key}"] = value
    return found


def _caches(option: str, entries: Iterable[str]) -> tuple[CacheEntry, ...]:
    found = []
    for text in entries:
        if "=" not in text:
            reference = str(parse_reference(text).tagged())
            found.append(CacheEntry(type="registry", attrs={"ref": reference}))
            continue
        fields = parse_fields(option, text)
        kind = fields.pop("type", "")
        if not kind:
            raise OptionError(f"{option} {text}: the type is missing")
        found.append(CacheEntry(type=kind, attrs=fields))
    return tuple(found)


def _refuse_attestations(options: argparse.Namespace) -> None:
    wanted = [*options.attest]
    wanted += [value for value in (options.provenance, options.sbom) if value not in {"", "false"}]
    if wanted:
        raise OptionError(
            "this version makes no attestations (provenance, SBOM)",
            hint="Leave --attest, --provenance and --sbom out.",
        )
