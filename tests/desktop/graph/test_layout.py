from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.graph.geometry import NODE_HEIGHT, NODE_WIDTH, ROW_PITCH, Point, Rect
from desktop.graph.growth import updated
from desktop.graph.layout import Layout, LayoutGraph, LayoutNode, layout


def graph(text: str) -> LayoutGraph:
    """ "stage:a stage:b c; a>b b>c" with "stage/1:a" for lane 1."""
    names, _, arrows = text.partition(";")
    nodes = []
    for word in names.split():
        group, _, name = word.rpartition(":")
        group, _, lane = group.partition("/")
        nodes.append(LayoutNode(id=name, group=group, lane=int(lane or 0)))
    edges = [tuple(e.split(">")) for e in arrows.split()]
    return LayoutGraph(nodes=tuple(nodes), edges=tuple((a, b) for a, b in edges))


def columns(found: Layout) -> dict[str, tuple[int, int]]:
    return {n: (int(p.x), int(p.y / ROW_PITCH)) for n, p in found.positions.items()}


def check(g: LayoutGraph, found: Layout) -> None:
    """What every layout must hold."""
    assert set(found.positions) == {n.id for n in g.nodes}
    rects = [found.rect(n.id) for n in g.nodes]
    assert not any(a.intersects(b) for a, b in combinations(rects, 2)), "nodes overlap"
    boxes = [i.rect for i in found.islands]
    assert not any(a.intersects(b) for a, b in combinations(boxes, 2)), "groups overlap"
    for node in g.nodes:
        rect = found.rect(node.id)
        for island in found.islands:
            if island.group != node.group:
                assert not rect.intersects(island.rect), f"{node.id} is in {island.group}"
        homes = [i for i in found.islands if i.group == node.group]
        if node.group:
            assert any(i.rect.united(rect) == i.rect for i in homes), f"{node.id} is homeless"
    for (a, b), points in found.routes.items():
        assert found.ranks[a] < found.ranks[b]
        assert all(p.y <= q.y for p, q in pairwise(points)), "edge goes back"
        for p, q in zip(points[1:-1:2], points[2:-1:2], strict=True):
            line = Rect(p.x, p.y, 0.1, q.y - p.y)
            hit = [n.id for n in g.nodes if found.rect(n.id).intersects(line)]
            assert not hit, f"{a}>{b} runs through {hit}"
    for rect in rects + boxes:
        assert found.bounds.united(rect) == found.bounds


def test_a_chain_is_a_straight_column() -> None:
    g = graph("b:from b:run b:copy; from>run run>copy")
    assert columns(layout(g)) == {"from": (12, 0), "run": (12, 1), "copy": (12, 2)}


def test_platforms_of_a_stage_stand_side_by_side_in_order() -> None:
    g = graph("b/0:a0 b/1:a1 b/0:b0 b/1:b1; a0>b0 a1>b1")
    step = NODE_WIDTH + 28
    assert columns(layout(g)) == {
        "a0": (12, 0), "a1": (12 + step, 0), "b0": (12, 1), "b1": (12 + step, 1),
    }  # fmt: skip


def test_a_base_image_stands_right_above_its_first_use() -> None:
    g = graph("b:a b:b b:c f:from f:copy; a>b b>c from>copy c>copy")
    assert layout(g).ranks == {"a": 0, "b": 1, "c": 2, "from": 2, "copy": 3}


def test_a_diamond_is_symmetric_and_does_not_cross() -> None:
    found = layout(graph("top l r bottom; top>l top>r l>bottom r>bottom"))
    x = {n: p.x for n, p in found.positions.items()}
    assert x["l"] < x["r"]
    assert x["top"] == x["bottom"] == (x["l"] + x["r"]) / 2


def test_a_long_edge_runs_through_a_gap() -> None:
    g = graph("a b c d; a>b b>c c>d a>d")
    found = layout(g)
    check(g, found)
    assert len(found.routes["a", "d"]) > 2


def test_a_cycle_is_broken_and_every_node_still_placed() -> None:
    g = graph("a b c; a>b b>c c>a")
    check(g, layout(g))


def test_nothing_has_an_empty_layout() -> None:
    assert layout(graph("")) == Layout()


def test_a_new_vertex_below_moves_nothing() -> None:
    old = layout(graph("b:a b:b f:c; a>b a>c"))
    g = graph("b:a b:b f:c b:d f:e; a>b a>c b>d c>e d>e")
    new = updated(g, old)
    check(g, new)
    assert {n: new.positions[n] for n in old.positions} == old.positions
    assert new.positions["d"] == Point(old.positions["b"].x, 2 * ROW_PITCH)


def test_an_input_that_is_found_late_stands_above_its_user() -> None:
    old = layout(graph("f:c"))
    g = graph("f:c x; x>c")
    new = updated(g, old)
    assert new.positions["c"] == old.positions["c"]
    assert new.ranks["x"] < new.ranks["c"]
    check(g, new)


def test_a_vertex_squeezed_between_two_ranks_lays_out_anew() -> None:
    old = layout(graph("a b; a>b"))
    g = graph("a b m; a>b a>m m>b")
    new = updated(g, old)
    check(g, new)
    assert new == layout(g)


@st.composite
def graphs(draw: st.DrawFn, max_nodes: int = 24) -> LayoutGraph:
    count = draw(st.integers(1, max_nodes))
    groups = st.sampled_from(["", "a", "b", "c", "d"])
    nodes = tuple(
        LayoutNode(id=str(i), group=draw(groups), lane=draw(st.integers(0, 2)))
        for i in range(count)
    )
    pair = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    edges = draw(st.lists(pair, max_size=2 * count))
    return LayoutGraph(
        nodes=nodes, edges=tuple((str(min(e)), str(max(e))) for e in edges if e[0] != e[1])
    )


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_any_graph_has_no_overlap_and_edges_that_point_down(g: LayoutGraph) -> None:
    check(g, layout(g))


@settings(max_examples=150, deadline=None)
@given(graphs(), st.integers(1, 23))
def test_growing_in_solve_order_keeps_every_position(g: LayoutGraph, cut: int) -> None:
    """Edges run from lower to higher numbers, as vertices are announced after their inputs."""
    first = LayoutGraph(nodes=g.nodes[:cut], edges=g.edges)
    old = layout(first)
    new = updated(g, old)
    check(g, new)
    assert {n: new.positions[n] for n in old.positions} == old.positions


@settings(max_examples=50, deadline=None)
@given(graphs())
def test_layout_is_a_function(g: LayoutGraph) -> None:
    assert layout(g) == layout(g)
    assert NODE_HEIGHT < ROW_PITCH


def test_steps_of_the_same_names_in_other_stages_are_laid_out_again() -> None:
    shown = layout(graph("compile:a compile:b; a>b"))
    other = updated(graph("build:a build:b; a>b"), shown)
    assert {island.group for island in other.islands} == {"build"}
