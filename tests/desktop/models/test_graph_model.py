from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.errors import LineRange
from core.frontend.planvalues import Cell, Plan, PlanStep
from core.progress.messages import Mode, SolveStatus, Vertex
from core.progress.state import BuildState
from desktop.models.graph import BuildGraph, Options
from desktop.models.graph_critical import critical_path
from desktop.models.graph_entries import Binder, Entry, Kind
from desktop.models.graph_stack import Stacking
from desktop.models.graph_status import Status, combined

AMD, ARM = "linux/amd64", "linux/arm64"


def step(id: str, name: str, line: int, inputs: tuple[str, ...], **cells: Cell) -> PlanStep:
    kind = name.partition(" ")[0].lower()
    found = {AMD: cells["amd"], ARM: cells["arm"]}
    return PlanStep(
        id=id, stage="build", name=name, instruction=name, kind=kind,
        range=LineRange(line, line), inputs=inputs, cells=found,
    )  # fmt: skip


def plan() -> Plan:
    ran = {
        "amd": Cell(needed=True, mode=Mode.NATIVE),
        "arm": Cell(needed=True, mode=Mode.EMULATED, interpreter="/usr/bin/qemu-aarch64-static"),
    }
    return Plan(
        platforms=(AMD, ARM),
        steps=(
            step("0.0", "FROM x", 1, (), amd=Cell(needed=True, shared_with=(ARM,)),
                 arm=Cell(needed=True, shared_with=(AMD,))),
            step("0.1", "RUN a", 2, ("0.0",), **ran),
            step("0.2", "RUN b", 3, ("0.1",), amd=Cell(needed=False), arm=Cell(needed=False)),
        ),
    )  # fmt: skip


def vertex(digest: str, line: int, platform: str, **changes: object) -> Vertex:
    found = Vertex(
        digest=digest, name=f"[{platform} build {line}/3] RUN a", platforms=(platform,),
        stage="build", kind="run", ranges=(LineRange(line, line),),
    )  # fmt: skip
    return replace(found, **changes)  # type: ignore[arg-type]


def started(graph: BuildGraph, state: BuildState, *vertexes: Vertex) -> None:
    changes = state.apply(SolveStatus(vertexes=vertexes))
    graph.refresh((*changes.added, *changes.updated))


def test_a_plan_stacks_platforms_and_dims_what_no_target_needs() -> None:
    graph = BuildGraph()
    graph.set_plan(plan())
    nodes = graph.shape.nodes
    assert list(nodes) == ["0.0", "0.1", "0.2"]
    assert nodes["0.1"].platforms == (AMD, ARM)
    assert graph.shape.edges == (("0.0", "0.1"), ("0.1", "0.2"))
    assert graph.status("0.1") is Status.PLANNED
    assert graph.status("0.2") is Status.SKIPPED
    facts = graph.facts("0.1", 0)
    assert facts.mode is Mode.EMULATED
    assert [p.mode for p in facts.pips] == [Mode.NATIVE, Mode.EMULATED]


def test_a_vertex_of_the_build_takes_the_place_of_its_planned_step() -> None:
    graph, state = BuildGraph(), BuildState(platforms=(AMD, ARM))
    graph.set_plan(plan())
    before = graph.shape
    graph.set_state(state, (AMD, ARM))
    started(graph, state, vertex("sha256:1", 2, ARM, started=5))
    assert graph.shape == before
    assert graph.node_of("sha256:1") == "0.1"
    assert graph.status("0.1") is Status.RUNNING
    assert [p.status for p in graph.facts("0.1", 9).pips] == [Status.WAITING, Status.RUNNING]
    assert graph.vertex_of("0.1") == "sha256:1"


def test_a_platform_that_failed_is_set_apart() -> None:
    graph, state = BuildGraph(), BuildState(platforms=(AMD, ARM))
    graph.set_plan(plan())
    graph.set_state(state, (AMD, ARM))
    started(graph, state, vertex("a", 2, AMD, started=1, completed=2))
    started(graph, state, vertex("b", 2, ARM, started=1, completed=2, error="exit code: 1"))
    assert graph.status("0.1") is Status.DONE
    assert graph.status(f"0.1@{ARM}") is Status.FAILED
    assert ("0.0", f"0.1@{ARM}") in graph.shape.edges


def test_splitting_shows_every_platform_by_itself() -> None:
    graph = BuildGraph()
    graph.set_plan(plan())
    assert graph.set_options(Options(stacking=Stacking.SPLIT))
    assert set(graph.shape.nodes) == {"0.0", "0.1", f"0.1@{ARM}", "0.2", f"0.2@{ARM}"}
    assert graph.shape.nodes[f"0.1@{ARM}"].lane == 1


def test_emulation_is_compared_with_the_same_step_run_natively() -> None:
    graph, state = BuildGraph(), BuildState(platforms=(AMD, ARM))
    graph.set_plan(plan())
    graph.set_state(state, (AMD, ARM))
    started(
        graph, state,
        vertex("a", 2, AMD, started=0, completed=10**9, mode=Mode.NATIVE),
        vertex("b", 2, ARM, started=0, completed=4 * 10**9, mode=Mode.EMULATED),
    )  # fmt: skip
    assert graph.facts("0.1", 0).slowdown == 4.0


