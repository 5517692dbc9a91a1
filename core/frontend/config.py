"""Image configs as JSON values: unknown keys of the base survive (OCI image-spec, config.md)."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from core.errors import OptionError
from core.oci.platform import Platform

Config: TypeAlias = dict[str, Any]

HISTORY_COMMENT: Final = "buildkit.dockerfile.v0"
UNIX_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def parse_config(data: bytes) -> Config:
    """An image config; ``OptionError`` when it is not a JSON object."""
    try:
        config = json.loads(data)
    except ValueError as error:
        raise OptionError(
            f"the image's config is not JSON: {error}", phrase="failed to parse image config"
        ) from error
    if not isinstance(config, dict):
        raise OptionError(
            "the image's config is not a JSON object", phrase="failed to parse image config"
        )
    if not isinstance(config.get("config"), dict):
        config["config"] = {}
    return config


def empty_config(platform: Platform) -> Config:
    """The config that ``FROM scratch`` starts from."""
    config: Config = {"architecture": platform.architecture, "os": platform.os}
    if platform.os_version:
        config["os.version"] = platform.os_version
    if platform.os_features:
        config["os.features"] = list(platform.os_features)
    if platform.variant:
        config["variant"] = platform.variant
    config["rootfs"] = {"type": "layers", "diff_ids": []}
    config["config"] = {"WorkingDir": "/"}
    if platform.os != "windows":
        config["config"]["Env"] = [f"PATH={UNIX_PATH}"]
    return config


def clone_config(config: Config) -> Config:
    """A copy that a stage may change: history entries and values deeper down are shared."""
    cloned = dict(config)
    cloned["config"] = {
        key: copy.copy(value) if isinstance(value, list | dict) else value
        for key, value in config["config"].items()
    }
    cloned["history"] = list(config.get("history") or ())
    return cloned


def config_platform(config: Mapping[str, Any]) -> Platform:
    """The platform that a config claims."""
    return Platform(
        os=str(config.get("os") or ""),
        architecture=str(config.get("architecture") or ""),
        variant=str(config.get("variant") or ""),
        os_version=str(config.get("os.version") or ""),
        os_features=tuple(config.get("os.features") or ()),
    )


def set_platform(config: Config, platform: Platform) -> None:
    """Write ``platform`` into ``config``, dropping what it does not say."""
    values: dict[str, Any] = {
        "os": platform.os,
        "architecture": platform.architecture,
        "variant": platform.variant,
        "os.version": platform.os_version,
        "os.features": list(platform.os_features),
    }
    for key, value in values.items():
        if value or key in ("os", "architecture"):
            config[key] = value
        else:
            config.pop(key, None)


def set_env(config: Config, key: str, value: str) -> None:
    """Assign an environment variable of the image, at its place if it has one."""
    env: list[str] = config["config"].get("Env") or []
    entry = f"{key}={value}"
    for index, known in enumerate(env):
        if known.partition("=")[0] == key:
            env[index] = entry
            break
    else:
        env.append(entry)
    config["config"]["Env"] = env


def add_history(config: Config, text: str, *, layer: bool, created: str | None) -> None:
    """Say in the image's history how this part came about."""
    entry: Config = {"created": created} if created else {}
    entry["created_by"] = text
    entry["comment"] = HISTORY_COMMENT
    if not layer:
        entry["empty_layer"] = True
    config.setdefault("history", []).append(entry)


def env_pairs(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The image's environment in order."""
    pairs = []
    for entry in config["config"].get("Env") or ():
        key, _, value = str(entry).partition("=")
        pairs.append((key, value))
    return pairs
