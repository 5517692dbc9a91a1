"""From the window's request to the client's: BuildKit's option names."""

from __future__ import annotations

import os

from core.client.request import BuildRequest as ClientRequest
from core.client.request import CacheEntry, ExportRequest
from core.errors import OptionError
from desktop.building.request import BuildRequest, OutputKind


def client_request(request: BuildRequest, *, insecure_hosts: tuple[str, ...] = ()) -> ClientRequest:
    """Raises OptionError when an output lacks its path."""
    return ClientRequest(
        attrs=frontend_attrs(request),
        local_dirs={
            "context": os.fspath(request.context),
            "dockerfile": os.fspath(request.dockerfile.parent),
        },
        exports=exports(request, insecure_hosts=insecure_hosts),
        cache_imports=tuple(cache_entry(text) for text in request.cache_from),
        cache_exports=tuple(cache_entry(text) for text in request.cache_to),
        title=request.title,
        detach=True,
    )


def frontend_attrs(request: BuildRequest) -> dict[str, str]:
    """Options of the ``dockerfile.v0`` frontend."""
    attrs = {
        "filename": request.dockerfile.name,
        "platform": ",".join(request.platforms),
    }
    if request.target:
        attrs["target"] = request.target
    if request.no_cache:
        attrs["no-cache"] = ""
    elif request.no_cache_stages:
        attrs["no-cache"] = ",".join(request.no_cache_stages)
    if request.pull:
        attrs["image-resolve-mode"] = "pull"
    if request.network and request.network != "default":
        attrs["force-network-mode"] = request.network
    attrs |= {f"build-arg:{key}": value for key, value in request.build_args.items()}
    attrs |= {f"label:{key}": value for key, value in request.labels.items()}
    return attrs


def exports(request: BuildRequest, *, insecure_hosts: tuple[str, ...]) -> tuple[ExportRequest, ...]:
    """The registry when it is pushed, and what the output choice says."""
    names = ",".join(request.tags)
    found: list[ExportRequest] = []
    if request.push or request.output is OutputKind.STORE:
        attrs: dict[str, str] = {}
        if names:
            attrs["name"] = names
        if request.push:
            attrs["push"] = "true"
            if any(tag.split("/")[0] in insecure_hosts for tag in request.tags):
                attrs["registry.insecure"] = "true"
        if attrs:
            found.append(ExportRequest(type="image", attrs=attrs))
    match request.output:
        case OutputKind.OCI | OutputKind.DOCKER | OutputKind.FOLDER | OutputKind.TAR:
            if not request.output_path:
                raise OptionError(
                    f"The output {request.output.value} needs a path.",
                    hint="Choose one in the build options.",
                )
            with_name = request.output in (OutputKind.OCI, OutputKind.DOCKER) and names
            found.append(
                ExportRequest(
                    type=request.output.value,
                    attrs={"name": names} if with_name else {},
                    destination=request.output_path,
                )
            )
        case OutputKind.STORE | OutputKind.NOTHING:
            pass
    return tuple(found)


def cache_entry(text: str) -> CacheEntry:
    """``type=registry,ref=...`` or a bare reference, as docker's --cache-from takes it."""
    if "=" not in text:
        return CacheEntry(type="registry", attrs={"ref": text})
    pairs = dict(part.partition("=")[::2] for part in text.split(","))
    kind = pairs.pop("type", "registry")
    return CacheEntry(type=kind, attrs=pairs)
