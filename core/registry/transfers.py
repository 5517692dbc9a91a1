"""How far a transfer is, as whoever waits for it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from core.oci.digest import Digest


class TransferState(Enum):
    """Where a blob or manifest is; the value reads well after its digest."""

    WAITING = "waiting"
    PULLING = "pulling"
    PUSHING = "pushing"
    EXISTS = "Layer already exists"
    MOUNTED = "mounted from another repository"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """``current`` of ``total`` bytes of a blob; ``detail`` names a repository or tag."""

    digest: Digest
    state: TransferState
    current: int
    total: int
    detail: str = ""

    @property
    def finished(self) -> bool:
        return self.state in {TransferState.EXISTS, TransferState.MOUNTED, TransferState.DONE}


OnTransfer = Callable[[Transfer], None]


def silent(transfer: Transfer) -> None:
    """For who does not want to know."""
