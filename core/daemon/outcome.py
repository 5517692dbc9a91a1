"""What a frontend gives the exporters: an edge and a config for each platform."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import OptionError
from core.frontend.conversion import Conversion
from core.llb.vertex import Edge
from core.oci.platform import Platform

CONFIG = "containerimage.config"
BASE_CONFIG = "containerimage.base.config"
PLATFORMS = "refs.platforms"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformOutcome:
    """``edge`` None is an empty file system; ``config`` an image config without layers."""

    key: str
    platform: Platform
    edge: Edge | None
    config: Mapping[str, Any]
    base_config: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``metadata`` goes to exporters (annotations); ``epoch`` is in seconds."""

    platforms: tuple[PlatformOutcome, ...]
    multi_platform: bool = False
    epoch: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_conversion(cls, conversion: Conversion) -> Outcome:
        return cls(
            platforms=tuple(
                PlatformOutcome(
                    key=result.key,
                    platform=result.platform,
                    edge=result.edge,
                    config=result.config,
                    base_config=None
                    if result.base_config is None
                    else json.dumps(result.base_config).encode(),
                )
                for result in conversion.results
            ),
            multi_platform=conversion.multi_platform,
            epoch=next((r.epoch for r in conversion.results if r.epoch is not None), None),
        )

    def result_metadata(self) -> dict[str, bytes]:
        """The metadata of a gateway result, in BuildKit's keys."""
        metadata = {key: value.encode() for key, value in self.metadata.items()}
        if not self.platforms:
            return metadata
        for outcome in self.platforms:
            suffix = f"/{outcome.key}" if self.multi_platform else ""
            metadata[CONFIG + suffix] = json.dumps(outcome.config).encode()
            if outcome.base_config is not None:
                metadata[BASE_CONFIG + suffix] = outcome.base_config
        metadata[PLATFORMS] = json.dumps(
            {
                "Platforms": [
                    {"ID": outcome.key, "Platform": platform_to_json(outcome.platform)}
                    for outcome in self.platforms
                ]
            }
        ).encode()
        return metadata


def platform_to_json(platform: Platform) -> dict[str, str]:
    document = {"architecture": platform.architecture, "os": platform.os}
    if platform.variant:
        document["variant"] = platform.variant
    if platform.os_version:
        document["os.version"] = platform.os_version
    return document


def outcome_of_result(
    edges: Mapping[str, Edge | None],
    metadata: Mapping[str, bytes],
    *,
    multi_platform: bool,
    default: Platform,
) -> Outcome:
    """An outcome from a gateway client's result; ``edges`` by key, "" for a single one.

    Raises OptionError for metadata that does not fit.
    """
    platforms = {}
    if text := metadata.get(PLATFORMS):
        try:
            for entry in json.loads(text)["Platforms"]:
                p = entry["Platform"]
                platforms[entry["ID"]] = Platform(
                    os=p["os"],
                    architecture=p["architecture"],
                    variant=p.get("variant", ""),
                    os_version=p.get("os.version", ""),
                )
        except (ValueError, KeyError, TypeError) as error:
            raise OptionError("the result's list of platforms cannot be read") from error
    found = []
    if not multi_platform:
        edge = next(iter(edges.values()), None)
        platform = next(iter(platforms.values()), default)
        key = next(iter(platforms), platform.format_all())
        found.append(_single(key, platform, edge, metadata, suffixes=("", f"/{key}")))
    else:
        for key, platform in platforms.items():
            if key not in edges:
                raise OptionError(f"the result has nothing for the platform {key}")
            found.append(_single(key, platform, edges[key], metadata, suffixes=(f"/{key}", "")))
    annotations = {
        key: value.decode(errors="replace")
        for key, value in metadata.items()
        if key.startswith("annotation")
    }
    return Outcome(platforms=tuple(found), multi_platform=multi_platform, metadata=annotations)


def _single(
    key: str,
    platform: Platform,
    edge: Edge | None,
    metadata: Mapping[str, bytes],
    *,
    suffixes: tuple[str, ...],
) -> PlatformOutcome:
    def first(name: str) -> bytes | None:
        return next((metadata[name + s] for s in suffixes if name + s in metadata), None)

    config = first(CONFIG)
    document = json.loads(config) if config else platform_to_json(platform)
    return PlatformOutcome(
        key=key,
        platform=platform,
        edge=edge,
        config=document,
        base_config=first(BASE_CONFIG),
    )
