"""Layers that builds use right now, which no pruning may take away."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager


class Holds:
    """How often each layer is in use; for the life of the process, safe between threads."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, layers: Iterable[str]) -> None:
        """Count one more user of each of ``layers``."""
        with self._lock:
            self._counts.update(layers)

    def give_back(self, layers: Iterable[str]) -> None:
        """Count one user less of each of ``layers``."""
        with self._lock:
            self._counts.subtract(layers)
            self._counts += Counter()

    @contextmanager
    def holding(self, layers: Iterable[str]) -> Iterator[None]:
        """``layers`` are in use within."""
        names = tuple(layers)
        self.take(names)
        try:
            yield
        finally:
            self.give_back(names)

    def current(self) -> Collection[str]:
        """The layers in use."""
        with self._lock:
            return frozenset(self._counts)
