from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.client.request import BuildRequest as ClientRequest
from core.errors import CancelledBuildError, ExecError
from core.progress.messages import SolveStatus, Vertex, VertexLog
from desktop.building.request import BuildRequest
from desktop.builds import BuildQueue, BuildSession, BuildStatus
from desktop.tasks import Tasks

Until = Callable[[Callable[[], object]], None]


class Outcome:
    digest = "sha256:" + "a" * 64


class Script:
    """Stands for a build on a builder: events that the test puts in, and an end."""

    ref = "ref1"

    def __init__(self) -> None:
        self.events: asyncio.Queue[SolveStatus | None] = asyncio.Queue()
        self.failure: Exception | None = None
        self.closed = False

    async def statuses(self) -> AsyncIterator[SolveStatus]:
        while (status := await self.events.get()) is not None:
            yield status

    async def result(self) -> Outcome:
        if self.failure is not None:
            raise self.failure
        return Outcome()

    def cancel(self) -> None:
        self.failure = CancelledBuildError("cancelled")
        self.events.put_nowait(None)

    def end(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.events.put_nowait(None)


def request(name: str = "a", folder: str = "/p") -> BuildRequest:
    return BuildRequest(
        dockerfile=Path(folder, "Dockerfile"), context=Path(folder), platforms=("linux/amd64",),
        tags=(f"{name}:1",),
    )  # fmt: skip


@pytest.fixture
def scripts() -> list[Script]:
    return []


@pytest.fixture
def queue(tasks: Tasks, scripts: list[Script]) -> Iterator[BuildQueue]:
    @asynccontextmanager
    async def start(_wanted: ClientRequest, _request: BuildRequest) -> AsyncIterator[Script]:
        script = Script()
        scripts.append(script)
        yield script
        script.closed = True

    queue = BuildQueue(tasks, start, lambda _request: ClientRequest())
    yield queue
    queue.close()


def step(digest: str, **changes: object) -> Vertex:
    return Vertex(digest=digest, name=f"RUN {digest}", **changes)  # type: ignore[arg-type]


def test_a_build_goes_from_queued_to_done(
    queue: BuildQueue, scripts: list[Script], until: Until
) -> None:
    session = BuildSession(request(), plan=None)
    seen: list[BuildStatus] = []
    session.status_changed.connect(lambda: seen.append(session.status))
    queue.add(session)
    until(lambda: scripts)
    scripts[0].events.put_nowait(SolveStatus(vertexes=(step("v", started=1, completed=2),)))
    scripts[0].end()
    until(lambda: session.status.ended)
    assert seen == [BuildStatus.RUNNING, BuildStatus.DONE]
    assert session.ref == "ref1"
    assert session.digest == Outcome.digest
    assert session.counts() == (1, 1)
    assert scripts[0].closed


def test_events_between_two_beats_are_one_change(
    queue: BuildQueue, scripts: list[Script], until: Until
) -> None:
    session = BuildSession(request(), plan=None)
    changes: list[SolveStatus] = []
    session.changed.connect(changes.append)
    queue.add(session)
    until(lambda: scripts)
    scripts[0].events.put_nowait(SolveStatus(vertexes=(step("v", started=1),)))
    for n in range(1000):
        log = VertexLog(vertex="v", data=f"{n}\n".encode())
        scripts[0].events.put_nowait(SolveStatus(logs=(log,)))
    scripts[0].end()
    until(lambda: session.status.ended)
    assert len(changes) < 20
    assert session.lines.lines(0, len(session.lines)) == [str(n).encode() for n in range(1000)]
    assert session.state.vertices["v"].log_lines == 1000


def test_a_failure_is_kept_with_its_sentence(
    queue: BuildQueue, scripts: list[Script], until: Until, problems: list[object]
) -> None:
    session = BuildSession(request(), plan=None)
    queue.add(session)
    until(lambda: scripts)
    scripts[0].end(ExecError("The step failed.", exit_code=3))
    until(lambda: session.status.ended)
    assert session.status is BuildStatus.FAILED
    assert str(session.error) == "The step failed."
    assert problems == []


def test_a_fault_of_ours_is_reported_and_the_build_ends(
    queue: BuildQueue, scripts: list[Script], until: Until, problems: list[object]
) -> None:
    session = BuildSession(request(), plan=None)
    queue.add(session)
    until(lambda: scripts)
    scripts[0].end(ZeroDivisionError("x"))
    until(lambda: session.status.ended and problems)
    assert session.status is BuildStatus.FAILED
    assert [type(p) for p in problems] == [ZeroDivisionError]


def test_the_second_build_waits_for_the_first(
    queue: BuildQueue, scripts: list[Script], until: Until
) -> None:
    first, second = BuildSession(request("a"), plan=None), BuildSession(request("b"), plan=None)
    queue.add(first)
    queue.add(second)
    until(lambda: scripts)
    assert (first.status, second.status) == (BuildStatus.RUNNING, BuildStatus.QUEUED)
    assert queue.waiting == (second,)
    scripts[0].end()
    until(lambda: len(scripts) == 2)
    assert queue.current is second
    scripts[1].end()
    until(lambda: second.status.ended)
    assert queue.current is None


def test_cancelling_ends_the_running_build_alone(
    queue: BuildQueue, scripts: list[Script], until: Until, problems: list[object]
) -> None:
    first, second = BuildSession(request("a"), plan=None), BuildSession(request("b"), plan=None)
    queue.add(first)
    queue.add(second)
    until(lambda: scripts)
    assert queue.cancel()
    until(lambda: first.status.ended and len(scripts) == 2)
    assert first.status is BuildStatus.CANCELLED
    assert second.status is BuildStatus.RUNNING
    scripts[1].end()
    until(lambda: second.status.ended)
    assert second.status is BuildStatus.DONE
    assert problems == []


def test_a_waiting_build_can_be_cancelled(
    queue: BuildQueue, scripts: list[Script], until: Until
) -> None:
    first, second = BuildSession(request("a"), plan=None), BuildSession(request("b"), plan=None)
    queue.add(first)
    queue.add(second)
    until(lambda: scripts)
    assert queue.cancel(second)
    assert second.status is BuildStatus.CANCELLED
    assert not queue.cancel(second)
    scripts[0].end()
    until(lambda: first.status.ended)
    assert len(scripts) == 1


def test_builds_of_two_projects_run_at_the_same_time_and_a_third_waits(
    queue: BuildQueue, scripts: list[Script], until: Until
) -> None:
    a, b, c = (BuildSession(request(n, f"/{n}"), plan=None) for n in "abc")
    again = BuildSession(request("again", "/a"), plan=None)
    for session in (a, again, b, c):
        queue.add(session)
    until(lambda: len(scripts) == 2)
    assert queue.running == (a, b)
    assert queue.waiting == (again, c)
    scripts[1].end()
    until(lambda: len(scripts) == 3)
    assert queue.running == (a, c)
    scripts[0].end()
    until(lambda: len(scripts) == 4)
    assert queue.running == (c, again)
    for script in scripts[2:]:
        script.end()
    until(lambda: again.status.ended and c.status.ended)


def test_a_build_that_runs_already_is_followed_beside_the_others(
    tasks: Tasks, scripts: list[Script], until: Until
) -> None:
    @asynccontextmanager
    async def attach(ref: str) -> AsyncIterator[Script]:
        script = Script()
        script.ref = ref
        scripts.append(script)
        yield script

    queue = BuildQueue(tasks, _never, lambda _request: ClientRequest(), attach)
    left = [BuildSession(request(), plan=None) for _ in range(3)]
    for n, session in enumerate(left):
        session.ref = f"left{n}"
        queue.add(session)
    until(lambda: len(scripts) == 3)
    assert queue.running == tuple(left)
    for script in scripts:
        script.end()
    until(lambda: not queue.running)
    queue.close()


@asynccontextmanager
async def _never(_wanted: ClientRequest, _request: BuildRequest) -> AsyncIterator[Script]:
    raise AssertionError("nothing is started here")
    yield
