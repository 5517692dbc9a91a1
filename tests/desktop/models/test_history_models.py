from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from core.client.build_file import SUFFIX, write_build
from core.progress.codec import timestamp
from core.progress.messages import SolveStatus
from core.wire.pb import control_pb2, engine_pb2
from desktop.builds import BuildStatus
from desktop.models.graph import BuildGraph
from desktop.models.history import summary
from desktop.models.history_compare import Difference, compared
from desktop.models.history_replay import RecordedBuild, moment
from desktop.models.history_source import ImportedBuilds
from desktop.models.history_times import StepTimes

Events = Callable[[str], tuple[SolveStatus, ...]]


def record(events: tuple[SolveStatus, ...], state: str = "done") -> control_pb2.BuildHistoryRecord:
    times = [t for t in (moment(e) for e in events) if t]
    found = control_pb2.BuildHistoryRecord(
        Ref="abc", title="team/app:1", state=state,
        CreatedAt=timestamp(min(times)), CompletedAt=timestamp(max(times)),
    )  # fmt: skip
    found.FrontendAttrs["platform"] = "linux/amd64,linux/386"
    found.FrontendAttrs["build-arg:VERSION"] = "2"
    found.localDirs["context"] = "/src"
    return found


def test_a_record_can_be_asked_for_again(events: Events) -> None:
    request = summary(record(events("ok"))).request()
    assert request.platforms == ("linux/amd64", "linux/386")
    assert request.dockerfile == Path("/src/Dockerfile")
    assert request.build_args == {"VERSION": "2"}


def test_an_older_builders_record_tells_its_state_by_what_it_has(events: Events) -> None:
    found = record(events("fail"), state="")
    found.error.message = "failed to solve: exit code: 101"
    assert summary(found).status is BuildStatus.FAILED
    found.error.message = "context canceled"
    assert summary(found).status is BuildStatus.CANCELLED
    found.ClearField("CompletedAt")
    assert summary(found).status is BuildStatus.RUNNING


def test_a_recorded_build_is_itself_at_every_moment(qapp: QApplication, events: Events) -> None:
    build = RecordedBuild(summary(record(events("ok"))), events("ok"))
    assert build.status is BuildStatus.DONE
    whole = {d: v.state for d, v in build.state.vertices.items()}
    lines = len(build.lines)
    build.seek_seconds(1.5)
    assert build.status is BuildStatus.RUNNING
    assert build.completed is None
    assert 0 < len(build.lines) < lines
    middle = {d: v.state for d, v in build.state.vertices.items()}
    build.seek_seconds(0.0)
    build.seek_seconds(1.5)
    assert {d: v.state for d, v in build.state.vertices.items()} == middle
    build.seek_seconds(build.length)
    assert {d: v.state for d, v in build.state.vertices.items()} == whole
    assert len(build.lines) == lines
    build.close()


def test_going_back_in_time_gives_views_another_state(qapp: QApplication, events: Events) -> None:
    build = RecordedBuild(summary(record(events("ok"))), events("ok"))
    heard: list[object] = []
    build.changed.connect(lambda _: heard.append(build.state))
    end = build.state
    build.seek_seconds(1.0)
    assert heard == [build.state]
    assert build.state is not end
    build.close()


def test_imported_builds_are_kept_and_go_when_asked(tmp_path: Path, events: Events) -> None:
    async def each() -> AsyncIterator[SolveStatus]:
        for event in events("cached"):
            yield event

    path = tmp_path / f"x{SUFFIX}"
    build = engine_pb2.GetBuildResponse(record=record(events("cached")), dockerfile=b"FROM x")
    asyncio.run(write_build(path, build, each()))
    kept = ImportedBuilds(tmp_path / "imports")
    assert [b.ref for b in kept.add(path)] == ["abc"]
    path.unlink()
    assert [b.ref for b in kept.summaries()] == ["abc"]
    found = kept.load("abc")
    assert found is not None
    assert (found.events, found.source_text) == (events("cached"), "FROM x")
    kept.remove("abc")
    assert kept.summaries() == []
    assert kept.load("abc") is None


def test_two_builds_differ_in_what_ran(graph_of: Callable[..., BuildGraph]) -> None:
    rows = compared(graph_of("ok"), graph_of("cached"))
    found = {(r.stage, r.title.partition(" ")[0], r.platform): r.difference for r in rows}
    assert found["deps", "RUN", "linux/386"] is Difference.RAN_IN_A
    assert found["base", "COPY", "linux/amd64"] is Difference.SAME
    assert all(r.delta <= 0 for r in rows if r.difference is Difference.RAN_IN_A)
    back = compared(graph_of("cached"), graph_of("ok"))
    assert any(r.difference is Difference.RAN_IN_B for r in back)


def test_a_build_equals_itself(graph_of: Callable[..., BuildGraph]) -> None:
    rows = compared(graph_of("fail"), graph_of("fail"))
    assert {r.difference for r in rows} == {Difference.SAME}


def test_step_times_are_learnt_and_kept(
    tmp_path: Path, graph_of: Callable[..., BuildGraph]
) -> None:
    graph = graph_of("ok")
    times = StepTimes(tmp_path / "t.json")
    times.learn(graph)
    entry = next(e for e in graph.entries.values() if e.title.startswith("RUN for i in $(seq 1 40"))
    again = StepTimes(tmp_path / "t.json")
    assert again.seconds(entry, "linux/amd64") == pytest.approx(2.5, abs=0.3)
    again.learn(graph_of("cached"))
    assert again.seconds(entry, "linux/amd64") == pytest.approx(2.5, abs=0.3)


def test_unreadable_step_times_count_as_none(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text("[1, 2")
    assert StepTimes(tmp_path / "t.json")._seconds == {}
