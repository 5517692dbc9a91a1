"""Records of layers: how big, of what kind, from which step, when used, as which blobs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from core.cache.database import Database

_COLUMNS = "id, size, created, last_used, uses, kind, description, step"


class RecordKind(Enum):
    """What a record holds, in BuildKit's words."""

    REGULAR = "regular"
    INTERNAL = "internal"
    FRONTEND = "frontend"
    LOCAL_SOURCE = "source.local"
    GIT_CHECKOUT = "source.git.checkout"
    CACHE_MOUNT = "exec.cachemount"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecord:
    """One layer. ``size`` in bytes on disk; ``step`` is the name of the step that made it."""

    id: str
    size: int
    created: int
    last_used: int
    uses: int = 0
    kind: RecordKind = RecordKind.REGULAR
    description: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobRecord:
    """A layer as a blob.

    ``variant`` tells blobs of one layer apart, such as "gzip", "zstd", or with the options that
    change its bytes; ``diff_id`` is the digest of the uncompressed tar.
    """

    variant: str
    media_type: str
    digest: str
    size: int
    diff_id: str


class LayerRecords:
    """The layers of a cache database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(
        self,
        layer: str,
        *,
        size: int,
        kind: RecordKind = RecordKind.REGULAR,
        description: str = "",
        step: str = "",
        now: int | None = None,
    ) -> None:
        """Take note of a layer; one that is known keeps its record."""
        moment = time.time_ns() if now is None else now
        self._db.write(
            "INSERT OR IGNORE INTO layers VALUES (?, ?, ?, ?, 0, ?, ?, ?)",
            (layer, size, moment, moment, kind.value, description, step),
        )

    def get(self, layer: str) -> LayerRecord | None:
        """The record of ``layer``."""
        row = self._db.row(f"SELECT {_COLUMNS} FROM layers WHERE id = ?", (layer,))
        return _record(row) if row else None

    def all(self) -> tuple[LayerRecord, ...]:
        """Every record, the least recently used first."""
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM layers ORDER BY last_used, created")
        return tuple(_record(row) for row in rows)

    def touch(self, layers: Iterable[str], *, now: int | None = None) -> None:
        """Count one use of each of ``layers``."""
        moment = time.time_ns() if now is None else now
        with self._db.transaction():
            self._db.write_many(
                "UPDATE layers SET last_used = ?, uses = uses + 1 WHERE id = ?",
                [(moment, layer) for layer in dict.fromkeys(layers)],
            )

    def resize(self, layer: str, size: int) -> None:
        """Correct the size of ``layer``."""
        self._db.write("UPDATE layers SET size = ? WHERE id = ?", (size, layer))

    def remove(self, layer: str) -> None:
        """Forget ``layer``, its blobs and its chain IDs."""
        with self._db.transaction():
            self._db.write("DELETE FROM layers WHERE id = ?", (layer,))
            self._db.write("DELETE FROM blobs WHERE layer = ?", (layer,))
            self._db.write("DELETE FROM chains WHERE layer = ?", (layer,))

    def set_blob(self, layer: str, blob: BlobRecord) -> None:
        """Remember ``blob`` as the layer's blob of its variant."""
        self._db.write(
            "INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?, ?, ?)",
            (layer, blob.variant, blob.media_type, blob.digest, blob.size, blob.diff_id),
        )

    def blobs(self, layer: str) -> tuple[BlobRecord, ...]:
        """The blobs that ``layer`` is known as."""
        rows = self._db.rows(
            "SELECT variant, media_type, digest, size, diff_id FROM blobs WHERE layer = ? "
            "ORDER BY variant",
            (layer,),
        )
        return tuple(
            BlobRecord(
                variant=variant, media_type=media_type, digest=digest, size=size, diff_id=diff_id
            )
            for variant, media_type, digest, size, diff_id in rows
        )

    def blob(self, layer: str, variant: str) -> BlobRecord | None:
        """The layer's blob of ``variant``."""
        return next((blob for blob in self.blobs(layer) if blob.variant == variant), None)

    def blob_digests(self) -> frozenset[str]:
        """The digests of all blobs that layers are known as: roots of the blob store."""
        return frozenset(digest for (digest,) in self._db.rows("SELECT digest FROM blobs"))

    def forget_blob(self, digest: str) -> None:
        """Forget a blob that is no longer in the blob store."""
        self._db.write("DELETE FROM blobs WHERE digest = ?", (digest,))

    def chain(self, chain_id: str) -> str | None:
        """The layer that was unpacked for ``chain_id`` (of a pulled image)."""
        row = self._db.row("SELECT layer FROM chains WHERE chain = ?", (chain_id,))
        return str(row[0]) if row else None

    def set_chain(self, chain_id: str, layer: str) -> None:
        """Remember the layer that was unpacked for ``chain_id``."""
        self._db.write("INSERT OR REPLACE INTO chains VALUES (?, ?)", (chain_id, layer))


def _record(row: tuple[Any, ...]) -> LayerRecord:
    name, size, created, last_used, uses, kind, description, step = row
    return LayerRecord(
        id=name,
        size=size,
        created=created,
        last_used=last_used,
        uses=uses,
        kind=RecordKind(kind),
        description=description,
        step=step,
    )
