"""Writing what was executed into the cache."""

from __future__ import annotations

from core.cache.keys import CONTENT, KeyId, KeyStore, Link
from core.cache.results import ResultStore
from core.solver.edges import Dependency, EdgeNode
from core.solver.protocol import R, Results


def connect(
    keys: KeyStore, edge: EdgeNode[R], dependency: Dependency[R], source: KeyId, target: KeyId
) -> None:
    """Let ``source``, a key of the input, lead to ``target``, a key of ``edge``."""
    cache_map = edge.node.cache_map
    assert cache_map is not None
    selector = cache_map.inputs[dependency.index].selector
    keys.connect(source, Link(dependency.index, cache_map.digest, edge.output, selector), target)


def save(
    keys: KeyStore, results: ResultStore, codec: Results[R], edge: EdgeNode[R]
) -> KeyId | None:
    """Keep the result of ``edge``; the key that it is kept under, or None when it is not kept.

    The result is found again by the definition of each input, and by the content of those inputs
    that were identified by it. An input that is known by neither makes it impossible.
    """
    cache_map = edge.node.cache_map
    assert cache_map is not None
    assert edge.result is not None
    stored = codec.encode(edge.result)
    if stored is None or not cache_map.lasting:
        return None
    # Reading and writing in one transaction: two edges may be the same without having met.
    with keys.transaction():
        if not edge.dependencies:
            root = keys.add_root(cache_map.digest, edge.output)
            results.add(root, stored)
            return root
        ways: list[list[tuple[KeyId, Link]]] = []
        for dependency in edge.dependencies:
            ways.append(_ways(keys, edge, dependency))
            if not ways[-1]:
                return None
        known = set.intersection(
            *({key for way in each for key in keys.follow(*way)} for each in ways)
        )
        target = min(known) if known else keys.add()
        for each in ways:
            for source, link in each:
                keys.connect(source, link, target)
        results.add(target, stored)
        return target


def _ways(keys: KeyStore, edge: EdgeNode[R], dependency: Dependency[R]) -> list[tuple[KeyId, Link]]:
    """Every key that the input is known by, with the link that leads from it to ``edge``."""
    cache_map = edge.node.cache_map
    assert cache_map is not None
    index, target = dependency.index, dependency.target
    link = Link(index, cache_map.digest, edge.output, cache_map.inputs[index].selector)
    sources = dict(target.keys)
    if target.saved_key is not None:
        sources[target.saved_key] = None
    ways = [(source, link) for source in sources]
    if dependency.content is not None:
        root = keys.add_root(dependency.content.digest, CONTENT)
        ways.append((root, Link(index, cache_map.digest, edge.output)))
    return ways
