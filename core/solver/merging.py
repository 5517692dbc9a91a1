"""Finding edges that turn out to be the same while they are being solved.

Two edges are the same when their operations have equal digests and each of their inputs is the
same edge, or has the same content. Merging two edges can make their users the same in turn.
"""

from __future__ import annotations

from typing import Any, Generic

from core.solver.edges import EdgeNode, Level, depends_on
from core.solver.protocol import R


class EdgeIndex(Generic[R]):
    """The edges of all running builds by what they are made of."""

    def __init__(self) -> None:
        self._edges: dict[tuple[Any, ...], EdgeNode[R]] = {}

    def __len__(self) -> int:
        return len(self._edges)

    def find_twin(self, edge: EdgeNode[R]) -> EdgeNode[R] | None:
        """An edge that ``edge`` can be merged into; else ``edge`` is indexed and None given."""
        twin: EdgeNode[R] | None = None
        for key in _descriptions(edge):
            found = self._edges.get(key)
            if found is None or found.owner is not None or found.node.error is not None:
                self._edges[key] = edge
                edge.index_keys.add(key)
            elif found is not edge and edge.node.execution is None and not depends_on(found, edge):
                twin = found
                break
        return twin

    def remove(self, edge: EdgeNode[R]) -> None:
        """Forget ``edge``."""
        for key in edge.index_keys:
            if self._edges.get(key) is edge:
                del self._edges[key]
        edge.index_keys.clear()


def _descriptions(edge: EdgeNode[R]) -> list[tuple[Any, ...]]:
    cache_map = edge.node.cache_map
    assert cache_map is not None
    head = (cache_map.digest, edge.output, edge.node.ignore_cache)
    by_edge: list[Any] = []
    by_content: list[Any] = []
    any_content = False
    for dependency, key in zip(edge.dependencies, cache_map.inputs, strict=True):
        target = dependency.target
        if target.level < Level.FAST and not target.done:
            # It may still be merged itself.
            return []
        by_edge.append((target, key.selector))
        if dependency.content is not None:
            any_content = True
            by_content.append(dependency.content.digest)
        else:
            by_content.append((target, key.selector))
    descriptions: list[tuple[Any, ...]] = [(*head, *by_edge)]
    if any_content:
        descriptions.append((*head, *by_content))
    return descriptions
