"""What was found out once and stays true: short texts by key, the least used forgotten first."""

from __future__ import annotations

import time
from typing import Final

from core.cache.database import Database

_MOST: Final = 20_000
# A note used again within a minute is not worth a write.
_FRESH: Final = 60_000_000_000


class Notes:
    """The notes in a cache database. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._added = 0

    def get(self, key: str) -> str | None:
        """The note under ``key``, which counts as used now."""
        row = self._db.row("SELECT value, used FROM notes WHERE key = ?", (key,))
        if row is None:
            return None
        now = time.time_ns()
        if now - row[1] > _FRESH:
            self._db.write("UPDATE notes SET used = ? WHERE key = ?", (now, key))
        return str(row[0])

    def put(self, key: str, value: str) -> None:
        """Keep ``value``, instead of what was there."""
        self._db.write(
            "INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", (key, value, time.time_ns())
        )
        self._added += 1
        if self._added % 1000 == 0:
            self._db.write(
                "DELETE FROM notes WHERE key NOT IN "
                "(SELECT key FROM notes ORDER BY used DESC LIMIT ?)",
                (_MOST,),
            )
