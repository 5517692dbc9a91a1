"""What is kept of a build: one JSON document beside its journal."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

from core.errors import Error
from core.progress.codec import timestamp
from core.wire.failure import from_message, to_message
from core.wire.pb import control_pb2, failure_pb2, status_pb2


class BuildPhase(Enum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        return self not in {BuildPhase.QUEUED, BuildPhase.RUNNING}


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRecord:
    """Times are nanoseconds since the epoch; ``exporters`` pairs of type and attributes."""

    ref: str
    created: int
    title: str = ""
    frontend: str = ""
    attrs: Mapping[str, str] = field(default_factory=dict)
    exporters: tuple[tuple[str, Mapping[str, str]], ...] = ()
    local_dirs: Mapping[str, str] = field(default_factory=dict)
    phase: BuildPhase = BuildPhase.QUEUED
    completed: int | None = None
    response: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""
    """A serialised viaduct.v1.Failure in hexadecimal."""
    pinned: bool = False
    generation: int = 0
    steps: int = 0
    cached_steps: int = 0
    completed_steps: int = 0
    warnings: int = 0
    dockerfile_name: str = ""

    @property
    def error(self) -> Error | None:
        if not self.failure:
            return None
        return from_message(failure_pb2.Failure.FromString(bytes.fromhex(self.failure)))

    def ended(self, phase: BuildPhase, *, at: int, error: Error | None = None) -> BuildRecord:
        failure = to_message(error).SerializeToString().hex() if error is not None else ""
        return replace(
            self, phase=phase, completed=at, failure=failure, generation=self.generation + 1
        )

    def to_json(self) -> str:
        document = asdict(self)
        document["phase"] = self.phase.value
        return json.dumps(document)

    @classmethod
    def from_json(cls, text: str | bytes) -> BuildRecord:
        """ValueError, KeyError or TypeError where the document is none of ours."""
        document: dict[str, Any] = json.loads(text)
        document["phase"] = BuildPhase(document["phase"])
        document["exporters"] = tuple((t, a) for t, a in document.get("exporters", ()))
        known = cls.__dataclass_fields__
        return cls(**{key: value for key, value in document.items() if key in known})

    def to_message(self) -> control_pb2.BuildHistoryRecord:
        message = control_pb2.BuildHistoryRecord(
            Ref=self.ref,
            Frontend=self.frontend,
            FrontendAttrs=dict(self.attrs),
            Exporters=[
                control_pb2.Exporter(Type=type, Attrs=dict(attrs)) for type, attrs in self.exporters
            ],
            CreatedAt=timestamp(self.created),
            CompletedAt=timestamp(self.completed),
            ExporterResponse=dict(self.response),
            Generation=self.generation,
            pinned=self.pinned,
            numCachedSteps=self.cached_steps,
            numTotalSteps=self.steps,
            numCompletedSteps=self.completed_steps,
            numWarnings=self.warnings,
            title=self.title,
            localDirs=dict(self.local_dirs),
            state=self.phase.value,
        )
        if (error := self.error) is not None:
            message.error.CopyFrom(
                status_pb2.Status(
                    code=1 if self.phase is BuildPhase.CANCELLED else 2, message=str(error)
                )
            )
        return message


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file in one step; what was there stays when it fails."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
