"""Vertex, VertexStatus, VertexLog, VertexWarning and the SolveStatus that carries them.

BuildKit's event model (client/graph.go), with what an embedded build knows besides: platforms,
stage, how a step is run, why it was run, where it stands in the Dockerfile. All times are integer
nanoseconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from core.errors import LineRange


class Mode(Enum):
    """How the programs of a step are run."""

    NONE = "none"
    """Nothing is run (a copy, a download) or nothing is known."""
    NATIVE = "native"
    EMULATED = "emulated"
    CROSS = "cross"
    """Run natively, for another platform than the one it runs on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressGroup:
    """Vertices to be shown as one; ``weak`` groups give way to the name of a sole member."""

    id: str
    name: str
    weak: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vertex:
    """A step as it stands at one moment; the same digest is reported again when it changes."""

    digest: str
    name: str = ""
    inputs: tuple[str, ...] = ()
    started: int | None = None
    completed: int | None = None
    cached: bool = False
    error: str = ""
    progress_group: ProgressGroup | None = None
    platforms: tuple[str, ...] = ()
    """Requested platforms that the step works for; empty where the builder does not tell."""
    stage: str = ""
    mode: Mode = Mode.NONE
    interpreter: str = ""
    reason: str = ""
    ranges: tuple[LineRange, ...] = ()
    kind: str = ""
    instruction: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VertexStatus:
    """Something countable inside a step: a layer pulled, pushed, extracted; units are bytes."""

    id: str
    vertex: str
    name: str = ""
    current: int = 0
    total: int = 0
    timestamp: int | None = None
    started: int | None = None
    completed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VertexLog:
    """Output of a step as it came, in pieces that end anywhere; stream 1 or 2."""

    vertex: str
    data: bytes
    stream: int = 1
    timestamp: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VertexWarning:
    """What a frontend found worth saying; ``source_text`` is the whole file it speaks of."""

    vertex: str
    short: str
    level: int = 1
    detail: tuple[str, ...] = ()
    url: str = ""
    source_name: str = ""
    source_text: str = ""
    ranges: tuple[LineRange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveStatus:
    """What happened since the last one."""

    vertexes: tuple[Vertex, ...] = ()
    statuses: tuple[VertexStatus, ...] = ()
    logs: tuple[VertexLog, ...] = ()
    warnings: tuple[VertexWarning, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.vertexes or self.statuses or self.logs or self.warnings)
