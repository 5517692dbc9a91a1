from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from desktop.models.graph import BuildGraph
from desktop.models.graph_status import Status
from desktop.models.history_times import StepTimes
from desktop.models.lanes import lanes
from desktop.models.lanes_matrix import rows
from desktop.models.timeline import Work, ticks, timeline

Graphs = Callable[..., BuildGraph]


def end_of(graph: BuildGraph) -> int:
    found = 0
    for entry in graph.entries:
        seen = graph.vertex(entry)
        if seen is not None:
            found = max([found, *(e or s for s, e in seen.intervals)])
    return found


def test_a_lane_counts_the_steps_of_its_platform(graph_of: Graphs) -> None:
    graph = graph_of("ok")
    amd, i386 = lanes(graph, graph.state, StepTimes(), end_of(graph))
    assert (amd.platform, amd.done, amd.total) == ("linux/amd64", 15, 15)
    assert (i386.status, i386.cached) == (Status.DONE, 1)
    assert 5 < amd.elapsed < 7


def test_a_running_lane_names_its_step_and_expects_an_end(graph_of: Graphs) -> None:
    times = StepTimes()
    times.learn(graph_of("ok"))
    graph = graph_of("ok", 60)
    now = end_of(graph)
    lane = lanes(graph, graph.state, times, now)[0]
    assert lane.status is Status.RUNNING
    assert lane.current.startswith("RUN for")
    assert lane.expected is not None
    assert 4 < lane.expected < 7


def test_nothing_is_expected_of_steps_that_never_ran(graph_of: Graphs) -> None:
    graph = graph_of("ok", 60)
    assert lanes(graph, graph.state, StepTimes(), end_of(graph))[0].expected is None


def test_a_failed_platform_does_not_hide_a_cancelled_one(graph_of: Graphs) -> None:
    graph = graph_of("fail")
    found = {lane.platform: lane.status for lane in lanes(graph, graph.state, StepTimes(), 0)}
    assert found == {"linux/amd64": Status.CANCELLED, "linux/386": Status.FAILED}


def test_the_matrix_has_a_row_for_each_step_and_stages_together(graph_of: Graphs) -> None:
    found = rows(graph_of("ok"), 0)
    stages = [r.stage for r in found]
    assert stages == ["base"] * 2 + ["deps"] * 3 + ["assets"] * 4 + ["build"] * 3 + ["stage-5"] * 3
    assert [r.first for r in found].count(True) == 5
    assert all(cell is not None for r in found for _, cell in r.cells)


def test_bars_of_a_row_never_overlap(graph_of: Graphs) -> None:
    graph = graph_of("ok")
    found = timeline(graph, end_of(graph))
    for lane in found.lanes:
        for row in range(lane.rows):
            bars = sorted(
                (b.start, b.end) for b in lane.bars if b.row == row and b.work is not Work.WAIT
            )
            assert all(a[1] <= b[0] for a, b in pairwise(bars))


def test_the_timeline_tells_work_and_parallelism(graph_of: Graphs) -> None:
    graph = graph_of("ok")
    found = timeline(graph, end_of(graph))
    works = {b.work for lane in found.lanes for b in lane.bars}
    assert {Work.RUN, Work.COPY, Work.INTERNAL} <= works
    assert max(level for _, level in found.parallel) == 4
    assert found.parallel[-1][1] == 0
    assert found.critical


def test_ticks_are_round_and_not_crowded() -> None:
    assert ticks(10, 900) == [float(n) for n in range(11)]
    assert ticks(0, 900) == []
    assert len(ticks(3600, 400)) < 8
