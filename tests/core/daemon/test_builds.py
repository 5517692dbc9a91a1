"""Builds run in turn, end once, and can be followed from anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from grpclib.exceptions import GRPCError

from core.daemon.build_run import BuildRun
from core.daemon.builds import Builds
from core.daemon.history import History
from core.daemon.records import BuildPhase
from core.daemon.sessions import Sessions
from core.errors import BuilderError, CancelledBuildError, DockerfileError, LineRange
from core.progress.codec import status_from_wire
from core.wire.failure import SourceText, from_grpc
from core.wire.pb import control_pb2

Work = Callable[[BuildRun], Awaitable[dict[str, str]]]


@pytest.fixture
def history(tmp_path: Path) -> History:
    history = History(tmp_path / "builds")
    history.open()
    return history


def _builds(history: History, work: Work, *, at_once: int = 4) -> Builds:
    return Builds(history, Sessions(), work, at_once=at_once)


def _request(ref: str, *, detach: bool = False) -> control_pb2.SolveRequest:
    return control_pb2.SolveRequest(Ref=ref, Frontend="dockerfile.v0", detach=detach)


async def test_a_build_answers_and_is_kept(history: History) -> None:
    async def work(run: BuildRun) -> dict[str, str]:
        with run.step("[internal] something") as step:
            step.log(1, b"hello\n")
        return {"containerimage.digest": "sha256:d"}

    builds = _builds(history, work)
    reply = await builds.solve(_request("one"))
    assert dict(reply.ExporterResponse) == {"containerimage.digest": "sha256:d"}
    record = history.get("one")
    assert (record.phase, record.steps, record.completed_steps) == (BuildPhase.DONE, 1, 1)
    messages = [message async for message in builds.follow("one")]
    status = status_from_wire(control_pb2.StatusResponse.FromString(messages[0]))
    assert status.vertexes[-1].name == "[internal] something"
    assert status.logs[0].data == b"hello\n"


async def test_a_failure_reaches_the_caller_with_its_lines(history: History) -> None:
    async def work(run: BuildRun) -> dict[str, str]:
        run.source = SourceText(name="Dockerfile", data=b"FROM x\n")
        raise DockerfileError("wrong", ranges=[LineRange(1, 1)])

    with pytest.raises(GRPCError) as caught:
        await _builds(history, work).solve(_request("one"))
    error = from_grpc(caught.value)
    assert isinstance(error, DockerfileError)
    assert error.lines == [1]
    assert history.get("one").phase is BuildPhase.FAILED


async def test_a_defect_is_told_as_one_and_ends_the_build_alone(
    history: History, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(run: BuildRun) -> dict[str, str]:
        raise ZeroDivisionError("oh")

    builds = _builds(history, work)
    with pytest.raises(GRPCError, match="ZeroDivisionError"):
        await builds.solve(_request("one"))
    assert len(builds) == 0
    assert isinstance(history.get("one").error, BuilderError)
    assert "ended by a defect" in caplog.text


async def test_builds_beyond_the_limit_wait(history: History) -> None:
    begun, release = asyncio.Event(), asyncio.Event()
    running: list[str] = []

    async def work(run: BuildRun) -> dict[str, str]:
        running.append(run.ref)
        begun.set()
        await release.wait()
        return {}

    builds = _builds(history, work, at_once=1)
    first = asyncio.create_task(builds.solve(_request("one")))
    second = asyncio.create_task(builds.solve(_request("two")))
    await begun.wait()
    assert history.get("two").phase is BuildPhase.QUEUED
    release.set()
    await asyncio.gather(first, second)
    assert running == ["one", "two"]


async def test_a_caller_that_leaves_ends_its_build(history: History) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def work(run: BuildRun) -> dict[str, str]:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return {}

    builds = _builds(history, work)
    call = asyncio.create_task(builds.solve(_request("one")))
    await started.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert ended.is_set()
    assert history.get("one").phase is BuildPhase.CANCELLED


async def test_a_detached_build_goes_on_and_can_be_cancelled(history: History) -> None:
    started = asyncio.Event()

    async def work(run: BuildRun) -> dict[str, str]:
        started.set()
        await asyncio.Event().wait()
        return {}

    builds = _builds(history, work)
    call = asyncio.create_task(builds.solve(_request("one", detach=True)))
    await started.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert history.get("one").phase is BuildPhase.RUNNING
    assert builds.cancel("one")
    assert [message async for message in builds.follow("one")] == []
    await builds.aclose()
    assert history.get("one").phase is BuildPhase.CANCELLED
    assert not builds.cancel("one")


async def test_cancelling_is_told_to_the_caller(history: History) -> None:
    started = asyncio.Event()

    async def work(run: BuildRun) -> dict[str, str]:
        started.set()
        await asyncio.Event().wait()
        return {}

    builds = _builds(history, work)
    call = asyncio.create_task(builds.solve(_request("one")))
    await started.wait()
    builds.cancel("one")
    with pytest.raises(GRPCError) as caught:
        await call
    assert isinstance(from_grpc(caught.value), CancelledBuildError)


async def test_a_follower_may_come_before_the_build(history: History) -> None:
    async def work(run: BuildRun) -> dict[str, str]:
        with run.step("x"):
            return {}

    builds = _builds(history, work)

    async def follow() -> int:
        return len([message async for message in builds.follow("one")])

    following = asyncio.create_task(follow())
    await asyncio.sleep(0)
    await builds.solve(_request("one"))
    assert await following == 1
