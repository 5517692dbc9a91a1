"""How many operations run at once: one limit for all, a lower one for emulated ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core.solver.protocol import Slot


@dataclass(slots=True, eq=False)
class _Waiter:
    slot: Slot
    future: asyncio.Future[None]


class Limits:
    """First come, first served, except that an emulated step never keeps a native one waiting."""

    def __init__(self, total: int, emulated: int) -> None:
        self.total = total
        self.emulated = emulated
        self.running = 0
        self.running_emulated = 0
        self._waiting: list[_Waiter] = []

    @asynccontextmanager
    async def slot(self, slot: Slot) -> AsyncIterator[None]:
        """Hold a slot within; waits for one."""
        if slot is Slot.NONE:
            yield
            return
        await self._take(slot)
        try:
            yield
        finally:
            self._give_back(slot)

    def change(self, total: int, emulated: int) -> None:
        """Set other limits; what runs goes on."""
        self.total, self.emulated = total, emulated
        self._wake()

    async def _take(self, slot: Slot) -> None:
        waiter = _Waiter(slot, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._wake()
        try:
            await waiter.future
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif waiter.future.done() and not waiter.future.cancelled():
                self._give_back(slot)
            raise

    def _give_back(self, slot: Slot) -> None:
        self.running -= 1
        if slot is Slot.EMULATED:
            self.running_emulated -= 1
        self._wake()

    def _wake(self) -> None:
        for waiter in list(self._waiting):
            if self.running >= self.total:
                return
            if waiter.slot is Slot.EMULATED and self.running_emulated >= self.emulated:
                continue
            self._waiting.remove(waiter)
            if waiter.future.cancelled():
                continue
            self.running += 1
            if waiter.slot is Slot.EMULATED:
                self.running_emulated += 1
            waiter.future.set_result(None)
