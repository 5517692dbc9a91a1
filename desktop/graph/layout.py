"""The layered layout of a build graph, from values to values.

Ranks run downwards (``ranks``). A stage is one rectangular block that no other node enters; inside
it the platforms stand side by side. Straight chains outside of stages are blocks too. Blocks are
placed by ``blocks``; edges over more than one rank are led through gaps by ``routes``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from desktop.graph.blocks import Block, Pull, place
from desktop.graph.geometry import (
    EMPTY,
    GAP_X,
    GROUP_PAD_BOTTOM,
    GROUP_PAD_TOP,
    GROUP_PAD_X,
    NODE_HEIGHT,
    NODE_WIDTH,
    ROW_PITCH,
    Point,
    Rect,
    bounding,
)
from desktop.graph.ranks import Links, assign, links
from desktop.graph.routes import Rows, route


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutNode:
    """A node to place. ``group`` is the stage ("" stands outside of any), ``lane`` orders the
    platforms within it."""

    id: str
    group: str = ""
    lane: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutGraph:
    """Edges are (source id, target id); those with unknown ends are ignored."""

    nodes: tuple[LayoutNode, ...]
    edges: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Island:
    """A rectangle of one group. A group has one, more when it grew where there was no room."""

    group: str
    rect: Rect


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """``positions`` are the top left corners of nodes, all NODE_WIDTH x NODE_HEIGHT."""

    positions: Mapping[str, Point] = field(default_factory=dict)
    ranks: Mapping[str, int] = field(default_factory=dict)
    routes: Mapping[tuple[str, str], tuple[Point, ...]] = field(default_factory=dict)
    islands: tuple[Island, ...] = ()
    bounds: Rect = EMPTY

    def rect(self, node: str) -> Rect:
        x, y = self.positions[node]
        return Rect(x, y, NODE_WIDTH, NODE_HEIGHT)


def indexed(graph: LayoutGraph) -> Links:
    """The links of ``graph`` over the positions in ``graph.nodes``."""
    index = {n.id: i for i, n in enumerate(graph.nodes)}
    pairs = [(index[a], index[b]) for a, b in graph.edges if a in index and b in index]
    return links(len(graph.nodes), pairs)


def layout(graph: LayoutGraph) -> Layout:
    """Place every node of ``graph`` from nothing."""
    if not graph.nodes:
        return Layout()
    joined = indexed(graph)
    rank = assign(joined, [n.group for n in graph.nodes])
    groups: dict[str, list[int]] = defaultdict(list)
    loose: list[int] = []
    for i, node in enumerate(graph.nodes):
        if node.group:
            groups[node.group].append(i)
        else:
            loose.append(i)

    members: list[list[tuple[int, float]]] = []
    blocks: list[Block] = []
    rounds = 10 if len(graph.nodes) <= 1500 else 6
    for indices in groups.values():
        offsets, width = _inside(graph, joined, rank, indices, rounds)
        ranks = [rank[i] for i in indices]
        members.append([(i, offset + GROUP_PAD_X) for i, offset in offsets])
        blocks.append(Block(min(ranks), max(ranks), width + 2 * GROUP_PAD_X))
    for chain in _chains(joined, rank, loose, dict.fromkeys(loose, 0)):
        members.append([(i, 0.0) for i in chain])
        blocks.append(Block(rank[chain[0]], rank[chain[-1]], NODE_WIDTH))
    _by_first_node(blocks, members)

    x = place(blocks, _pulls(joined, members, len(graph.nodes)), gap=GAP_X, rounds=rounds)
    left = min(x)
    positions: dict[str, Point] = {}
    islands: list[Island] = []
    for block, start, inside in zip(blocks, x, members, strict=True):
        for i, offset in inside:
            positions[graph.nodes[i].id] = Point(round(start - left + offset), rank[i] * ROW_PITCH)
        name = graph.nodes[inside[0][0]].group
        if name:
            islands.append(Island(group=name, rect=_box(round(start - left), block)))
    by_id = {node.id: rank[i] for i, node in enumerate(graph.nodes)}
    return finished(graph, joined, positions, by_id, tuple(islands))


def finished(
    graph: LayoutGraph,
    joined: Links,
    positions: Mapping[str, Point],
    ranks: Mapping[str, int],
    islands: tuple[Island, ...],
) -> Layout:
    """The layout with its edges led and its bounds measured."""
    rows = Rows(positions, ranks)
    routes: dict[tuple[str, str], tuple[Point, ...]] = {}
    ids = [n.id for n in graph.nodes]
    for source, targets in enumerate(joined.out):
        for target in targets:
            a, b = ids[source], ids[target]
            routes[a, b] = route(rows, positions[a], ranks[a], positions[b], ranks[b])
    rects = [Rect(p.x, p.y, NODE_WIDTH, NODE_HEIGHT) for p in positions.values()]
    rects += [island.rect for island in islands]
    bends = [p.x for points in routes.values() if len(points) > 2 for p in points]
    bounds = bounding(rects)
    if bends:
        low, high = min(bends), max(bends)
        bounds = bounds.united(Rect(low, bounds.y, high - low, bounds.height))
    return Layout(positions=positions, ranks=ranks, routes=routes, islands=islands, bounds=bounds)


def _box(x: float, block: Block) -> Rect:
    top = block.first * ROW_PITCH - GROUP_PAD_TOP
    bottom = block.last * ROW_PITCH + NODE_HEIGHT + GROUP_PAD_BOTTOM
    return Rect(x, top, block.width, bottom - top)


def _by_first_node(blocks: list[Block], members: list[list[tuple[int, float]]]) -> None:
    """Start from the order in which the nodes were given: Dockerfile order."""
    order = sorted(range(len(blocks)), key=lambda b: min(i for i, _ in members[b]))
    blocks[:] = [blocks[b] for b in order]
    members[:] = [members[b] for b in order]


def _inside(
    graph: LayoutGraph, joined: Links, rank: list[int], indices: list[int], rounds: int
) -> tuple[list[tuple[int, float]], float]:
    """The offsets of the nodes of one group, and its inner width."""
    lanes = {i: graph.nodes[i].lane for i in indices}
    chains = _chains(joined, rank, indices, lanes)
    if len(chains) == 1:
        return [(i, 0.0) for i in chains[0]], NODE_WIDTH
    members = [[(i, 0.0) for i in chain] for chain in chains]
    blocks = [
        Block(rank[chain[0]], rank[chain[-1]], NODE_WIDTH, lanes[chain[0]]) for chain in chains
    ]
    pulls = _pulls(joined, members, len(graph.nodes))
    x = place(blocks, pulls, gap=GAP_X, rounds=rounds)
    low = min(x)
    offsets = [(i, x[b] - low) for b, chain in enumerate(chains) for i in chain]
    return offsets, max(x) - low + NODE_WIDTH


def _chains(
    joined: Links, rank: list[int], indices: list[int], lanes: Mapping[int, int]
) -> list[list[int]]:
    """``indices`` cut into straight chains: each node the next one's only neighbour in the set,
    one rank apart, in the same lane."""
    inside = set(indices)

    def only(neighbours: list[int]) -> int:
        own = [n for n in neighbours if n in inside]
        return own[0] if len(own) == 1 else -1

    following: dict[int, int] = {}
    for i in indices:
        after = only(joined.out[i])
        if (
            after >= 0
            and only(joined.into[after]) == i
            and rank[after] == rank[i] + 1
            and lanes[after] == lanes[i]
        ):
            following[i] = after
    heads = inside.difference(following.values())
    chains = []
    for i in indices:
        if i in heads:
            chain = [i]
            while (after := following.get(chain[-1], -1)) >= 0:
                chain.append(after)
            chains.append(chain)
    return chains


def _pulls(joined: Links, members: list[list[tuple[int, float]]], count: int) -> list[list[Pull]]:
    """What each block is drawn to by its edges into other blocks; inner edges do not count."""
    block_of = [-1] * count
    offset_of = [0.0] * count
    for b, inside in enumerate(members):
        for i, offset in inside:
            block_of[i] = b
            offset_of[i] = offset
    pulls: list[list[Pull]] = [[] for _ in members]
    for source, targets in enumerate(joined.out):
        a = block_of[source]
        if a < 0:
            continue
        for target in targets:
            b = block_of[target]
            if b >= 0 and b != a:
                # What everybody uses (a context, a base) draws nobody near.
                weight = 1 / len(targets)
                offset = offset_of[source] - offset_of[target]
                pulls[a].append(Pull(b, offset, weight))
                pulls[b].append(Pull(a, -offset, weight))
    return pulls
