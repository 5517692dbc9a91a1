"""The messages and their protobuf form (``moby.buildkit.v1.StatusResponse``)."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from core.errors import LineRange
from core.progress.messages import (
    Mode,
    ProgressGroup,
    SolveStatus,
    Vertex,
    VertexLog,
    VertexStatus,
    VertexWarning,
)
from core.wire.pb import control_pb2, ops_pb2

_MODES = {
    Mode.NONE: control_pb2.VERTEX_MODE_NONE,
    Mode.NATIVE: control_pb2.VERTEX_MODE_NATIVE,
    Mode.EMULATED: control_pb2.VERTEX_MODE_EMULATED,
    Mode.CROSS: control_pb2.VERTEX_MODE_CROSS,
}
_MODES_BACK = {number: mode for mode, number in _MODES.items()}


def timestamp(nanoseconds: int | None) -> Timestamp | None:
    """The protobuf form of a time; None stays None (field not set)."""
    if nanoseconds is None:
        return None
    return Timestamp(seconds=nanoseconds // 10**9, nanos=nanoseconds % 10**9)


def nanoseconds(message: Timestamp) -> int | None:
    """The time of a field, None where it is not set or holds Go's zero time."""
    value = int(message.seconds) * 10**9 + message.nanos
    return value if value > 0 else None


def ranges_to_wire(ranges: Iterable[LineRange]) -> list[ops_pb2.Range]:
    """Line ranges as LLB writes them; an open end column becomes 0."""
    return [
        ops_pb2.Range(
            start=ops_pb2.Position(line=r.start, character=r.start_column),
            end=ops_pb2.Position(line=r.end, character=max(0, r.end_column)),
        )
        for r in ranges
    ]


def ranges_from_wire(ranges: Iterable[ops_pb2.Range]) -> tuple[LineRange, ...]:
    """Line ranges of LLB; an end column of 0 is "to the end of the line"."""
    return tuple(
        LineRange(
            r.start.line,
            max(r.start.line, r.end.line),
            r.start.character,
            r.end.character or -1,
        )
        for r in ranges
    )


def vertex_to_wire(v: Vertex) -> control_pb2.Vertex:
    message = control_pb2.Vertex(
        digest=v.digest,
        inputs=v.inputs,
        name=v.name,
        cached=v.cached,
        started=timestamp(v.started),
        completed=timestamp(v.completed),
        error=v.error,
        platforms=v.platforms,
        stage=v.stage,
        mode=_MODES[v.mode],
        interpreter=v.interpreter,
        reason=v.reason,
        ranges=ranges_to_wire(v.ranges),
        kind=v.kind,
        instruction=v.instruction,
    )
    if (group := v.progress_group) is not None:
        message.progressGroup.CopyFrom(
            ops_pb2.ProgressGroup(id=group.id, name=group.name, weak=group.weak)
        )
    return message


def vertex_from_wire(m: control_pb2.Vertex) -> Vertex:
    group = None
    if m.HasField("progressGroup"):
        g = m.progressGroup
        group = ProgressGroup(id=g.id, name=g.name, weak=g.weak)
    return Vertex(
        digest=m.digest,
        inputs=tuple(m.inputs),
        name=m.name,
        cached=m.cached,
        started=nanoseconds(m.started),
        completed=nanoseconds(m.completed),
        error=m.error,
        progress_group=group,
        platforms=tuple(m.platforms),
        stage=m.stage,
        mode=_MODES_BACK.get(m.mode, Mode.NONE),
        interpreter=m.interpreter,
        reason=m.reason,
        ranges=ranges_from_wire(m.ranges),
        kind=m.kind,
        instruction=m.instruction,
    )


def status_to_wire(status: SolveStatus) -> control_pb2.StatusResponse:
    """A SolveStatus as the Status stream sends it."""
    return control_pb2.StatusResponse(
        vertexes=[vertex_to_wire(v) for v in status.vertexes],
        statuses=[
            control_pb2.VertexStatus(
                ID=s.id,
                vertex=s.vertex,
                name=s.name,
                current=s.current,
                total=s.total,
                timestamp=timestamp(s.timestamp),
                started=timestamp(s.started),
                completed=timestamp(s.completed),
            )
            for s in status.statuses
        ],
        logs=[
            control_pb2.VertexLog(
                vertex=entry.vertex,
                timestamp=timestamp(entry.timestamp),
                stream=entry.stream,
                msg=entry.data,
            )
            for entry in status.logs
        ],
        warnings=[
            control_pb2.VertexWarning(
                vertex=w.vertex,
                level=w.level,
                short=w.short.encode(),
                detail=[line.encode() for line in w.detail],
                url=w.url,
                info=ops_pb2.SourceInfo(
                    filename=w.source_name, data=w.source_text.encode(errors="surrogateescape")
                ),
                ranges=ranges_to_wire(w.ranges),
            )
            for w in status.warnings
        ],
    )


def status_from_wire(message: control_pb2.StatusResponse) -> SolveStatus:
    """A message of the Status stream of any BuildKit."""
    return SolveStatus(
        vertexes=tuple(vertex_from_wire(v) for v in message.vertexes),
        statuses=tuple(
            VertexStatus(
                id=s.ID,
                vertex=s.vertex,
                name=s.name,
                current=s.current,
                total=s.total,
                timestamp=nanoseconds(s.timestamp),
                started=nanoseconds(s.started),
                completed=nanoseconds(s.completed),
            )
            for s in message.statuses
        ),
        logs=tuple(
            VertexLog(
                vertex=entry.vertex,
                timestamp=nanoseconds(entry.timestamp),
                stream=entry.stream,
                data=entry.msg,
            )
            for entry in message.logs
        ),
        warnings=tuple(
            VertexWarning(
                vertex=w.vertex,
                level=w.level,
                short=w.short.decode(errors="replace"),
                detail=tuple(line.decode(errors="replace") for line in w.detail),
                url=w.url,
                source_name=w.info.filename,
                source_text=w.info.data.decode(errors="replace"),
                ranges=ranges_from_wire(w.ranges),
            )
            for w in message.warnings
        ),
    )
