"""The builds whose steps a gateway client decides on while they run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from core.errors import NotFoundError

if TYPE_CHECKING:
    from core.daemon.bridge import Bridge

_WAIT_SECONDS = 5.0


class Bridges:
    """By the ref of the build."""

    def __init__(self) -> None:
        self._open: dict[str, Bridge] = {}
        self._changed = asyncio.Event()

    @contextmanager
    def open(self, ref: str, bridge: Bridge) -> Iterator[None]:
        """Calls for ``ref`` go to ``bridge`` while this lasts."""
        self._open[ref] = bridge
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        try:
            yield
        finally:
            del self._open[ref]
            bridge.close()

    async def get(self, ref: str) -> Bridge:
        """The bridge; clients call before their Solve has arrived. Raises NotFoundError."""
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                while (found := self._open.get(ref)) is None:
                    await self._changed.wait()
                return found
        except TimeoutError as error:
            raise NotFoundError(f"there is no build {ref} that takes instructions") from error
