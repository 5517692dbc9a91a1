"""What is executed and what is found, with numbers for results."""

from __future__ import annotations

from core.llb.metadata import Metadata
from core.llb.vertex import Edge


async def test_a_build_runs_each_step_once(world, solve) -> None:
    base = world.vertex("base", value=1)
    left = world.vertex("left", base, value=10)
    right = world.vertex("right", base, value=100)
    assert await solve(world.vertex("top", left, right, value=1000)) == [1112]
    assert world.runs == {"base": 1, "left": 1, "right": 1, "top": 1}


async def test_a_second_build_runs_nothing_and_loads_only_the_result(world, solve) -> None:
    def graph():
        base = world.vertex("base", value=1)
        middle = world.vertex("middle", base, value=10)
        return world.vertex("top", middle, value=100)

    assert await solve(graph()) == [111]
    world.runs.clear()
    world.lost.update({1, 11})
    assert await solve(graph()) == [111]
    assert world.runs == {}


async def test_a_changed_step_runs_with_what_follows_and_not_with_what_precedes(
    world, solve
) -> None:
    def graph(value):
        base = world.vertex("base", value=1)
        middle = world.vertex("middle", base, value=value)
        return world.vertex("top", middle, value=100)

    await solve(graph(10))
    world.runs.clear()
    assert await solve(graph(20)) == [121]
    assert world.runs == {"middle": 1, "top": 1}


async def test_equal_content_is_enough(world, solve) -> None:
    """A COPY of a context that is another every time and holds the same."""

    def graph(session):
        context = world.vertex("context", value=5, key=f"session {session}", kept=False)
        base = world.vertex("base", value=1)
        copy = world.vertex("copy", base, context, value=10, content=(1,))
        return world.vertex("run", copy, value=100)

    assert await solve(graph(1)) == [116]
    world.runs.clear()
    assert await solve(graph(2)) == [116]
    assert world.runs == {"context": 1}
    assert world.contents == {"copy": 2}


async def test_other_content_is_a_miss(world, solve) -> None:
    def graph(session, value):
        context = world.vertex("context", value=value, key=f"session {session}", kept=False)
        copy = world.vertex("copy", context, value=10, content=(0,))
        return world.vertex("run", copy, value=100)

    assert await solve(graph(1, 5)) == [115]
    world.runs.clear()
    assert await solve(graph(2, 6)) == [116]
    assert world.runs == {"context": 1, "copy": 1, "run": 1}
    world.runs.clear()
    assert await solve(graph(3, 5)) == [115]
    assert world.runs == {"context": 1}


async def test_a_match_by_content_is_one_by_definition_the_next_time(world, solve) -> None:
    def graph(key):
        stage = world.vertex("stage", value=5, key=key)
        return world.vertex("copy", stage, value=10, content=(0,))

    await solve(graph("one"))
    await solve(graph("two"))
    assert world.contents["copy"] == 2
    world.runs.clear()
    await solve(graph("two"))
    assert world.contents["copy"] == 2
    assert world.runs == {}


async def test_content_is_not_looked_at_when_definitions_match(world, solve) -> None:
    def graph():
        stage = world.vertex("stage", value=5)
        return world.vertex("copy", stage, value=10, content=(0,))

    await solve(graph())
    world.runs.clear()
    world.contents.clear()
    await solve(graph())
    assert world.runs == {}
    assert world.contents == {}


async def test_an_input_that_matches_by_definition_is_not_computed_for_its_content(
    world, solve
) -> None:
    """An image that is pulled only if needed, beside files that must be looked at."""

    def graph(session):
        image = world.vertex("image", value=1)
        files = world.vertex("files", value=5, key=f"session {session}", kept=False)
        return world.vertex("copy", image, files, value=10, content=(0, 1))

    await solve(graph(1))
    world.runs.clear()
    world.lost.add(1)
    assert await solve(graph(2)) == [16]
    assert world.runs == {"files": 1}


async def test_selectors_tell_uses_of_one_input_apart(world, solve) -> None:
    def graph(selector):
        stage = world.vertex("stage", value=5)
        return world.vertex("copy", stage, value=10, key="copy", selectors=(selector,))

    await solve(graph("/a"))
    world.runs.clear()
    await solve(graph("/b"))
    assert world.runs == {"copy": 1}
    world.runs.clear()
    await solve(graph("/a"))
    await solve(graph("/b"))
    assert world.runs == {}


async def test_only_needed_vertices_are_touched(world, solve) -> None:
    needed = world.vertex("needed", value=1)
    world.vertex("other", value=1)
    await solve(needed)
    assert world.maps == {"needed": 1}


