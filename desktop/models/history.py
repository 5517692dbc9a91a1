"""Builds as a builder remembers them: what was asked, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.progress.codec import nanoseconds
from core.wire.pb import control_pb2
from desktop.building.request import BuildRequest, OutputKind
from desktop.builds import BuildStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSummary:
    """Times are nanoseconds since the epoch; ``problem`` is the error's sentence."""

    ref: str
    title: str
    status: BuildStatus
    created: int
    completed: int | None = None
    platforms: tuple[str, ...] = ()
    target: str = ""
    tags: tuple[str, ...] = ()
    push: bool = False
    digest: str = ""
    steps: int = 0
    cached: int = 0
    warnings: int = 0
    pinned: bool = False
    problem: str = ""
    attrs: Mapping[str, str] = field(default_factory=dict)
    local_dirs: Mapping[str, str] = field(default_factory=dict)
    imported: bool = False
    """Read from a file rather than from a builder."""

    @property
    def seconds(self) -> float | None:
        if self.completed is None:
            return None
        return max(0, self.completed - self.created) / 1e9

    def request(self) -> BuildRequest:
        """The same build again, as far as the record tells."""
        context = Path(self.local_dirs.get("context", "."))
        folder = Path(self.local_dirs.get("dockerfile", str(context)))
        return BuildRequest(
            dockerfile=folder / self.attrs.get("filename", "Dockerfile"),
            context=context,
            platforms=self.platforms,
            target=self.target,
            tags=self.tags,
            push=self.push,
            build_args=_prefixed(self.attrs, "build-arg:"),
            labels=_prefixed(self.attrs, "label:"),
            no_cache=self.attrs.get("no-cache") == "",
            network=self.attrs.get("force-network-mode", ""),
            output=OutputKind.STORE,
        )


def _prefixed(attrs: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {k.removeprefix(prefix): v for k, v in attrs.items() if k.startswith(prefix)}


def summary(record: control_pb2.BuildHistoryRecord, *, imported: bool = False) -> BuildSummary:
    """A record of any builder; older ones leave title, state and counts out."""
    attrs = dict(record.FrontendAttrs)
    exporters = [dict(e.Attrs) for e in record.Exporters]
    names = dict.fromkeys(n for e in exporters for n in e.get("name", "").split(",") if n)
    tags = tuple(names)
    completed = nanoseconds(record.CompletedAt)
    dirs = dict(record.localDirs)
    title = record.title or (tags[0] if tags else "") or Path(dirs.get("context", "")).name
    return BuildSummary(
        ref=record.Ref,
        title=title or attrs.get("filename", "") or record.Ref[:12],
        status=_status(record, completed),
        created=nanoseconds(record.CreatedAt) or 0,
        completed=completed,
        platforms=tuple(p for p in attrs.get("platform", "").split(",") if p),
        target=attrs.get("target", ""),
        tags=tags,
        push=any(e.get("push") == "true" for e in exporters),
        digest=record.ExporterResponse.get("containerimage.digest", ""),
        steps=record.numTotalSteps,
        cached=record.numCachedSteps,
        warnings=record.numWarnings,
        pinned=record.pinned,
        problem=record.error.message.strip().rpartition("\n")[2],
        attrs=attrs,
        local_dirs=dirs,
        imported=imported,
    )


def _status(record: control_pb2.BuildHistoryRecord, completed: int | None) -> BuildStatus:
    if record.state:
        return BuildStatus(record.state)
    if completed is None:
        return BuildStatus.RUNNING
    if record.error.message:
        cancelled = "context canceled" in record.error.message
        return BuildStatus.CANCELLED if cancelled else BuildStatus.FAILED
    return BuildStatus.DONE
