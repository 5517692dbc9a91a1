"""What builds are told: vertices, output, reasons."""

from __future__ import annotations

import asyncio

import pytest

from core.errors import BuildError
from core.llb.metadata import Metadata
from core.llb.vertex import Edge
from core.progress.state import BuildState, StepState


def last(messages):
    return {v.name: v for status in messages for v in status.vertexes}


async def test_every_vertex_is_told_before_anything_runs(world, solve) -> None:
    messages = []
    base = world.vertex("base")
    await solve(world.vertex("top", base), messages=messages)
    first = messages[0].vertexes
    assert [v.name for v in first] == ["base", "top"]
    assert all(v.started is None for v in first)
    assert first[1].inputs == (str(base.digest),)


async def test_steps_start_and_complete(world, solve) -> None:
    messages = []
    await solve(world.vertex("top", world.vertex("base")), messages=messages)
    for vertex in last(messages).values():
        assert vertex.started is not None
        assert vertex.completed is not None
        assert vertex.completed >= vertex.started
        assert not vertex.cached


async def test_waiting_for_others_is_no_part_of_a_steps_time(world, solver, monkeypatch) -> None:
    clock = iter(range(10**9, 10**12, 10**9))
    monkeypatch.setattr("core.solver.tracker.time.time_ns", lambda: next(clock))
    messages, gate = [], asyncio.Event()
    base = world.vertex("base", gate=gate)
    files = world.vertex("files", value=1, kept=False)
    copy = world.vertex("copy", base, files, content=(1,))
    async with solver.job(progress=messages.append) as job:
        task = asyncio.create_task(job.build([Edge(copy)]))
        await world.begun("base").wait()
        for _ in range(30):
            await asyncio.sleep(0)
        assert world.contents["copy"] == 1
        gate.set()
        await task
    told = [v for status in messages for v in status.vertexes if v.name == "copy"]
    intervals = {(v.started, v.completed) for v in told if v.completed is not None}
    assert len(intervals) == 2
    (_, first_end), (second_start, _) = sorted(intervals)
    base_end = last(messages)["base"].completed
    assert base_end is not None
    assert first_end < base_end < second_start


async def test_a_build_that_needs_nothing_shows_every_step_cached(world, solve) -> None:
    def graph():
        return world.vertex("top", world.vertex("middle", world.vertex("base", slow_map=True)))

    await solve(graph())
    messages = []
    await solve(graph(), messages=messages)
    vertices = last(messages)
    assert {v.name for v in vertices.values() if v.cached} == {"top", "middle", "base"}
    assert all(v.completed is not None for v in vertices.values())
    assert vertices["top"].reason == "unchanged"


async def test_output_reaches_every_build_that_waits(world, solver) -> None:
    gate = asyncio.Event()
    vertex = world.vertex("step", gate=gate)
    heard = [[], []]

    async def build(said):
        async with solver.job(progress=said.append) as job:
            await job.build([Edge(vertex)])

    tasks = [asyncio.create_task(build(said)) for said in heard]
    await world.begun("step").wait()
    gate.set()
    await asyncio.gather(*tasks)
    for said in heard:
        assert [log.data for status in said for log in status.logs] == [b"step runs\n"]


async def test_a_failed_step_says_so_and_running_ones_are_cancelled(world, solver) -> None:
    messages = []
    slow = world.vertex("slow", gate=asyncio.Event())
    broken = world.vertex("broken", fails=BuildError("exit code: 1"))
    async with solver.job(progress=messages.append) as job:
        with pytest.raises(BuildError):
            await job.build([Edge(world.vertex("top", slow, broken))])
    vertices = last(messages)
    assert vertices["broken"].error == "exit code: 1"
    assert vertices["slow"].error == "context canceled"
    state = BuildState()
    for status in messages:
        state.apply(status)
    states = {v.name: v.state for v in state.vertices.values()}
    assert states["broken"] is StepState.FAILED
    assert states["slow"] is StepState.CANCELLED
    assert states["top"] is StepState.WAITING


async def test_a_merged_step_is_told_under_both_names(world, solve) -> None:
    messages = []
    one = world.vertex("one", key="same", slow_map=True)
    two = world.vertex("two", key="same", slow_map=True)
    await solve(one, two, messages=messages)
    vertices = last(messages)
    assert vertices["one"].completed is not None
    assert vertices["two"].completed is not None


