"""Placing rigid blocks side by side: crossing reduction and coordinates.

A block is a rectangle over a span of ranks: a straight chain of nodes, or a whole stage. Two
blocks that share a rank never overlap. The order starts as given and follows the barycentre of
each block's inputs and users in turn; after packing, blocks slide towards the mean of their
neighbours as far as those beside them allow. The best round by total edge length is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Block:
    first: int
    last: int
    """Ranks covered, both included."""
    width: float
    lane: int = 0
    """Blocks of a lower lane stay left of those of a higher one."""


@dataclass(frozen=True, slots=True)
class Pull:
    """An edge between two blocks: it is straight when x[other] - x[own] equals ``offset``."""

    other: int
    offset: float
    weight: float = 1.0


def place(
    blocks: Sequence[Block], pulls: Sequence[Sequence[Pull]], *, gap: float, rounds: int
) -> list[float]:
    """The left edge of every block."""
    count = len(blocks)
    if count == 0:
        return []
    order = sorted(range(count), key=lambda i: (blocks[i].lane, i))
    best: list[float] = []
    best_cost = float("inf")
    above = [
        [p for p in mine if blocks[p.other].first <= blocks[i].first]
        for i, mine in enumerate(pulls)
    ]
    below = [
        [p for p in mine if blocks[p.other].first >= blocks[i].first]
        for i, mine in enumerate(pulls)
    ]
    for number in range(rounds):
        x = _pack(blocks, order, gap)
        _slide(blocks, pulls, order, x, gap)
        cost = _length(pulls, x)
        if cost < best_cost - 1e-6:
            best, best_cost = list(x), cost
        # Down by what is above, up by what is below: both at once would swing for ever.
        side = below if number % 2 else above
        wanted = [_wanted(side[i], x, x[i]) + blocks[i].width / 2 for i in range(count)]
        previous = order
        position = {block: index for index, block in enumerate(order)}
        order = sorted(order, key=lambda i: (blocks[i].lane, round(wanted[i]), position[i]))
        if order == previous and number % 2:
            break
    return best


def _pack(blocks: Sequence[Block], order: Sequence[int], gap: float) -> list[float]:
    """Every block as far left as the blocks before it in ``order`` allow."""
    x = [0.0] * len(blocks)
    top = max(b.last for b in blocks) + 1
    skyline = [0.0] * top
    for index in order:
        block = blocks[index]
        first, end = block.first, block.last + 1
        left = skyline[first] if end - first == 1 else max(skyline[first:end])
        x[index] = left
        limit = left + block.width + gap
        for rank in range(first, end):
            skyline[rank] = limit
    return x


def _neighbours(
    blocks: Sequence[Block], order: Sequence[int]
) -> tuple[list[list[int]], list[list[int]]]:
    """For every block the blocks right beside it, on the left and on the right."""
    left: list[list[int]] = [[] for _ in blocks]
    right: list[list[int]] = [[] for _ in blocks]
    top = max(b.last for b in blocks) + 1
    latest = [-1] * top
    for index in order:
        block = blocks[index]
        last_seen = -1
        for rank in range(block.first, block.last + 1):
            other = latest[rank]
            if other >= 0 and other != last_seen:
                left[index].append(other)
                right[other].append(index)
                last_seen = other
            latest[rank] = index
    return left, right


def _slide(
    blocks: Sequence[Block],
    pulls: Sequence[Sequence[Pull]],
    order: Sequence[int],
    x: list[float],
    gap: float,
) -> None:
    left, right = _neighbours(blocks, order)
    backwards = list(reversed(order))
    for sequence in (backwards, order, backwards, order):
        for index in sequence:
            mine = pulls[index]
            if not mine:
                continue
            wanted = _wanted(mine, x, x[index])
            if wanted > x[index]:
                width = blocks[index].width + gap
                for other in right[index]:
                    wanted = min(wanted, x[other] - width)
                x[index] = max(x[index], wanted)
            else:
                for other in left[index]:
                    limit = x[other] + blocks[other].width + gap
                    wanted = max(wanted, limit)
                x[index] = min(x[index], wanted)


def _wanted(pulls: Sequence[Pull], x: Sequence[float], own: float) -> float:
    if not pulls:
        return own
    total = weight = 0.0
    for pull in pulls:
        total += (x[pull.other] - pull.offset) * pull.weight
        weight += pull.weight
    return total / weight


def _length(pulls: Sequence[Sequence[Pull]], x: Sequence[float]) -> float:
    total = 0.0
    for index, mine in enumerate(pulls):
        own = x[index]
        for pull in mine:
            total += abs(x[pull.other] - own - pull.offset) * pull.weight
    return total
