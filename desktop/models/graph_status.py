"""The state of a node: one word for the states of its entries."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

from core.progress.state import StepState


class Status(Enum):
    """The states of a step as views show them. Values are the names of icons and theme tokens,
    but for ``PLANNED``: nothing was started yet."""

    PLANNED = "planned"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CACHED = "cached"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"

    @property
    def token(self) -> str:
        """The theme's role for the colour and the icon."""
        return "waiting" if self is Status.PLANNED else self.value

    @property
    def finished(self) -> bool:
        return self not in {Status.PLANNED, Status.WAITING, Status.RUNNING}


def status_of(state: StepState) -> Status:
    return Status(state.value)


_STRONGEST = (Status.FAILED, Status.RUNNING, Status.CANCELLED)


def combined(states: Collection[Status]) -> Status:
    """What a node shows whose entries are in ``states``: the one to look at first."""
    for status in _STRONGEST:
        if status in states:
            return status
    for status in (Status.WAITING, Status.PLANNED, Status.DONE, Status.CACHED):
        if status in states:
            return status
    return Status.SKIPPED
