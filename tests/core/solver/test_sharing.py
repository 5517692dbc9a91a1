"""Several builds and several platforms at once: sharing, merging, limits, failure, cancellation."""

from __future__ import annotations

import asyncio

import pytest

from core.errors import BuildError, LineRange
from core.llb.metadata import Metadata
from core.llb.vertex import Edge
from core.solver.protocol import Slot


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_two_builds_share_what_they_have_in_common(world, solver) -> None:
    gate = asyncio.Event()
    common = world.vertex("common", value=1, gate=gate)
    one = world.vertex("one", common, value=10)
    two = world.vertex("two", common, value=20)

    async def build(vertex):
        async with solver.job(progress=lambda status: None) as job:
            return (await job.build([Edge(vertex)]))[0].value

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(build(vertex)) for vertex in (one, two, two)]
        await world.begun("common").wait()
        gate.set()
    assert [task.result() for task in tasks] == [11, 21, 21]
    assert world.runs == {"common": 1, "one": 1, "two": 1}


async def test_cancelling_a_build_leaves_what_another_waits_for(world, solver) -> None:
    gate = asyncio.Event()
    common = world.vertex("common", value=1, gate=gate)
    alone = world.vertex("alone", value=1, gate=gate)
    one = world.vertex("one", common, alone, value=10)
    two = world.vertex("two", common, value=20)

    async def build(vertex):
        async with solver.job(progress=lambda status: None) as job:
            return (await job.build([Edge(vertex)]))[0].value

    first = asyncio.create_task(build(one))
    second = asyncio.create_task(build(two))
    await world.begun("common").wait()
    await world.begun("alone").wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert world.cancelled == {"alone": 1}
    assert world.running == {"common"}
    gate.set()
    assert await second == 21
    assert world.runs["common"] == 1


async def test_a_cancelled_build_returns_when_its_steps_have_ended(world, solver) -> None:
    slow = world.vertex("slow", value=1, gate=asyncio.Event())
    async with solver.job(progress=lambda status: None) as job:
        task = asyncio.create_task(job.build([Edge(slow)]))
        await world.begun("slow").wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert world.running == set()


async def test_what_was_cancelled_can_be_built_again_at_once(world, solver, solve) -> None:
    gate = asyncio.Event()
    slow = world.vertex("slow", value=1, gate=gate)
    task = asyncio.create_task(solve(slow))
    await world.begun("slow").wait()
    task.cancel()
    again = asyncio.create_task(solve(slow))
    gate.set()
    assert await again == [1]
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_failure_ends_the_rest_of_its_build_only(world, solver) -> None:
    gate = asyncio.Event()
    shared = world.vertex("shared", value=1, gate=gate)
    broken = world.vertex("broken", value=1, fails=BuildError("no"))
    mine = world.vertex("mine", value=1, gate=asyncio.Event())
    failing = world.vertex("failing", shared, broken, mine, value=1)
    good = world.vertex("good", shared, value=10)

    async def build(vertex):
        async with solver.job(progress=lambda status: None) as job:
            return (await job.build([Edge(vertex)]))[0].value

    other = asyncio.create_task(build(good))
    await world.begun("shared").wait()
    async with solver.job(progress=lambda status: None) as job:
        with pytest.raises(BuildError, match="no"):
            await job.build([Edge(failing)])
        assert job.failure is not None
        assert job.failure.vertex == broken
    assert world.cancelled == {"mine": 1}
    gate.set()
    assert await other == 11


async def test_a_failed_step_is_tried_again_by_the_next_build(world, solver, solve) -> None:
    vertex = world.vertex("flaky", value=1, fails=BuildError("once"))
    async with solver.job(progress=lambda status: None) as job:
        with pytest.raises(BuildError):
            await job.build([Edge(vertex)])
        world.specs["flaky"].fails = None
        assert await solve(vertex) == [1]


async def test_a_failing_cache_map_fails_the_build(world, solve) -> None:
    image = world.vertex("image", slow_map=True, map_fails=BuildError("not found"))
    with pytest.raises(BuildError, match="not found"):
        await solve(world.vertex("run", image))


async def test_a_failure_is_told_with_the_lines_of_its_step(world, solve) -> None:
    where = (LineRange(start=3, end=4),)
    broken = world.vertex(
        "broken", fails=BuildError("no"), metadata=Metadata(name="broken", ranges=where)
    )
    with pytest.raises(BuildError) as caught:
        await solve(world.vertex("top", broken))
    assert caught.value.ranges == where


async def test_the_failure_holds_the_inputs_of_the_failed_step(world, solver) -> None:
    base = world.vertex("base", value=7)
    broken = world.vertex("broken", base, fails=BuildError("no"))
    async with solver.job(progress=lambda status: None) as job:
        with pytest.raises(BuildError):
            await job.build([Edge(world.vertex("top", broken))])
        assert job.failure is not None
        assert [item.value for item in job.failure.inputs] == [7]


