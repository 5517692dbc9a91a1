"""Joining unread events, so that a slow reader catches up instead of falling behind."""

from __future__ import annotations

from collections.abc import Iterable

from core.progress.messages import SolveStatus, Vertex, VertexLog, VertexStatus, VertexWarning

LOG_PIECE = 64 * 1024
"""Neighbouring output of one step and stream is joined up to this many bytes."""


def coalesce(batch: Iterable[SolveStatus]) -> SolveStatus:
    """One status that folds to the same state as ``batch``.

    A counter keeps its last value. A vertex keeps its last report, but one that completed and
    started again keeps both, since each is an interval of its own. Output and warnings are all
    kept, in order.
    """
    vertexes: dict[str, list[Vertex]] = {}
    statuses: dict[tuple[str, str], VertexStatus] = {}
    logs: list[VertexLog] = []
    warnings: list[VertexWarning] = []
    for status in batch:
        for vertex in status.vertexes:
            reports = vertexes.setdefault(vertex.digest, [])
            if reports and _supersedes(vertex, reports[-1]):
                reports[-1] = vertex
            else:
                reports.append(vertex)
        for entry in status.statuses:
            statuses[entry.vertex, entry.id] = entry
        for log in status.logs:
            if logs and _continues(log, logs[-1]):
                last = logs[-1]
                logs[-1] = VertexLog(
                    vertex=last.vertex,
                    stream=last.stream,
                    timestamp=last.timestamp,
                    data=last.data + log.data,
                )
            else:
                logs.append(log)
        warnings.extend(status.warnings)
    return SolveStatus(
        vertexes=tuple(v for reports in vertexes.values() for v in reports),
        statuses=tuple(statuses.values()),
        logs=tuple(logs),
        warnings=tuple(warnings),
    )


def _supersedes(new: Vertex, old: Vertex) -> bool:
    same_run = old.started is None or new.started == old.started
    known = len(new.platforms) >= len(old.platforms) and bool(new.name or not old.name)
    return same_run and known


def _continues(new: VertexLog, last: VertexLog) -> bool:
    return (
        new.vertex == last.vertex
        and new.stream == last.stream
        and len(new.data) + len(last.data) <= LOG_PIECE
    )