def steps(world, *, arg="1", command="make", files=None, image="sha256:a", session=0):
    """FROM image; COPY files; RUN command with ARG."""

    def named(name, kind, **more):
        return Metadata(name=name, kind=kind, **more)

    files = files or {"package.json": "1", "package-lock.json": "1"}
    base = world.vertex(
        "image",
        key=image,
        explain=(("base image", image),),
        metadata=named("[1/3] FROM busybox", "from"),
    )
    context = world.vertex(
        "context",
        key=f"session {session}",
        value=hash(tuple(files.items())) % 1000,
        lasting=False,
        kept=False,
        metadata=named("[internal] load build context", "context"),
    )
    copy = world.vertex(
        "copy",
        base,
        context,
        content=(1,),
        files={1: files},
        key="copy",
        metadata=named("[2/3] COPY . .", "copy"),
    )
    return world.vertex(
        f"run {command} {arg}",
        copy,
        key=f"run {command} {arg}",
        explain=(("command", command), ("env VERSION", arg)),
        metadata=named("[3/3] RUN make", "run", description=(("args", "VERSION"),)),
    )


async def reasons(world, solve, **graph):
    messages = []
    await solve(steps(world, **graph), messages=messages, scope="project")
    return {name: v.reason for name, v in last(messages).items()}


COPY, RUN, FROM = "[2/3] COPY . .", "[3/3] RUN make", "[1/3] FROM busybox"


async def test_the_first_build_is_called_that(world, solve) -> None:
    told = await reasons(world, solve)
    assert told[RUN] == told[COPY] == told[FROM] == "first build"


async def test_nothing_changed(world, solve) -> None:
    await reasons(world, solve, session=1)
    told = await reasons(world, solve, session=2)
    assert told[RUN] == "unchanged"
    assert told[COPY] == "not needed: what uses it is cached"


async def test_a_changed_file_is_named(world, solve) -> None:
    await reasons(world, solve)
    files = {"package.json": "1", "package-lock.json": "2"}
    told = await reasons(world, solve, files=files, session=1)
    assert told[COPY] == "package-lock.json changed"
    assert told[RUN] == f"package-lock.json changed (in {COPY})"


async def test_new_and_removed_files_are_named(world, solve) -> None:
    await reasons(world, solve)
    more = {"package.json": "1", "package-lock.json": "1", "a": "1"}
    assert (await reasons(world, solve, files=more, session=1))[COPY] == "a is new"
    assert (await reasons(world, solve, files={"a": "1"}, session=2))[COPY] == (
        "package-lock.json was removed and 1 more"
    )


async def test_a_new_base_image_is_named(world, solve) -> None:
    await reasons(world, solve)
    told = await reasons(world, solve, image="sha256:b")
    assert told[FROM] == told[COPY] == told[RUN] == "base image now sha256:b"


async def test_an_argument_is_named_with_both_values(world, solve) -> None:
    await reasons(world, solve)
    assert (await reasons(world, solve, arg="2"))[RUN] == "ARG VERSION 1 -> 2"


async def test_a_changed_command_is_told(world, solve) -> None:
    await reasons(world, solve)
    assert (await reasons(world, solve, command="make all"))[RUN] == "command changed"


async def test_a_build_is_compared_with_the_last_one_even_if_that_was_cached(world, solve) -> None:
    for arg in ("1", "2", "1"):
        await reasons(world, solve, arg=arg)
    assert (await reasons(world, solve, arg="3"))[RUN] == "ARG VERSION 1 -> 3"


async def test_a_pruned_result_is_the_reason_when_nothing_else_is(world, solve, database) -> None:
    await reasons(world, solve)
    for table in ("results", "key_results", "result_layers"):
        database.write(f"DELETE FROM {table}")
    told = await reasons(world, solve)
    assert told[RUN] == "its earlier result is no longer in the cache"


async def test_ignoring_the_cache_is_a_reason(world, solve) -> None:
    await reasons(world, solve)
    messages = []
    await solve(steps(world), messages=messages, scope="project", ignore_cache=True)
    assert last(messages)[RUN].reason == "the cache is not to be used"


async def test_a_step_after_one_that_ignores_the_cache_names_that_one(world, solve) -> None:
    def graph(*, ignore):
        base = world.vertex("base", metadata=Metadata(name="base", ignore_cache=ignore))
        return world.vertex("top", world.vertex("middle", base))

    await solve(graph(ignore=False), scope="p")
    messages = []
    await solve(graph(ignore=True), scope="p", messages=messages)
    assert last(messages)["top"].reason == "the cache is not to be used (in base)"


async def test_a_directory_of_the_client_is_looked_at_by_every_build(world, solve) -> None:
    await reasons(world, solve)
    told = await reasons(world, solve, files={"a": "2"}, session=1)
    assert told["[internal] load build context"] == "looked at by every build"


async def test_projects_are_not_compared_with_each_other(world, solve) -> None:
    await reasons(world, solve)
    messages = []
    await solve(steps(world, arg="9"), messages=messages, scope="another")
    assert last(messages)[RUN].reason == "first build"
