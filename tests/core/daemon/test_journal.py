"""A build's events are the same for early, late and repeated readers."""

from __future__ import annotations

import asyncio
from pathlib import Path

from core.daemon.journal import Journal, read_journal
from core.progress.codec import status_from_wire
from core.progress.messages import SolveStatus, Vertex, VertexLog
from core.progress.state import BuildState
from core.wire.pb import control_pb2


def _state(messages: list[bytes]) -> BuildState:
    state = BuildState()
    for message in messages:
        state.apply(status_from_wire(control_pb2.StatusResponse.FromString(message)))
    return state


def _event(number: int) -> SolveStatus:
    return SolveStatus(
        vertexes=(Vertex(digest=f"sha256:{number}", name=str(number), started=1),),
        logs=(VertexLog(vertex=f"sha256:{number}", data=b"line\n"),),
    )


async def test_early_and_late_followers_see_the_same(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "events.pb")

    async def follow() -> list[bytes]:
        return [message async for message in journal.follow()]

    early = asyncio.create_task(follow())
    await asyncio.sleep(0)
    for number in range(600):
        journal.put(_event(number))
    late = asyncio.create_task(follow())
    await asyncio.sleep(0)
    journal.put(_event(600))
    journal.close()
    messages = await early
    assert await late == messages == await follow() == list(read_journal(journal.path))
    state = _state(messages)
    assert len(state.vertices) == 601
    assert all(step.log_lines == 1 for step in state.vertices.values())


async def test_events_after_the_end_are_dropped(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "events.pb")
    journal.close()
    journal.put(_event(1))
    journal.close()
    assert list(read_journal(journal.path)) == []


async def test_a_journal_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "events.pb"
    journal = Journal(path)
    for number in range(3):
        journal.put(_event(number))
        journal.flush()
    journal.close()
    path.write_bytes(path.read_bytes()[:-5])
    assert len(list(read_journal(path))) == 2


def test_a_journal_that_is_gone_is_empty(tmp_path: Path) -> None:
    assert list(read_journal(tmp_path / "none")) == []
