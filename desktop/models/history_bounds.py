"""Keeping the history as small as the settings ask for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.errors import Error
from desktop.models.history import BuildSummary, summary
from desktop.models.history_source import delete

if TYPE_CHECKING:
    from core.client import Builder

_DAY = 24 * 3600 * 10**9


def beyond(
    builds: Sequence[BuildSummary], *, keep: int, days: int, now: int
) -> tuple[BuildSummary, ...]:
    """Those to forget: older than ``days``, or not among the newest ``keep``.

    Pinned builds and those that run stay, and do not count.
    """
    over = [build for build in builds if build.status.ended and not build.pinned]
    over.sort(key=lambda build: build.created, reverse=True)
    return tuple(
        build for n, build in enumerate(over) if n >= keep or now - build.created > days * _DAY
    )


async def tidy(builder: Builder, *, keep: int, days: int) -> int:
    """Forget what is beyond the bounds; how many that were.

    The builder's own bounds hold besides. A builder that other programs use too is left alone.
    """
    if not builder.embedded:
        return 0
    forgotten = 0
    try:
        found = [summary(event.record) async for event in builder.history()]
        for build in beyond(found, keep=keep, days=days, now=time.time_ns()):
            await delete(builder, build.ref)
            forgotten += 1
    except Error:
        # Nobody waits for this; the next build tries again.
        return forgotten
    return forgotten
