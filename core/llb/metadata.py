"""What is said about a vertex without being part of it.

Nothing here enters a vertex' digest or a cache key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.errors import LineRange
from core.oci.platform import Platform
from core.progress.messages import Mode, ProgressGroup

__all__ = ["CUSTOM_NAME", "LinuxResources", "Metadata", "Mode", "ProgressGroup"]

CUSTOM_NAME = "llb.customname"
"""The key of a description under which a vertex' name for people stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinuxResources:
    """Limits of a step: bytes, relative weights, microseconds, CPU lists. 0 and "" set none."""

    memory: int = 0
    memory_swap: int = 0
    cpu_shares: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Beside BuildKit's own fields: where a step stands in the Dockerfile and what it is.

    ``platforms`` are the target platforms that need the vertex, ``kind`` a word such as "from",
    "run", "copy", "context", ``instruction`` the source text of the instruction, ``interpreter``
    the program that emulates.
    """

    name: str = ""
    ignore_cache: bool = False
    description: tuple[tuple[str, str], ...] = ()
    progress_group: ProgressGroup | None = None
    caps: tuple[str, ...] = ()
    resources: LinuxResources | None = None
    stage: str = ""
    mode: Mode = Mode.NONE
    interpreter: str = ""
    kind: str = ""
    instruction: str = ""
    ranges: tuple[LineRange, ...] = ()
    platforms: tuple[Platform, ...] = ()

    def joined(self, other: Metadata) -> Metadata:
        """This with the platforms and the wish to ignore the cache of ``other`` added."""
        extra = tuple(p for p in other.platforms if p not in self.platforms)
        if not extra and self.ignore_cache >= other.ignore_cache:
            return self
        return replace(
            self,
            platforms=self.platforms + extra,
            ignore_cache=self.ignore_cache or other.ignore_cache,
        )