async def test_a_lost_result_is_made_again(world, solve) -> None:
    def graph():
        return world.vertex("top", world.vertex("base", value=1), value=10)

    await solve(graph())
    world.runs.clear()
    world.lost.add(11)
    assert await solve(graph()) == [11]
    assert world.runs == {"top": 1}


async def test_results_found_lost_are_forgotten(world, solve, database) -> None:
    base = world.vertex("base", value=1)
    await solve(base)
    world.lost.add(1)
    await solve(base)
    world.lost.clear()
    assert len(database.rows("SELECT * FROM results")) == 1


async def test_without_the_cache_everything_runs_and_the_new_results_count(world, solve) -> None:
    def graph(value):
        base = world.vertex("base", value=value, key="base")
        return world.vertex("top", base, value=10, key="top")

    assert await solve(graph(1)) == [11]
    world.runs.clear()
    assert await solve(graph(2), ignore_cache=True) == [12]
    assert world.runs == {"base": 1, "top": 1}
    world.runs.clear()
    assert await solve(graph(3)) == [12]
    assert world.runs == {}


async def test_a_step_that_ignores_the_cache_makes_those_after_it_run(world, solve) -> None:
    def graph(*, ignore):
        base = world.vertex("base", value=1)
        middle = world.vertex(
            "middle", base, value=10, metadata=Metadata(name="middle", ignore_cache=ignore)
        )
        other = world.vertex("other", base, value=7)
        return world.vertex("top", middle, other, value=100)

    await solve(graph(ignore=False))
    world.runs.clear()
    await solve(graph(ignore=True))
    assert world.runs == {"middle": 1, "top": 1}
    world.runs.clear()
    await solve(graph(ignore=False))
    assert world.runs == {}


async def test_everything_after_a_step_that_ignores_the_cache_runs(world, solve) -> None:
    def graph(*, ignore):
        vertex = world.vertex("base", metadata=Metadata(name="base", ignore_cache=ignore))
        for name in ("second", "third", "fourth"):
            vertex = world.vertex(name, vertex)
        return vertex

    await solve(graph(ignore=False))
    world.runs.clear()
    await solve(graph(ignore=True))
    assert world.runs == {"base": 1, "second": 1, "third": 1, "fourth": 1}


async def test_content_that_came_out_the_same_stops_what_ignores_the_cache(world, solve) -> None:
    def graph(*, ignore):
        stage = world.vertex("stage", value=5, metadata=Metadata(name="stage", ignore_cache=ignore))
        return world.vertex("copy", stage, value=10, content=(0,))

    await solve(graph(ignore=False))
    world.runs.clear()
    await solve(graph(ignore=True))
    assert world.runs == {"stage": 1}


async def test_outputs_of_one_vertex_come_from_one_run(world, solve) -> None:
    many = world.vertex("many", value=5, outputs=3)
    assert await solve(Edge(many, 0), Edge(many, 2)) == [5, 7]
    assert world.runs == {"many": 1}
    world.runs.clear()
    assert await solve(Edge(many, 0), Edge(many, 2)) == [5, 7]
    assert world.runs == {}
    assert await solve(Edge(many, 1)) == [6]
    assert world.runs == {"many": 1}


async def test_what_does_not_last_is_not_found_later(world, solve) -> None:
    def graph():
        context = world.vertex("context", value=5, lasting=False)
        return world.vertex("top", context, value=10)

    await solve(graph())
    world.runs.clear()
    await solve(graph())
    assert world.runs == {"context": 1, "top": 1}


async def test_what_does_not_last_leaves_no_keys(world, solve, database) -> None:
    def graph(session):
        context = world.vertex(
            "context", value=5, key=f"session {session}", kept=False, lasting=False
        )
        return world.vertex("copy", context, value=10, content=(0,))

    await solve(graph(1))
    before = database.rows("SELECT count(*) FROM keys"), database.rows("SELECT * FROM links")
    await solve(graph(2))
    after = database.rows("SELECT count(*) FROM keys"), database.rows("SELECT * FROM links")
    assert before == after


async def test_a_vertex_may_use_one_input_twice(world, solve) -> None:
    def graph():
        base = world.vertex("base", value=3)
        return world.vertex("both", base, base, value=1)

    assert await solve(graph()) == [7]
    world.runs.clear()
    assert await solve(graph()) == [7]
    assert world.runs == {}


async def test_a_long_chain_needs_no_deep_stack(world, solve) -> None:
    def graph():
        vertex = world.vertex("0", value=1)
        for number in range(1, 1500):
            vertex = world.vertex(str(number), vertex, value=1)
        return vertex

    assert await solve(graph()) == [1500]
    world.runs.clear()
    assert await solve(graph()) == [1500]
    assert world.runs == {}
