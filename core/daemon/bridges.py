"""The builds whose steps a gateway client decides on while they run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from core.errors import NotFoundError

if TYPE_CHECKING:
    from core.daemon.bridge import Bridge


class Bridges:
    """By the ref of the build."""

    def __init__(self) -> None:
        self._open: dict[str, Bridge] = {}

    @contextmanager
    def open(self, ref: str, bridge: Bridge) -> Iterator[None]:
        """Calls for ``ref`` go to ``bridge`` while this lasts."""
        self._open[ref] = bridge
        try:
            yield
        finally:
            del self._open[ref]
            bridge.close()

    def get(self, ref: str) -> Bridge:
        """Raises NotFoundError."""
        found = self._open.get(ref)
        if found is None:
            raise NotFoundError(f"there is no build {ref} that takes instructions")
        return found
