"""What the cache holds, as one list: layers and cache mounts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from core.cache.database import Database
from core.cache.layers import LayerRecords, RecordKind
from core.cache.mounts import CacheMounts


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRecord:
    """A layer or a cache mount.

    ``parents`` are the layers directly below it in some result: they live as long as it does.
    ``shared`` says that more than one result uses it. Sizes in bytes, times in nanoseconds since
    the epoch.
    """

    id: str
    kind: RecordKind
    size: int
    created: int
    last_used: int
    uses: int
    description: str
    step: str
    parents: tuple[str, ...] = ()
    in_use: bool = False
    shared: bool = False
    mutable: bool = False


def usage(
    database: Database, layers: LayerRecords, mounts: CacheMounts, *, held: Collection[str] = ()
) -> tuple[UsageRecord, ...]:
    """Every record, the least recently used first; ``held`` are layers that builds use now."""
    parents, uses = stacking(database)
    found = [
        UsageRecord(
            id=layer.id,
            kind=layer.kind,
            size=layer.size,
            created=layer.created,
            last_used=layer.last_used,
            uses=layer.uses,
            description=layer.description,
            step=layer.step,
            parents=tuple(sorted(parents.get(layer.id, ()))),
            in_use=layer.id in held,
            shared=uses[layer.id] > 1,
        )
        for layer in layers.all()
    ]
    found.extend(
        UsageRecord(
            id=mount.directory,
            kind=RecordKind.CACHE_MOUNT,
            size=mount.size,
            created=mount.created,
            last_used=mount.last_used,
            uses=mount.uses,
            description=mount.description or f"cache mount {mount.id}",
            step=mount.id,
            in_use=mounts.in_use(mount.directory),
            mutable=True,
        )
        for mount in mounts.all()
    )
    return tuple(sorted(found, key=lambda record: (record.last_used, record.created)))


def by_kind(records: Iterable[UsageRecord]) -> Mapping[RecordKind, int]:
    """Bytes by kind, for the kinds that occur."""
    total: Counter[RecordKind] = Counter()
    for record in records:
        total[record.kind] += record.size
    return dict(total)


def stacking(database: Database) -> tuple[dict[str, set[str]], Counter[str]]:
    """For each layer the layers directly below it in some result, and in how many results it is."""
    parents: dict[str, set[str]] = {}
    uses: Counter[str] = Counter()
    below = ""
    for position, layer in database.rows(
        "SELECT position, layer FROM result_layers ORDER BY result, position"
    ):
        uses[layer] += 1
        if position and below != layer:
            parents.setdefault(layer, set()).add(below)
        below = layer
    return parents, uses
