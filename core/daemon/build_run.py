"""One build while it runs: its events, its counts, its end."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from core.daemon.journal import Journal
from core.daemon.records import BuildRecord
from core.errors import Error, LineRange
from core.progress.messages import (
    SolveStatus,
    Vertex,
    VertexLog,
    VertexStatus,
    VertexWarning,
)
from core.progress.state import BuildState
from core.wire.failure import SourceText
from core.wire.pb import control_pb2


class BuildRun:
    """Handed to whatever works for the build. ``emit`` is the progress callback of the solver."""

    def __init__(
        self, request: control_pb2.SolveRequest, record: BuildRecord, journal: Journal
    ) -> None:
        self.request = request
        self.record = record
        self.journal = journal
        self.state = BuildState()
        self.source: SourceText | None = None
        """The Dockerfile, once it was read."""
        self.task: asyncio.Task[dict[str, str]] | None = None
        self.started = asyncio.Event()

    @property
    def ref(self) -> str:
        return self.record.ref

    def emit(self, status: SolveStatus) -> None:
        """Take an event. The Dockerfile is added to warnings that come without."""
        if status.warnings and self.source is not None:
            source = self.source
            status = replace(
                status,
                warnings=tuple(
                    w
                    if w.source_name
                    else replace(
                        w,
                        source_name=source.name,
                        source_text=source.data.decode(errors="replace"),
                    )
                    for w in status.warnings
                ),
            )
        self.state.apply(status)
        self.journal.put(status)

    def counts(self) -> BuildRecord:
        """The record with the counts of now."""
        return replace(
            self.record,
            steps=len(self.state.vertices),
            cached_steps=self.state.cached_count,
            completed_steps=self.state.finished_count,
            warnings=len(self.state.warnings),
            dockerfile_name=self.source.name if self.source else self.record.dockerfile_name,
        )

    def cancel(self) -> bool:
        """Ask the build to end; whether it was running."""
        if self.task is None or self.task.done():
            return False
        self.task.cancel()
        return True

    @contextmanager
    def step(
        self, name: str, *, kind: str = "internal", platforms: Sequence[str] = ()
    ) -> Iterator[RunStep]:
        """Work of the builder's own, shown as a vertex. An error that leaves is the vertex's."""
        digest = "sha256:" + hashlib.sha256(secrets.token_bytes(32)).hexdigest()
        started = time.time_ns()
        vertex = Vertex(
            digest=digest, name=name, started=started, kind=kind, platforms=tuple(platforms)
        )
        self.emit(SolveStatus(vertexes=(vertex,)))
        step = RunStep(digest, self.emit)
        error = ""
        try:
            yield step
        except asyncio.CancelledError:
            error = "context canceled"
            raise
        except Error as failed:
            error = str(failed)
            raise
        except Exception as failed:
            error = f"{type(failed).__name__}: {failed}"
            raise
        finally:
            vertex = replace(
                vertex, completed=time.time_ns(), error=error, cached=step.cached and not error
            )
            self.emit(SolveStatus(vertexes=(vertex,)))


class RunStep:
    """What ``BuildRun.step`` gives: the progress of one vertex."""

    def __init__(self, digest: str, emit: Callable[[SolveStatus], None]) -> None:
        self.digest = digest
        self.cached = False
        self._emit = emit

    def log(self, stream: int, data: bytes) -> None:
        self._emit(
            SolveStatus(
                logs=(
                    VertexLog(
                        vertex=self.digest, data=data, stream=stream, timestamp=time.time_ns()
                    ),
                )
            )
        )

    def status(
        self,
        id: str,
        *,
        current: int = 0,
        total: int = 0,
        name: str = "",
        started: int | None = None,
        completed: int | None = None,
    ) -> None:
        """A part of the work: bytes, and nanoseconds since the epoch."""
        self._emit(
            SolveStatus(
                statuses=(
                    VertexStatus(
                        id=id,
                        vertex=self.digest,
                        name=name or id,
                        current=current,
                        total=total,
                        timestamp=time.time_ns(),
                        started=started,
                        completed=completed,
                    ),
                )
            )
        )

    def warn(
        self,
        short: str,
        *,
        detail: Sequence[str] = (),
        url: str = "",
        ranges: Iterable[LineRange] = (),
        level: int = 1,
    ) -> None:
        self._emit(
            SolveStatus(
                warnings=(
                    VertexWarning(
                        vertex=self.digest,
                        short=short,
                        level=level,
                        detail=tuple(detail),
                        url=url,
                        ranges=tuple(ranges),
                    ),
                )
            )
        )
