"""Growing a layout: new nodes find a place, the others keep theirs exactly."""

from __future__ import annotations

from collections import defaultdict

from desktop.graph.geometry import (
    GAP_X,
    GROUP_PAD_BOTTOM,
    GROUP_PAD_TOP,
    GROUP_PAD_X,
    NODE_HEIGHT,
    NODE_WIDTH,
    ROW_PITCH,
    Point,
    Rect,
)
from desktop.graph.layout import Island, Layout, LayoutGraph, finished, indexed, layout
from desktop.graph.ranks import Links


def updated(graph: LayoutGraph, previous: Layout) -> Layout:
    """``graph`` laid out so that nodes of ``previous`` stay where they are, if that can be.

    It can when nodes were only added, each fits between its inputs and its users, and the groups
    of before are still there: another file's steps may have the same names. Otherwise the whole
    graph is laid out again.
    """
    known = previous.positions
    ids = {n.id for n in graph.nodes}
    groups = {n.group for n in graph.nodes if n.id in known and n.group}
    if not known or not ids.issuperset(known):
        return layout(graph)
    if groups != {island.group for island in previous.islands}:
        return layout(graph)
    joined = indexed(graph)
    nodes = graph.nodes
    if any(
        nodes[a].id in known
        and nodes[b].id in known
        and previous.ranks[nodes[a].id] >= previous.ranks[nodes[b].id]
        for a, targets in enumerate(joined.out)
        for b in targets
    ):
        return layout(graph)
    ranks = _new_ranks(graph, joined, previous)
    if ranks is None:
        return layout(graph)
    room = _Room(graph, previous)
    positions = dict(known)
    for i in joined.order:
        node = nodes[i]
        if node.id in positions:
            continue
        beside = joined.into[i] or joined.out[i]
        xs = [positions[nodes[j].id].x for j in beside if nodes[j].id in positions]
        wanted = sum(xs) / len(xs) if xs else room.end(ranks[node.id])
        x = room.add(ranks[node.id], wanted, node.group)
        positions[node.id] = Point(x, ranks[node.id] * ROW_PITCH)
    return finished(graph, joined, positions, ranks, room.result())


def _new_ranks(graph: LayoutGraph, joined: Links, previous: Layout) -> dict[str, int] | None:
    ranks = dict(previous.ranks)
    nodes = graph.nodes
    for i in joined.order:
        name = nodes[i].id
        above = [ranks[nodes[j].id] for j in joined.into[i] if nodes[j].id in ranks]
        below = [
            previous.ranks[nodes[j].id] for j in joined.out[i] if nodes[j].id in previous.ranks
        ]
        if name in previous.ranks:
            if above and max(above) >= ranks[name]:
                return None
        elif above:
            ranks[name] = max(above) + 1
            if below and ranks[name] >= min(below):
                return None
        else:
            ranks[name] = min(below) - 1 if below else 0
    return ranks


class _Room:
    """What is taken in each rank: by nodes, and by the boxes of groups."""

    def __init__(self, graph: LayoutGraph, previous: Layout) -> None:
        self._nodes: dict[int, list[float]] = defaultdict(list)
        self._boxes: list[tuple[str, int, int, float, float]] = []
        self._loose: dict[int, list[float]] = defaultdict(list)
        group = {n.id: n.group for n in graph.nodes}
        for name, (x, _) in previous.positions.items():
            rank = previous.ranks[name]
            self._nodes[rank].append(x)
            if not group[name]:
                self._loose[rank].append(x)
        for island in previous.islands:
            rect = island.rect
            first = round((rect.y + GROUP_PAD_TOP) / ROW_PITCH)
            last = round((rect.bottom - GROUP_PAD_BOTTOM - NODE_HEIGHT) / ROW_PITCH)
            self._boxes.append((island.group, first, last, rect.x, rect.right))

    def result(self) -> tuple[Island, ...]:
        found = []
        for group, first, last, left, right in self._boxes:
            top = first * ROW_PITCH - GROUP_PAD_TOP
            bottom = last * ROW_PITCH + NODE_HEIGHT + GROUP_PAD_BOTTOM
            found.append(Island(group=group, rect=Rect(left, top, right - left, bottom - top)))
        return tuple(found)

    def end(self, rank: int) -> float:
        """Right of everything in ``rank``."""
        edges = [x + NODE_WIDTH + GAP_X for x in self._nodes[rank]]
        edges += [right + GAP_X for _, a, b, _, right in self._boxes if a <= rank <= b]
        return max(edges, default=0.0)

    def add(self, rank: int, wanted: float, group: str) -> float:
        """Take a place in ``rank`` as near to ``wanted`` as there is one; its left edge."""
        if group:
            found = self._extend(rank, wanted, group)
            if found is not None:
                self._nodes[rank].append(found)
                return found
        pad = GROUP_PAD_X if group else 0
        x = round(self._free(rank, wanted - pad, NODE_WIDTH + 2 * pad)) + pad
        self._nodes[rank].append(x)
        if group:
            self._boxes.append((group, rank, rank, x - pad, x + NODE_WIDTH + pad))
        else:
            self._loose[rank].append(x)
        return x

    def _extend(self, rank: int, wanted: float, group: str) -> float | None:
        """A place in a box of ``group`` that can grow to hold it."""
        choices: list[tuple[float, float, int]] = []
        for b, (name, first, last, left, right) in enumerate(self._boxes):
            # Only a box that holds or touches the rank: growth over empty rows would surround
            # whatever comes there later.
            if name == group and first - 1 <= rank <= last + 1:
                own = [wanted, left + GROUP_PAD_X, right + GAP_X - GROUP_PAD_X]
                own.append(left + GROUP_PAD_X - GAP_X - NODE_WIDTH)
                for x in self._nodes[rank]:
                    own += [x + NODE_WIDTH + GAP_X, x - NODE_WIDTH - GAP_X]
                choices += [(abs(x - wanted), round(x), b) for x in own]
        for _, x, b in sorted(choices):
            if any(abs(x - other) < NODE_WIDTH + GAP_X for other in self._nodes[rank]):
                continue
            name, first, last, left, right = self._boxes[b]
            grown = (
                name,
                min(first, rank),
                max(last, rank),
                min(left, x - GROUP_PAD_X),
                max(right, x + NODE_WIDTH + GROUP_PAD_X),
            )
            if self._fits(grown, b):
                self._boxes[b] = grown
                return x
        return None

    def _fits(self, box: tuple[str, int, int, float, float], own: int) -> bool:
        _, first, last, left, right = box
        for b, (_, a, z, low, high) in enumerate(self._boxes):
            if b != own and a <= last and first <= z and low < right and left < high:
                return False
        return not any(
            left < x + NODE_WIDTH and x < right
            for rank in range(first, last + 1)
            for x in self._loose[rank]
        )

    def _free(self, rank: int, wanted: float, width: float) -> float:
        """The free interval of ``width`` in ``rank`` whose left edge is nearest to ``wanted``."""
        taken = [(low, high) for _, a, b, low, high in self._boxes if a <= rank <= b]
        taken += [(x, x + NODE_WIDTH) for x in self._nodes[rank]]
        options = [wanted]
        for low, high in taken:
            options += [low - GAP_X - width, high + GAP_X]
        options.sort(key=lambda x: abs(x - wanted))
        for x in options:
            if all(x >= high + GAP_X - 1 or x + width <= low - GAP_X + 1 for low, high in taken):
                return x
        return max(high for _, high in taken) + GAP_X
