"""What the next instruction of a stage starts from: file system, environment, directory, user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.frontend.draft import Output
from core.llb.ops import NetMode
from core.oci.platform import Platform


@dataclass(slots=True, kw_only=True)
class State:
    """``output`` None is an empty file system. ``env`` keeps the order of the last assignments."""

    output: Output | None = None
    env: dict[str, str] = field(default_factory=dict)
    directory: str = "/"
    user: str = ""
    hostname: str = ""
    network: NetMode = NetMode.UNSET
    platform: Platform | None = None

    def copy(self) -> State:
        return State(
            output=self.output,
            env=dict(self.env),
            directory=self.directory,
            user=self.user,
            hostname=self.hostname,
            network=self.network,
            platform=self.platform,
        )

    def set_env(self, key: str, value: str) -> None:
        """Assign ``key``; it moves behind all others, as in the builder's lists."""
        self.env.pop(key, None)
        self.env[key] = value

    def env_list(self) -> tuple[str, ...]:
        return env_list(self.env)


def env_list(env: Mapping[str, str]) -> tuple[str, ...]:
    """``NAME=value`` in order."""
    return tuple(f"{key}={value}" for key, value in env.items())
