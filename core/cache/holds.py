"""Layers that builds use right now, which no pruning may take away."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager


class Holds:
    """How often each layer is in use; for the life of the process, safe between threads.

    A layer is either held or condemned (being deleted), never both.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._condemned: set[str] = set()
        self._lock = threading.Lock()

    def take(self, layers: Iterable[str]) -> bool:
        """Count one more user of each of ``layers``; False, and none, when one is condemned."""
        names = tuple(layers)
        with self._lock:
            if not self._condemned.isdisjoint(names):
                return False
            self._counts.update(names)
            return True

    def give_back(self, layers: Iterable[str]) -> None:
        """Count one user less of each of ``layers``."""
        with self._lock:
            for name in layers:
                self._counts[name] -= 1
                if not self._counts[name]:
                    del self._counts[name]

    @contextmanager
    def holding(self, layers: Iterable[str]) -> Iterator[bool]:
        """``layers`` are in use within; False when they could not be taken."""
        names = tuple(layers)
        taken = self.take(names)
        try:
            yield taken
        finally:
            if taken:
                self.give_back(names)

    def current(self) -> Collection[str]:
        """The layers in use."""
        with self._lock:
            return frozenset(self._counts)

    @contextmanager
    def condemning(self, layer: str) -> Iterator[bool]:
        """Nobody can take ``layer`` within; False when somebody has it."""
        with self._lock:
            free = layer not in self._counts
            if free:
                self._condemned.add(layer)
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._condemned.discard(layer)
