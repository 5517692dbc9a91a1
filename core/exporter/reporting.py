"""Progress of an export, as BuildKit names its parts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from core.exporter.source import Reporter
from core.registry.transfers import OnTransfer, Transfer


@contextmanager
def one_off(reporter: Reporter, name: str) -> Iterator[None]:
    """A part of the work that has a beginning and an end and no size."""
    started = time.time_ns()
    reporter.status(name, started=started)
    yield
    reporter.status(name, started=started, completed=time.time_ns())


def transfers(reporter: Reporter) -> OnTransfer:
    """Statuses of a push or pull: one for each blob, named by its digest."""
    started: dict[str, int] = {}

    def tell(transfer: Transfer) -> None:
        id = f"{transfer.digest} {transfer.detail}".strip()
        begun = started.setdefault(id, time.time_ns())
        reporter.status(
            id,
            current=transfer.current,
            total=transfer.total,
            name=transfer.state.value,
            started=begun,
            completed=time.time_ns() if transfer.finished else None,
        )

    return tell
