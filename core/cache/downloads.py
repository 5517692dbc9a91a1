"""What a server said about a download last time (ETag, Last-Modified, digest, layer)."""

from __future__ import annotations

import json
import time
from typing import Any

from core.cache.database import Database


class Downloads:
    """Notes about remote sources in a cache database, by the source's name."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, source: str) -> dict[str, Any] | None:
        """What was noted for ``source``."""
        row = self._db.row("SELECT data FROM downloads WHERE source = ?", (source,))
        if row is None:
            return None
        value = json.loads(row[0])
        return value if isinstance(value, dict) else None

    def put(self, source: str, value: dict[str, Any]) -> None:
        """Note ``value`` (JSON) for ``source``."""
        self._db.write(
            "INSERT OR REPLACE INTO downloads VALUES (?, ?, ?)",
            (source, json.dumps(value), time.time_ns()),
        )

    def forget(self, *, before: int) -> None:
        """Forget what was noted before ``before``."""
        self._db.write("DELETE FROM downloads WHERE used < ?", (before,))
