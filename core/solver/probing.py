"""Finding the keys of edges: what the cache knows of what their inputs have to say."""

from __future__ import annotations

from typing import Generic

from core.cache.keys import CONTENT, KeyId, KeyStore, Link
from core.cache.results import ResultStore
from core.solver.edges import Dependency, EdgeNode, Level
from core.solver.protocol import R
from core.solver.saving import connect


class Prober(Generic[R]):
    """Follows the links of a cache."""

    def __init__(self, keys: KeyStore, results: ResultStore) -> None:
        self._keys = keys
        self._results = results

    def probe(self, edge: EdgeNode[R]) -> bool:
        """Take in what the inputs have to say; whether that made anything new known."""
        cache_map = edge.node.cache_map
        assert cache_map is not None
        before = (len(edge.keys), edge.level)
        if not edge.dependencies:
            if edge.level < Level.SLOW:
                edge.level = Level.SLOW
                if cache_map.lasting and not edge.node.ignore_cache:
                    root = self._keys.root(cache_map.digest, edge.output)
                    if root is not None:
                        self._add_key(edge, root)
            return (len(edge.keys), edge.level) != before
        if not edge.node.ignore_cache and cache_map.lasting:
            for dependency in edge.dependencies:
                self._follow(edge, dependency)
            shared = set.intersection(*(d.matches for d in edge.dependencies))
            for key in sorted(shared):
                if key not in edge.keys:
                    self._add_key(edge, key)
        reached = _level(edge)
        edge.level = max(edge.level, reached)
        if edge.keys:
            self._connect_aliases(edge)
        return (len(edge.keys), edge.level) != before

    def _follow(self, edge: EdgeNode[R], dependency: Dependency[R]) -> None:
        cache_map = edge.node.cache_map
        assert cache_map is not None
        index = dependency.index
        selector = cache_map.inputs[index].selector
        link = Link(index, cache_map.digest, edge.output, selector)
        for key in dependency.target.keys:
            if key not in dependency.probed:
                dependency.probed.add(key)
                dependency.matches.update(self._keys.follow(key, link))
        if dependency.content is not None and not dependency.content_probed:
            dependency.content_probed = True
            root = self._keys.root(dependency.content.digest, CONTENT)
            if root is not None:
                link = Link(index, cache_map.digest, edge.output)
                dependency.matches.update(self._keys.follow(root, link))

    def _add_key(self, edge: EdgeNode[R], key: KeyId) -> None:
        edge.keys[key] = None
        edge.records.extend(self._results.find(key))

    def _connect_aliases(self, edge: EdgeNode[R]) -> None:
        """Let a match found by content be found by definition next time."""
        for dependency in edge.dependencies:
            if dependency.content is None:
                continue
            for source in dependency.target.keys:
                for key in edge.keys:
                    alias = (dependency.index, source, key)
                    if alias not in edge.connected:
                        edge.connected.add(alias)
                        connect(self._keys, edge, dependency, source, key)


def hopeless(edge: EdgeNode[R]) -> bool:
    """Whether nothing that could still become known can match a cached result."""
    cache_map = edge.node.cache_map
    assert cache_map is not None
    if edge.node.ignore_cache or not cache_map.lasting:
        return True
    for dependency in edge.dependencies:
        if dependency.matches:
            continue
        if cache_map.inputs[dependency.index].content is not None:
            if dependency.content is not None:
                return True
        elif dependency.target.level >= Level.SLOW or dependency.target.done:
            return True
    return False


def is_known(edge: EdgeNode[R], dependency: Dependency[R]) -> bool:
    """Whether all keys of the input are known, short of executing it."""
    cache_map = edge.node.cache_map
    assert cache_map is not None
    if cache_map.inputs[dependency.index].content is not None:
        return dependency.content is not None
    return dependency.target.level >= Level.SLOW or dependency.target.done


def _level(edge: EdgeNode[R]) -> Level:
    if hopeless(edge) or edge.records:
        return Level.SLOW
    cache_map = edge.node.cache_map
    assert cache_map is not None
    slow = all(
        dependency.content is not None
        if cache_map.inputs[dependency.index].content is not None
        else dependency.target.level >= Level.SLOW or dependency.target.done
        for dependency in edge.dependencies
    )
    if slow:
        return Level.SLOW
    fast = all(d.target.level >= Level.FAST or d.target.done for d in edge.dependencies)
    return Level.FAST if fast else Level.NONE
