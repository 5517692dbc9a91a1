"""What to delete when space is short, and deleting it.

A policy says which records it is about and how much of them may stay. Records go in the order of
their last use, but never a layer that another kept one lies on, nor one that a build uses.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from core.cache.database import Database
from core.cache.downloads import Downloads
from core.cache.holds import Holds
from core.cache.keys import KeyId, KeyStore
from core.cache.layers import LayerRecords, RecordKind
from core.cache.mounts import CacheMounts
from core.cache.results import ResultStore
from core.cache.stats import StatCache
from core.cache.steps import StepMemory
from core.cache.usage import UsageRecord, usage

_GB = 10**9
_HOUR = 3600 * 10**9
_NOTES_KEPT = 60 * 24 * _HOUR
_NOTES_PAUSE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Delete records of ``kinds`` (empty: all but internal ones; ``everything``: those too).

    Records used in the last ``keep_for`` nanoseconds stay. With a limit on space set, deletion
    stops once the records that the policy is about take no more than
    ``max(reserved, min(max_used, total - (min_free - free)))`` bytes; with none, all go.
    """

    kinds: frozenset[RecordKind] = frozenset()
    everything: bool = False
    keep_for: int = 0
    reserved: int = 0
    max_used: int = 0
    min_free: int = 0

    def covers(self, record: UsageRecord) -> bool:
        """Whether the policy is about ``record``."""
        if self.kinds:
            return record.kind in self.kinds
        return self.everything or record.kind not in (RecordKind.INTERNAL, RecordKind.FRONTEND)

    def target(self, total: int, free: int) -> int:
        """How many bytes may stay; ``total`` are taken now and ``free`` left on the disk."""
        if not (self.reserved or self.max_used or self.min_free):
            return 0
        limits = [self.max_used] if self.max_used else []
        if self.min_free:
            limits.append(total - max(0, self.min_free - free))
        return max(self.reserved, min(limits)) if limits else self.reserved


