"""What each step of each project was last built from, to name the first difference next time."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping
from typing import Any

from core.cache.database import Database


class StepMemory:
    """The explanations in a cache database.

    ``scope`` tells projects apart, ``step`` names a step within one. An explanation is any JSON
    value under an id of the caller's choosing.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def last(self, scope: str) -> dict[str, str]:
        """The id of the latest explanation of every step of ``scope``."""
        rows = self._db.rows("SELECT step, explanation FROM steps WHERE scope = ?", (scope,))
        return dict(rows)

    def load(self, explanation: str) -> Any:
        """The explanation ``explanation``, or None."""
        row = self._db.row("SELECT data FROM explanations WHERE id = ?", (explanation,))
        return json.loads(zlib.decompress(row[0])) if row else None

    def save(self, explanation: str, value: Any) -> None:
        """Keep ``value`` as ``explanation``."""
        data = zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1)
        self._db.write("INSERT OR REPLACE INTO explanations VALUES (?, ?)", (explanation, data))

    def point(self, scope: str, latest: Mapping[str, str], *, now: int | None = None) -> None:
        """Make ``latest`` (step to explanation) what ``scope`` was last built from."""
        moment = time.time_ns() if now is None else now
        with self._db.transaction():
            self._db.write_many(
                "INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?)",
                [(scope, step, explanation, moment) for step, explanation in latest.items()],
            )

    def forget(self, *, before: int) -> None:
        """Forget steps last built before ``before`` and explanations that no step points at."""
        with self._db.transaction():
            self._db.write("DELETE FROM steps WHERE used < ?", (before,))
            self._db.write(
                "DELETE FROM explanations WHERE id NOT IN (SELECT explanation FROM steps)"
            )
