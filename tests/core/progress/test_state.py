from __future__ import annotations

from core.progress.coalesce import coalesce
from core.progress.messages import Mode, SolveStatus, Vertex, VertexLog, VertexStatus
from core.progress.state import BuildState, StepState

A, B = "sha256:a", "sha256:b"


def _said(*vertexes: Vertex) -> SolveStatus:
    return SolveStatus(vertexes=vertexes)


def test_a_step_goes_from_waiting_through_running_to_done() -> None:
    build = BuildState()
    seen = []
    for vertex in (
        Vertex(digest=A, name="[1/2] FROM busybox"),
        Vertex(digest=A, name="[1/2] FROM busybox", started=10),
        Vertex(digest=A, name="[1/2] FROM busybox", started=10, completed=30),
    ):
        build.apply(_said(vertex))
        seen.append(build.vertices[A].state)
    assert seen == [StepState.WAITING, StepState.RUNNING, StepState.DONE]
    assert build.vertices[A].duration(now=99) == 20
    assert build.finished_count == 1


def test_what_an_earlier_report_said_is_kept() -> None:
    build = BuildState()
    build.apply(_said(Vertex(digest=A, name="[1/2] RUN x", inputs=(B,), reason="first build")))
    build.apply(_said(Vertex(digest=A, started=5)))
    vertex = build.vertices[A].vertex
    assert (vertex.name, vertex.inputs, vertex.reason) == ("[1/2] RUN x", (B,), "first build")


def test_a_step_that_runs_twice_counts_both_times_and_finishes_once() -> None:
    build = BuildState()
    for started, completed in ((0 + 1, 5), (10, None), (10, 12)):
        build.apply(_said(Vertex(digest=A, name="x", started=started, completed=completed)))
    assert build.vertices[A].duration(now=50) == 4 + 2
    assert build.finished_count == 1


def test_lanes_count_a_shared_step_for_every_platform_of_it() -> None:
    build = BuildState(platforms=("linux/amd64", "linux/arm64"))
    build.apply(
        _said(
            Vertex(digest=A, name="a", platforms=("linux/amd64", "linux/arm64"), started=1),
            Vertex(digest=B, name="b", platforms=("linux/arm64",), mode=Mode.EMULATED),
        )
    )
    amd64, arm64 = build.lanes()
    assert (amd64.total, amd64.current, amd64.mode) == (1, A, Mode.NONE)
    assert (arm64.total, arm64.current, arm64.mode) == (2, A, Mode.EMULATED)

    changes = build.apply(_said(Vertex(digest=A, started=1, completed=2, cached=True)))
    assert changes.lanes == {"linux/amd64", "linux/arm64"}
    amd64, arm64 = build.lanes()
    assert amd64.finished
    assert (arm64.done, arm64.cached, arm64.current) == (1, 1, None)


def test_a_platform_learnt_later_joins_its_lane_without_counting_twice() -> None:
    build = BuildState()
    build.apply(_said(Vertex(digest=A, name="a", platforms=("linux/amd64",), started=1)))
    build.apply(_said(Vertex(digest=A, name="a", platforms=("linux/arm64",), started=1)))
    assert [(lane.platform, lane.total) for lane in build.lanes()] == [
        ("linux/amd64", 1),
        ("linux/arm64", 1),
    ]


def test_bytes_of_a_lane_follow_its_counters() -> None:
    build = BuildState(platforms=("linux/amd64",))
    build.apply(_said(Vertex(digest=A, name="[1/1] FROM x", started=1)))
    for current in (10, 60):
        build.apply(
            SolveStatus(statuses=(VertexStatus(id="l", vertex=A, current=current, total=100),))
        )
    (lane,) = build.lanes()
    assert (lane.bytes_current, lane.bytes_total) == (60, 100)


def test_platform_and_mode_come_from_the_name_where_nothing_else_tells() -> None:
    build = BuildState(platforms=("linux/amd64", "linux/arm64"), native=("linux/amd64",))
    build.apply(
        _said(
            Vertex(digest=A, name="[linux/arm64 build 2/4] RUN make"),
            Vertex(digest=B, name="[linux/amd64->arm64 build 2/4] RUN make"),
            Vertex(digest="sha256:c", name="[internal] load build context"),
        )
    )
    assert build.vertices[A].mode is Mode.EMULATED
    assert build.vertices[B].mode is Mode.CROSS
    assert [lane.total for lane in build.lanes()] == [0, 2]


def test_a_cancelled_step_is_not_a_failed_one() -> None:
    build = BuildState()
    build.apply(
        _said(
            Vertex(digest=A, name="a", started=1, completed=2, error="context canceled"),
            Vertex(digest=B, name="b", started=1, completed=2, error="exit code: 1"),
        )
    )
    assert build.vertices[A].state is StepState.CANCELLED
    assert build.failed is build.vertices[B]


def test_output_is_counted_in_lines_and_its_tail_is_bounded() -> None:
    build = BuildState()
    build.apply(_said(Vertex(digest=A, name="a")))
    for _ in range(3):
        build.apply(SolveStatus(logs=(VertexLog(vertex=A, data=b"x" * 4095 + b"\n"),)))
    step = build.vertices[A]
    assert (step.log_lines, step.log_bytes, len(step.tail)) == (3, 3 * 4096, 8192)


def test_folding_a_coalesced_batch_gives_the_same_state() -> None:
    batch = [
        _said(Vertex(digest=A, name="a", platforms=("p",))),
        _said(Vertex(digest=A, name="a", platforms=("p",), started=1)),
        SolveStatus(statuses=(VertexStatus(id="s", vertex=A, current=1, total=9),)),
        SolveStatus(logs=(VertexLog(vertex=A, data=b"one\n"),)),
        SolveStatus(logs=(VertexLog(vertex=A, data=b"two\n"),)),
        SolveStatus(statuses=(VertexStatus(id="s", vertex=A, current=7, total=9),)),
        _said(Vertex(digest=A, name="a", platforms=("p",), started=1, completed=4)),
        _said(Vertex(digest=A, name="a", platforms=("p",), started=6, completed=7)),
    ]
    slow, quick = BuildState(), BuildState()
    for status in batch:
        slow.apply(status)
    joined = coalesce(batch)
    quick.apply(joined)
    assert (len(joined.vertexes), len(joined.statuses), len(joined.logs)) == (2, 1, 1)
    assert quick.lanes() == slow.lanes()
    assert quick.vertices[A].intervals == slow.vertices[A].intervals == ((1, 4), (6, 7))
    assert quick.vertices[A].tail == slow.vertices[A].tail


def test_a_step_without_a_platform_has_those_of_what_it_builds_on() -> None:
    build = BuildState(platforms=("linux/amd64", "linux/arm64"))
    build.apply(
        _said(
            Vertex(digest=B, name="[deps 2/2] RUN make", inputs=(A,)),
            Vertex(digest=A, name="[linux/arm64 deps 1/2] COPY a b"),
        )
    )
    assert build.vertices[B].platforms == ("linux/arm64",)
    build.apply(_said(Vertex(digest=B, name="[deps 2/2] RUN make", started=1)))
    amd64, arm64 = build.lanes()
    assert (amd64.total, arm64.total, arm64.current) == (0, 2, B)