def default_policies(disk: int) -> tuple[Policy, ...]:
    """Policies for a disk of ``disk`` bytes: what is cheap to make again goes first."""
    space = Policy(
        reserved=min(disk // 10, 10 * _GB),
        max_used=min(disk * 8 // 10, 100 * _GB),
        min_free=disk // 5,
    )
    cheap = frozenset({RecordKind.LOCAL_SOURCE, RecordKind.CACHE_MOUNT, RecordKind.GIT_CHECKOUT})
    return (
        Policy(kinds=cheap, keep_for=48 * _HOUR, max_used=512 * 10**6),
        Policy(
            keep_for=60 * 24 * _HOUR,
            reserved=space.reserved,
            max_used=space.max_used,
            min_free=space.min_free,
        ),
        space,
        replace(space, everything=True),
    )


class Pruner:
    """Deletes records of the cache.

    ``remove_layer`` deletes a layer from the snapshot store; ``free`` gives the bytes free on the
    disk. All of it blocks: call it in a thread.
    """

    def __init__(
        self,
        database: Database,
        mounts: CacheMounts,
        *,
        remove_layer: Callable[[str], None],
        holds: Holds,
        free: Callable[[], int],
    ) -> None:
        self._db = database
        self._layers = LayerRecords(database)
        self._results = ResultStore(database)
        self._keys = KeyStore(database)
        self._mounts = mounts
        self._remove_layer = remove_layer
        self._holds = holds
        self._free = free
        self._measured: dict[str, int] = {}
        self._forgot_at = 0.0

    def usage(self) -> tuple[UsageRecord, ...]:
        """Every record of the cache; cache mounts that were used since are measured anew."""
        for mount in self._mounts.all():
            if self._measured.get(mount.directory) != mount.last_used:
                self._mounts.measure(mount.directory)
                self._measured[mount.directory] = mount.last_used
        return usage(self._db, self._layers, self._mounts, held=self._holds.current())

    def preview(
        self, policies: Sequence[Policy], *, now: int | None = None
    ) -> tuple[UsageRecord, ...]:
        """What ``prune`` would delete now."""
        return choose(
            self.usage(),
            policies,
            free=self._free(),
            now=time.time_ns() if now is None else now,
        )

    def prune(
        self,
        policies: Sequence[Policy],
        *,
        only: Collection[str] | None = None,
        now: int | None = None,
    ) -> tuple[UsageRecord, ...]:
        """Delete what ``policies`` say (of it, those with an id in ``only``); what was deleted."""
        self._forget_notes()
        chosen = self.preview(policies, now=now)
        return tuple(
            record
            for record in chosen
            if (only is None or record.id in only) and self._remove(record)
        )

    def forget_layers(self, layers: Iterable[str]) -> None:
        """Forget layers that are no longer on disk, and every result that needs one of them."""
        for layer in layers:
            self._forget(layer)

    def _forget_notes(self) -> None:
        """Now and then, forget what was noted of contexts, steps and downloads long unused."""
        moment = time.monotonic()
        if self._forgot_at and moment - self._forgot_at < _NOTES_PAUSE_SECONDS:
            return
        self._forgot_at = moment
        before = time.time_ns() - _NOTES_KEPT
        StatCache(self._db).forget(before=before)
        StepMemory(self._db).forget(before=before)
        Downloads(self._db).forget(before=before)

    def _remove(self, record: UsageRecord) -> bool:
        if record.kind is RecordKind.CACHE_MOUNT:
            return self._mounts.remove(record.id)
        with self._holds.condemning(record.id) as free:
            if free:
                # First the records, then the files: a crash in between leaves files that nobody
                # knows, which the next start deletes, and never a record without files.
                self._forget(record.id)
                self._remove_layer(record.id)
        return free

    def _forget(self, layer: str) -> None:
        with self._db.transaction():
            rows = self._db.rows(
                "SELECT DISTINCT result FROM result_layers WHERE layer = ?", (layer,)
            )
            keys: set[KeyId] = set()
            for (result,) in rows:
                keys.update(self._results.remove(result))
            self._layers.remove(layer)
            self._keys.forget_dead_ends(keys)


def choose(
    records: Sequence[UsageRecord], policies: Sequence[Policy], *, free: int, now: int
) -> tuple[UsageRecord, ...]:
    """The records that ``policies``, one after the other, would delete, in order of deletion.

    ``records`` come the least recently used first; ``free`` and sizes are bytes, ``now``
    nanoseconds since the epoch.
    """
    kept = {record.id: record for record in records}
    order = {record.id: number for number, record in enumerate(records)}
    chosen: list[UsageRecord] = []
    for policy in policies:
        covered = {name for name, record in kept.items() if policy.covers(record)}
        total = sum(kept[name].size for name in covered)
        target = policy.target(total, free)
        if total <= target and (policy.reserved or policy.max_used or policy.min_free):
            continue
        children: dict[str, int] = {}
        for record in kept.values():
            for parent in record.parents:
                children[parent] = children.get(parent, 0) + 1
        limited = bool(policy.reserved or policy.max_used or policy.min_free)
        ready = [
            (order[name], name)
            for name in covered
            if _may_go(kept[name], policy, now) and not children.get(name)
        ]
        heapq.heapify(ready)
        while ready and (not limited or total > target):
            _, name = heapq.heappop(ready)
            record = kept.pop(name)
            chosen.append(record)
            total -= record.size
            free += record.size
            for parent in record.parents:
                children[parent] -= 1
                if children[parent] or parent not in covered or parent not in kept:
                    continue
                if _may_go(kept[parent], policy, now):
                    heapq.heappush(ready, (order[parent], parent))
    return tuple(chosen)


def _may_go(record: UsageRecord, policy: Policy, now: int) -> bool:
    return not record.in_use and now - record.last_used >= policy.keep_for