async def test_ready_steps_run_together_up_to_the_limit(world, solver, solve) -> None:
    solver.limits.change(3, 2)
    steps = [world.vertex(f"step {number}", value=1) for number in range(10)]
    await solve(world.vertex("top", *steps))
    assert world.most == 3


async def test_emulated_steps_have_a_lower_limit_and_do_not_hold_up_others(
    world, solver, solve
) -> None:
    solver.limits.change(4, 1)
    gate = asyncio.Event()
    slow = [
        world.vertex(f"emulated {number}", slot=Slot.EMULATED, gate=gate) for number in range(3)
    ]
    fast = [world.vertex(f"native {number}") for number in range(3)]
    task = asyncio.create_task(solve(world.vertex("top", *slow, *fast)))
    await settle()
    assert world.running == {"emulated 0"}
    assert sum(world.runs[f"native {number}"] for number in range(3)) == 3
    gate.set()
    await task
    assert world.most_emulated == 1


async def test_steps_that_turn_out_equal_run_once(world, solve) -> None:
    """A tag and the digest it stands for."""
    by_tag = world.vertex("by tag", value=1, key="sha256:same", slow_map=True)
    by_digest = world.vertex("by digest", value=1, key="sha256:same", slow_map=True)
    one = world.vertex("run one", by_tag, value=10, key="run")
    two = world.vertex("run two", by_digest, value=10, key="run")
    assert await solve(one, two) == [11, 11]
    assert world.runs["by tag"] + world.runs["by digest"] == 1
    assert world.runs["run one"] + world.runs["run two"] == 1


async def test_steps_on_equal_content_run_once(world, solve) -> None:
    left = world.vertex("left", value=5, key="a")
    right = world.vertex("right", value=5, key="b")
    one = world.vertex("one", left, value=10, key="copy", content=(0,))
    two = world.vertex("two", right, value=10, key="copy", content=(0,))
    top = world.vertex("top", one, two)
    assert await solve(top) == [30]
    assert world.runs["one"] + world.runs["two"] == 1


async def test_a_step_on_its_own_twin_is_not_merged_into_it(world, solve) -> None:
    """The same operation twice in a row, on content that the first one leaves as it was."""
    base = world.vertex("base", value=5)
    first = world.vertex("first", base, value=0, key="touch", content=(0,))
    second = world.vertex("second", first, value=0, key="touch", content=(0,))
    assert await solve(second) == [5]
    assert await solve(world.vertex("third", second, value=0, key="touch", content=(0,))) == [5]


async def test_a_merged_step_outlives_the_build_that_it_came_from(world, solver) -> None:
    gate = asyncio.Event()
    source = world.vertex("source a", value=1, key="same", slow_map=True)
    other = world.vertex("source b", value=1, key="same", slow_map=True)
    one = world.vertex("one", source, value=10, key="run", gate=gate)
    two = world.vertex("two", other, value=10, key="run", gate=gate)

    async def build(vertex):
        async with solver.job(progress=lambda status: None) as job:
            return (await job.build([Edge(vertex)]))[0].value

    first = asyncio.create_task(build(one))
    await world.begun("one").wait()
    second = asyncio.create_task(build(two))
    await settle()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.set()
    assert await second == 11
    assert world.runs["one"] + world.runs["two"] == 1


async def test_a_build_without_the_cache_does_not_disturb_one_with_it(world, solver, solve) -> None:
    base = world.vertex("base", value=1)
    top = world.vertex("top", base, value=10)
    await solve(top)
    world.runs.clear()
    results = await asyncio.gather(solve(top, ignore_cache=True), solve(top))
    assert results == [[11], [11]]
    assert world.runs == {"base": 1, "top": 1}


async def test_two_builds_without_the_cache_share_their_steps(world, solve) -> None:
    gate = asyncio.Event()
    base = world.vertex("base", value=1, gate=gate)
    tasks = [asyncio.create_task(solve(base, ignore_cache=True)) for _ in range(2)]
    await world.begun("base").wait()
    gate.set()
    assert [await task for task in tasks] == [[1], [1]]
    assert world.runs == {"base": 1}


async def test_a_bug_in_an_operation_fails_the_build_with_its_traceback(world, solve) -> None:
    with pytest.raises(ZeroDivisionError):
        await solve(world.vertex("bug", fails=ZeroDivisionError()))


async def test_an_operation_cancelled_from_within_is_a_failure(world, solve) -> None:
    with pytest.raises(BuildError, match="from within"):
        await solve(world.vertex("odd", fails=asyncio.CancelledError()))


async def test_platforms_of_shared_steps_are_joined(world, solver) -> None:
    from core.oci.platform import parse_platform

    arm, amd = parse_platform("linux/arm64"), parse_platform("linux/amd64")
    said = []

    def context(platform):
        return world.vertex("context", metadata=Metadata(name="context", platforms=(platform,)))

    one = world.vertex("one", context(amd))
    two = world.vertex("two", context(arm))
    async with solver.job(progress=said.append) as job:
        await job.build([Edge(one), Edge(two)])
    vertices = {v.name: v for status in said for v in status.vertexes}
    assert set(vertices["context"].platforms) == {"linux/amd64", "linux/arm64"}
