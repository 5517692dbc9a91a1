"""Builds of others in this history."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.daemon.history import History
from core.daemon.history_import import import_build, record_from
from core.daemon.journal import read_journal
from core.daemon.records import BuildPhase
from core.errors import NotFoundError, OptionError
from core.progress.codec import status_from_wire, status_to_wire
from core.progress.messages import SolveStatus, Vertex
from core.wire.pb import control_pb2, engine_pb2

EVENT = SolveStatus(vertexes=(Vertex(digest="sha256:a", name="RUN make", started=5),))


@pytest.fixture
def history(tmp_path: Path) -> History:
    made = History(tmp_path / "builds")
    made.open()
    return made


def first(ref: str = "abc") -> engine_pb2.ImportBuildRequest:
    record = control_pb2.BuildHistoryRecord(Ref=ref, title="app", state="done")
    build = engine_pb2.GetBuildResponse(record=record, dockerfile=b"FROM x\n")
    return engine_pb2.ImportBuildRequest(build=build)


async def messages(
    *items: engine_pb2.ImportBuildRequest, error: Exception | None = None
) -> AsyncIterator[engine_pb2.ImportBuildRequest]:
    for item in items:
        yield item
    if error is not None:
        raise error


async def test_an_imported_build_is_pinned_and_has_its_events(history: History) -> None:
    event = engine_pb2.ImportBuildRequest(event=status_to_wire(EVENT))
    assert await import_build(history, messages(first(), event)) == "abc"
    record = history.get("abc")
    assert (record.phase, record.pinned, record.title) == (BuildPhase.DONE, True, "app")
    (kept,) = read_journal(history.directory("abc") / "events.pb")
    assert status_from_wire(control_pb2.StatusResponse.FromString(kept)) == EVENT
    assert history.document("abc", "Dockerfile") == b"FROM x\n"


async def test_a_build_that_is_there_stays_as_it_is(history: History) -> None:
    await import_build(history, messages(first()))
    with pytest.raises(OptionError, match="already"):
        await import_build(history, messages(first()))
    assert history.get("abc").title == "app"


@pytest.mark.parametrize("ref", ["", "../x", "a/b", ".hidden"])
async def test_a_ref_that_is_no_file_name_is_refused(history: History, ref: str) -> None:
    with pytest.raises(OptionError):
        await import_build(history, messages(first(ref)))


async def test_events_that_break_off_leave_no_build(history: History) -> None:
    with pytest.raises(ConnectionError):
        await import_build(history, messages(first(), error=ConnectionError()))
    with pytest.raises(NotFoundError):
        history.get("abc")
    assert not history.directory("abc").exists()


async def test_nothing_is_no_build(history: History) -> None:
    with pytest.raises(OptionError, match="record"):
        await import_build(history, messages())


@pytest.mark.parametrize(
    ("state", "message", "code", "phase"),
    [
        ("running", "", 0, BuildPhase.DONE),
        ("", "", 0, BuildPhase.DONE),
        ("", "boom", 2, BuildPhase.FAILED),
        ("", "cancelled", 1, BuildPhase.CANCELLED),
        ("failed", "", 0, BuildPhase.FAILED),
        ("strange", "boom", 2, BuildPhase.FAILED),
    ],
)
def test_an_imported_build_is_over(state: str, message: str, code: int, phase: BuildPhase) -> None:
    build = engine_pb2.GetBuildResponse()
    build.record.Ref, build.record.state = "r", state
    build.record.error.message, build.record.error.code = message, code
    assert record_from(build).phase is phase
