"""Cache keys: by which combinations of operation and inputs a result is known.

A key is a number. ``Link`` names an operation (its digest and output), which of its inputs is
meant, and the part of that input that is used (selector): following a link from an input's key
gives keys of the operation. An operation with several inputs is known by the keys that the links
from all of its inputs lead to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NewType

from core.cache.database import Database

KeyId = NewType("KeyId", int)

CONTENT = -1
"""The output that marks a root key as the digest of an input's content."""


@dataclass(frozen=True, slots=True)
class Link:
    """Input number ``input`` of the operation ``digest``, giving its output ``output``."""

    input: int
    digest: str
    output: int
    selector: str = ""

    @property
    def packed(self) -> bytes:
        text = f"{self.input}\0{self.output}\0{self.digest}\0{self.selector}"
        return hashlib.blake2b(text.encode(), digest_size=16).digest()


class KeyStore:
    """The keys of a cache database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def transaction(self) -> AbstractContextManager[None]:
        """All changes to the cache within count together or not at all."""
        return self._db.transaction()

    def root(self, digest: str, output: int) -> KeyId | None:
        """The key of an operation without inputs, or of content, if it was ever seen."""
        row = self._db.row("SELECT id FROM keys WHERE root = ?", (f"{digest}@{output}",))
        return KeyId(row[0]) if row else None

    def add_root(self, digest: str, output: int) -> KeyId:
        """The root key for ``digest``; made when it is new."""
        found = self.root(digest, output)
        if found is not None:
            return found
        return KeyId(self._db.write("INSERT INTO keys (root) VALUES (?)", (f"{digest}@{output}",)))

    def add(self) -> KeyId:
        """A new key that nothing leads to yet."""
        return KeyId(self._db.write("INSERT INTO keys (root) VALUES (NULL)"))

    def follow(self, source: KeyId, link: Link) -> tuple[KeyId, ...]:
        """The keys that ``link`` leads to from ``source``."""
        rows = self._db.rows(
            "SELECT target FROM links WHERE source = ? AND link = ?", (source, link.packed)
        )
        return tuple(KeyId(target) for (target,) in rows)

    def connect(self, source: KeyId, link: Link, target: KeyId) -> None:
        """Let ``link`` lead from ``source`` to ``target``; nothing new is no error."""
        self._db.write(
            "INSERT OR IGNORE INTO links VALUES (?, ?, ?)", (source, link.packed, target)
        )

    def forget_dead_ends(self, suspects: Iterable[KeyId]) -> None:
        """Delete those of ``suspects`` that have no result and lead nowhere, and what led there."""
        waiting = set(suspects)
        with self._db.transaction():
            while waiting:
                key = waiting.pop()
                if self._db.row(
                    "SELECT 1 FROM key_results WHERE key = ?1 "
                    "UNION ALL SELECT 1 FROM links WHERE source = ?1 LIMIT 1",
                    (key,),
                ):
                    continue
                rows = self._db.rows("SELECT source FROM links WHERE target = ?", (key,))
                self._db.write("DELETE FROM links WHERE target = ?", (key,))
                self._db.write("DELETE FROM keys WHERE id = ?", (key,))
                waiting.update(KeyId(source) for (source,) in rows if source != key)
