"""Ranks: which row a node is in, so that every edge points to a later row."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Links:
    """The edges of a graph over the indices 0..n-1, without repeats, loops or cycles."""

    out: list[list[int]]
    into: list[list[int]]
    order: list[int]
    """Every index once, sources first."""


def links(count: int, edges: list[tuple[int, int]]) -> Links:
    """Links of ``edges``; the edges that would close a cycle are left out.

    A solver's graph has no cycle, but a Dockerfile being typed or a foreign event stream may.
    """
    out: list[list[int]] = [[] for _ in range(count)]
    seen: set[tuple[int, int]] = set()
    waiting = [0] * count
    for edge in edges:
        source, target = edge
        if source != target and edge not in seen:
            seen.add(edge)
            out[source].append(target)
            waiting[target] += 1
    order: list[int] = []
    placed = [False] * count
    ready = deque(i for i in range(count) if not waiting[i])
    cursor = 0
    while len(order) < count:
        if not ready:  # a cycle: break it at the first node that is left
            while placed[cursor]:
                cursor += 1
            ready.append(cursor)
        node = ready.popleft()
        if placed[node]:
            continue
        placed[node] = True
        order.append(node)
        for target in out[node]:
            waiting[target] -= 1
            if waiting[target] == 0 and not placed[target]:
                ready.append(target)
    position = [0] * count
    for index, node in enumerate(order):
        position[node] = index
    into: list[list[int]] = [[] for _ in range(count)]
    for source in range(count):
        out[source] = [t for t in out[source] if position[t] > position[source]]
        for target in out[source]:
            into[target].append(source)
    return Links(out, into, order)


def longest(graph: Links) -> list[int]:
    """The length of the longest path that ends in each node."""
    rank = [0] * len(graph.order)
    for node in graph.order:
        if graph.into[node]:
            rank[node] = max(rank[i] for i in graph.into[node]) + 1
    return rank


def assign(graph: Links, groups: Sequence[str] = ()) -> list[int]:
    """A rank for every node: longest path, then what floats sinks to its users.

    Floating is what hangs on nothing outside of its own group: a base image and the steps on it
    stand right above what joins them with another stage, not at the top of the picture.
    """
    rank = longest(graph)
    floating = [False] * len(graph.order)
    for node in graph.order:
        into = graph.into[node]
        floating[node] = all(
            floating[i] and (not groups or groups[i] == groups[node] or not groups[i]) for i in into
        ) and (not into or bool(groups and groups[node]))
    for node in reversed(graph.order):
        if floating[node] and graph.out[node]:
            rank[node] = max(rank[node], min(rank[t] for t in graph.out[node]) - 1)
    lowest = min(rank, default=0)
    return [r - lowest for r in rank]
