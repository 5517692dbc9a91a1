"""The messages survive protobuf and JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from core.errors import LineRange
from core.progress import raw_json
from core.progress.codec import status_from_wire, status_to_wire
from core.progress.intervals import merge
from core.progress.messages import (
    Mode,
    ProgressGroup,
    SolveStatus,
    Vertex,
    VertexLog,
    VertexStatus,
    VertexWarning,
)
from core.wire.pb import control_pb2

T = 1_700_000_000_123_456_789
FULL = SolveStatus(
    vertexes=(
        Vertex(
            digest="sha256:a",
            name="[linux/arm64 2/2] RUN make",
            inputs=("sha256:b",),
            started=T,
            completed=T + 5,
            cached=True,
            error="e",
            progress_group=ProgressGroup(id="g", name="group", weak=True),
            platforms=("linux/arm64",),
            stage="build",
            mode=Mode.EMULATED,
            interpreter="/usr/bin/qemu-aarch64",
            reason="COPY a: a changed",
            ranges=(LineRange(2, 3),),
            kind="exec",
            instruction="RUN make",
        ),
        Vertex(digest="sha256:b"),
    ),
    statuses=(
        VertexStatus(
            id="l1", vertex="sha256:b", name="n", current=1, total=2, timestamp=T, started=T
        ),
    ),
    logs=(VertexLog(vertex="sha256:a", data=b"\xff\x00out\n", stream=2, timestamp=T),),
    warnings=(
        VertexWarning(
            vertex="sha256:a",
            short="short",
            level=2,
            detail=("one", "two"),
            url="https://example.com",
            source_name="Dockerfile",
            source_text="FROM x\n",
            ranges=(LineRange(1, 1, 2, 5),),
        ),
    ),
)


def test_protobuf_keeps_everything() -> None:
    data = status_to_wire(FULL).SerializeToString()
    assert status_from_wire(control_pb2.StatusResponse.FromString(data)) == FULL


def test_raw_json_keeps_everything() -> None:
    assert raw_json.loads(raw_json.dumps(FULL)) == FULL


def test_raw_json_has_the_keys_that_other_readers_know() -> None:
    document = json.loads(raw_json.dumps(FULL))
    assert set(document) == {"vertexes", "statuses", "logs", "warnings"}
    assert document["vertexes"][0]["started"] == "2023-11-14T22:13:20.123456789Z"
    assert document["vertexes"][0]["progressGroup"] == {"id": "g", "name": "group", "weak": True}
    assert document["logs"][0]["data"] == "/wBvdXQK"


def test_raw_json_reads_times_with_an_offset() -> None:
    line = '{"vertexes":[{"digest":"d","name":"n","started":"2023-11-14T23:13:20.5+01:00"}]}'
    (vertex,) = raw_json.loads(line).vertexes
    moment = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert vertex.started == int(moment.timestamp()) * 10**9 + 500_000_000


def test_a_status_with_nothing_in_it_is_false() -> None:
    assert not SolveStatus()
    assert FULL


def test_intervals_merge_where_they_touch() -> None:
    assert merge([(4, 6), (0, 2), (2, 4), (8, None), (9, 12), (None, None)]) == ((0, 6), (8, None))
