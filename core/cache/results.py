"""Results: what was built under a key, as layers and a line of text."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from core.cache.database import Database
from core.cache.keys import KeyId


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResult:
    """A result as it is kept.

    ``layers`` are ids of the snapshot store, bottom to top; they live as long as the result does.
    ``value`` is for whoever made the result to read back.
    """

    layers: tuple[str, ...] = ()
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRecord:
    """A stored result under its id; ``created`` in nanoseconds since the epoch."""

    id: str
    created: int
    stored: StoredResult


class ResultStore:
    """The results of a cache database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def find(self, key: KeyId) -> tuple[ResultRecord, ...]:
        """The results known by ``key``, the newest first."""
        rows = self._db.rows(
            "SELECT r.id, k.created, r.value FROM key_results k JOIN results r ON r.id = k.result "
            "WHERE k.key = ? ORDER BY k.created DESC",
            (key,),
        )
        return tuple(
            ResultRecord(
                id=name,
                created=created,
                stored=StoredResult(layers=self.layers(name), value=value),
            )
            for name, created, value in rows
        )

    def has(self, key: KeyId) -> bool:
        """Whether anything is known by ``key``."""
        return self._db.row("SELECT 1 FROM key_results WHERE key = ? LIMIT 1", (key,)) is not None

    def layers(self, result: str) -> tuple[str, ...]:
        """The layers of a result, bottom to top."""
        rows = self._db.rows(
            "SELECT layer FROM result_layers WHERE result = ? ORDER BY position", (result,)
        )
        return tuple(layer for (layer,) in rows)

    def add(self, key: KeyId, stored: StoredResult, *, now: int | None = None) -> ResultRecord:
        """Keep ``stored`` under ``key``; it becomes the newest there."""
        moment = time.time_ns() if now is None else now
        name = uuid.uuid4().hex
        with self._db.transaction():
            self._db.write("INSERT INTO results VALUES (?, ?, ?)", (name, stored.value, moment))
            self._db.write_many(
                "INSERT INTO result_layers VALUES (?, ?, ?)",
                [(name, position, layer) for position, layer in enumerate(stored.layers)],
            )
            self.link(key, name, now=moment)
        return ResultRecord(id=name, created=moment, stored=stored)

    def link(self, key: KeyId, result: str, *, now: int | None = None) -> None:
        """Let a result that is kept already be known by ``key`` as well."""
        self._db.write(
            "INSERT OR REPLACE INTO key_results VALUES (?, ?, ?)",
            (key, result, time.time_ns() if now is None else now),
        )

    def remove(self, result: str) -> tuple[KeyId, ...]:
        """Forget a result; the keys that it was known by."""
        with self._db.transaction():
            rows = self._db.rows("SELECT key FROM key_results WHERE result = ?", (result,))
            self._db.write("DELETE FROM key_results WHERE result = ?", (result,))
            self._db.write("DELETE FROM result_layers WHERE result = ?", (result,))
            self._db.write("DELETE FROM results WHERE id = ?", (result,))
        return tuple(KeyId(key) for (key,) in rows)
