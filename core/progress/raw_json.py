"""One SolveStatus as one line of JSON, in the form of BuildKit's ``--progress=rawjson``.

What only this engine knows stands beside BuildKit's keys, under names of its own.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

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

_ZERO_TIME = "0001-01-01T00:00:00Z"


def dumps(status: SolveStatus) -> str:
    """The line, without its newline."""
    document: dict[str, Any] = {}
    if status.vertexes:
        document["vertexes"] = [_vertex(v) for v in status.vertexes]
    if status.statuses:
        document["statuses"] = [_status(s) for s in status.statuses]
    if status.logs:
        document["logs"] = [_log(entry) for entry in status.logs]
    if status.warnings:
        document["warnings"] = [_warning(w) for w in status.warnings]
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def loads(line: str | bytes) -> SolveStatus:
    """Read a line of this program's or BuildKit's; ValueError when it is neither."""
    document = json.loads(line)
    if not isinstance(document, dict):
        raise ValueError("a progress line is a JSON object")
    return SolveStatus(
        vertexes=tuple(_read_vertex(v) for v in document.get("vertexes") or ()),
        statuses=tuple(_read_status(s) for s in document.get("statuses") or ()),
        logs=tuple(
            VertexLog(
                vertex=entry.get("vertex", ""),
                stream=entry.get("stream", 1),
                data=base64.b64decode(entry.get("data") or ""),
                timestamp=_read_time(entry.get("timestamp")),
            )
            for entry in document.get("logs") or ()
        ),
        warnings=tuple(_read_warning(w) for w in document.get("warnings") or ()),
    )


def format_time(nanoseconds: int) -> str:
    """RFC 3339 in UTC with nanoseconds, as Go writes it."""
    seconds, rest = divmod(nanoseconds, 10**9)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{text}{fraction}Z"


def _times(document: dict[str, Any], **times: int | None) -> dict[str, Any]:
    for key, value in times.items():
        if value is not None:
            document[key] = format_time(value)
    return document


def _vertex(v: Vertex) -> dict[str, Any]:
    document: dict[str, Any] = {"digest": v.digest}
    if v.inputs:
        document["inputs"] = v.inputs
    document["name"] = v.name
    _times(document, started=v.started, completed=v.completed)
    if v.cached:
        document["cached"] = True
    if v.error:
        document["error"] = v.error
    if v.progress_group is not None:
        g = v.progress_group
        document["progressGroup"] = {"id": g.id, "name": g.name} | (
            {"weak": True} if g.weak else {}
        )
    for key, value in (
        ("platforms", v.platforms),
        ("stage", v.stage),
        ("mode", v.mode.value if v.mode is not Mode.NONE else ""),
        ("interpreter", v.interpreter),
        ("reason", v.reason),
        ("kind", v.kind),
        ("instruction", v.instruction),
        ("ranges", [_range(r) for r in v.ranges]),
    ):
        if value:
            document[key] = value
    return document


def _status(s: VertexStatus) -> dict[str, Any]:
    document: dict[str, Any] = {"id": s.id, "vertex": s.vertex}
    if s.name:
        document["name"] = s.name
    if s.total:
        document["total"] = s.total
    document["current"] = s.current
    document["timestamp"] = format_time(s.timestamp) if s.timestamp is not None else _ZERO_TIME
    return _times(document, started=s.started, completed=s.completed)


def _log(entry: VertexLog) -> dict[str, Any]:
    return {
        "vertex": entry.vertex,
        "stream": entry.stream,
        "data": base64.b64encode(entry.data).decode(),
        "timestamp": format_time(entry.timestamp) if entry.timestamp is not None else _ZERO_TIME,
    }


def _warning(w: VertexWarning) -> dict[str, Any]:
    return {
        "vertex": w.vertex,
        "level": w.level,
        "short": base64.b64encode(w.short.encode()).decode(),
        "detail": [base64.b64encode(line.encode()).decode() for line in w.detail],
        "url": w.url,
        "sourceInfo": {
            "filename": w.source_name,
            "data": base64.b64encode(w.source_text.encode()).decode(),
            "language": "Dockerfile",
        },
        "range": [_range(r) for r in w.ranges],
    }


def _range(r: LineRange) -> dict[str, Any]:
    end: dict[str, int] = {"line": r.end}
    if r.end_column > 0:
        end["character"] = r.end_column
    start = {"line": r.start} | ({"character": r.start_column} if r.start_column else {})
    return {"start": start, "end": end}


def _read_time(text: str | None) -> int | None:
    if not text or text == _ZERO_TIME:
        return None
    whole, _, fraction = text.removesuffix("Z").partition(".")
    offset = ""
    for sign in "+-":
        if sign in fraction:
            fraction, _, zone = fraction.partition(sign)
            offset = sign + zone
    moment = datetime.fromisoformat(whole + offset)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 10**9 + int((fraction + "000000000")[:9])


def _read_ranges(entries: Any) -> tuple[LineRange, ...]:
    return tuple(
        LineRange(
            r["start"]["line"],
            max(r["start"]["line"], r["end"]["line"]),
            r["start"].get("character", 0),
            r["end"].get("character", 0) or -1,
        )
        for r in entries or ()
    )


def _read_vertex(v: Mapping[str, Any]) -> Vertex:
    group = v.get("progressGroup")
    return Vertex(
        digest=v["digest"],
        inputs=tuple(v.get("inputs") or ()),
        name=v.get("name", ""),
        started=_read_time(v.get("started")),
        completed=_read_time(v.get("completed")),
        cached=bool(v.get("cached")),
        error=v.get("error", ""),
        progress_group=ProgressGroup(
            id=group.get("id", ""), name=group.get("name", ""), weak=bool(group.get("weak"))
        )
        if group
        else None,
        platforms=tuple(v.get("platforms") or ()),
        stage=v.get("stage", ""),
        mode=Mode(v.get("mode") or "none"),
        interpreter=v.get("interpreter", ""),
        reason=v.get("reason", ""),
        ranges=_read_ranges(v.get("ranges")),
        kind=v.get("kind", ""),
        instruction=v.get("instruction", ""),
    )


def _read_status(s: Mapping[str, Any]) -> VertexStatus:
    return VertexStatus(
        id=s.get("id", ""),
        vertex=s.get("vertex", ""),
        name=s.get("name", ""),
        current=s.get("current", 0),
        total=s.get("total", 0),
        timestamp=_read_time(s.get("timestamp")),
        started=_read_time(s.get("started")),
        completed=_read_time(s.get("completed")),
    )


def _read_warning(w: Mapping[str, Any]) -> VertexWarning:
    def text(value: str | None) -> str:
        return base64.b64decode(value or "").decode(errors="replace")

    info = w.get("sourceInfo") or {}
    return VertexWarning(
        vertex=w.get("vertex", ""),
        level=w.get("level", 1),
        short=text(w.get("short")),
        detail=tuple(text(line) for line in w.get("detail") or ()),
        url=w.get("url", ""),
        source_name=info.get("filename", ""),
        source_text=text(info.get("data")),
        ranges=_read_ranges(w.get("range")),
    )