def test_changing_a_line_runs_everything_built_on_it_again() -> None:
    graph = BuildGraph()
    graph.set_plan(plan())
    assert graph.affected(graph.nodes_at(2)) == {"0.1", "0.2"}


def test_a_foreign_builder_is_understood_from_its_names(
    graph_of: Callable[..., BuildGraph],
) -> None:
    graph = graph_of("ok")
    node = graph.shape.nodes["build/3/exec"]
    assert (node.stage, node.platforms) == ("build", ("linux/amd64", "linux/386"))
    assert node.title.startswith("RUN echo")
    titles = [n.title for n in graph.shape.nodes.values()]
    assert "load build context" in titles
    assert "load build definition from Dockerfile" not in titles
    path = graph.critical(0)
    assert path[-1] == "stage-5/3/exec"
    assert "deps/3/exec" in path


def test_cached_chains_are_folded_when_the_build_has_ended(
    graph_of: Callable[..., BuildGraph],
) -> None:
    graph = graph_of("cached")
    folds = [n for n in graph.shape.nodes.values() if n.folded]
    assert {f.stage for f in folds} >= {"deps", "build"}
    assert graph.set_options(graph.toggled(folds[0].id))
    assert folds[0].id not in graph.shape.nodes
    assert graph.node_of(folds[0].folded[0]) == folds[0].folded[0]


def test_what_a_failure_left_undone_is_not_shown_as_waiting(
    graph_of: Callable[..., BuildGraph],
) -> None:
    graph = graph_of("fail")
    states = {graph.status(n) for n in graph.shape.nodes}
    assert Status.WAITING not in states
    assert {Status.FAILED, Status.CANCELLED, Status.SKIPPED} <= states


def test_nothing_moves_while_a_build_goes_on(
    events: Callable[[str], tuple[SolveStatus, ...]],
) -> None:
    from desktop.graph.growth import updated
    from desktop.graph.layout import Layout

    state, graph, shown = BuildState(platforms=(AMD,)), BuildGraph(), Layout()
    graph.set_state(state, ("linux/amd64", "linux/386"))
    moves = 0
    for event in events("ok"):
        changes = state.apply(event)
        if graph.refresh((*changes.added, *changes.updated)).shape:
            found = updated(graph.layout_graph(), shown)
            moves += any(found.positions[n] != p for n, p in shown.positions.items())
            shown = found
    assert moves == 0


def test_a_filter_matches_title_stage_platform_and_state() -> None:
    graph = BuildGraph()
    graph.set_plan(plan())
    assert graph.matching("run arm64") == {"0.1", "0.2"}
    assert graph.matching("arm64 build") == {"0.0", "0.1", "0.2"}
    assert graph.matching("skipped") == {"0.2"}


def test_the_critical_path_is_the_longest_by_time() -> None:
    edges = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]
    seconds = {"a": 1.0, "b": 5.0, "c": 2.0, "d": 1.0}
    assert critical_path("abcd", edges, seconds) == ("a", "b", "d")
    assert critical_path("abcd", edges, {}) == ()


def test_the_state_to_look_at_first_wins() -> None:
    assert combined({Status.DONE, Status.FAILED, Status.RUNNING}) is Status.FAILED
    assert combined({Status.DONE, Status.WAITING}) is Status.WAITING
    assert combined({Status.CACHED, Status.DONE}) is Status.DONE


def test_what_a_cached_step_stands_on_counts_as_cached() -> None:
    """A builder that finds a result does not look at what it was made from."""
    graph, state = BuildGraph(), BuildState(platforms=(AMD, ARM))
    graph.set_plan(plan())
    graph.set_state(state, (AMD, ARM))
    assert graph.status("0.0") is Status.WAITING
    started(graph, state, vertex("a", 2, AMD, cached=True, started=1, completed=1))
    assert graph.status("0.0") is Status.CACHED


def test_a_builder_that_tells_no_lines_is_bound_by_stage_and_words() -> None:
    planned = [
        Entry(id="1", step="1", title="FROM busybox AS a", stage="a", platforms=("linux/amd64",),
              ranges=(LineRange(1, 1),), kind=Kind.SOURCE),
        Entry(id="2", step="2", title="RUN echo  one", stage="a", platforms=("linux/amd64",),
              ranges=(LineRange(2, 2),), kind=Kind.EXEC),
    ]  # fmt: skip
    binder = Binder(planned, ("linux/amd64",))
    state = BuildState(platforms=("linux/amd64",))
    state.apply(
        SolveStatus(
            vertexes=(
                Vertex(digest="f", name="[a 1/2] FROM docker.io/library/busybox@sha256:00"),
                Vertex(digest="r", name="[a 2/2] RUN echo one", inputs=("f",)),
            )
        )
    )
    assert [binder.add(state.vertices[v])[0] for v in ("f", "r")] == ["1", "2"]
