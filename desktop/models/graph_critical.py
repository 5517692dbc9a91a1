"""The critical path: the chain of steps that the build's time was spent on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from desktop.graph.ranks import links


def critical_path(
    nodes: Iterable[str], edges: Iterable[tuple[str, str]], seconds: Mapping[str, float]
) -> tuple[str, ...]:
    """The longest chain by time, sources first; nodes without a time count nothing.

    Empty when no node took time. Leading and trailing nodes of no time are left out.
    """
    names = list(nodes)
    index = {name: i for i, name in enumerate(names)}
    pairs = [(index[a], index[b]) for a, b in edges if a in index and b in index]
    graph = links(len(names), pairs)
    total = [0.0] * len(names)
    came = [-1] * len(names)
    for i in graph.order:
        for j in graph.into[i]:
            if total[j] > total[i] or (came[i] < 0 and total[j] > 0):
                total[i], came[i] = total[j], j
        total[i] += seconds.get(names[i], 0.0)
    if not names or max(total) <= 0:
        return ()
    at = max(range(len(names)), key=lambda i: total[i])
    path = []
    while at >= 0:
        path.append(names[at])
        at = came[at]
    path.reverse()
    return tuple(path)
