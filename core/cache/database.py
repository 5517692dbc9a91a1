"""The one SQLite file that remembers what was built.

Opened in WAL mode, so that a process killed at any moment leaves it as of some finished
transaction. A file that was not closed is checked when it is opened again; a damaged one is
renamed, never deleted, and an empty one takes its place: all that is lost is time.

Safe to call from several threads; one transaction runs at a time.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from core.cache.schema import SCHEMA, SCHEMA_VERSION
from core.errors import StorageError

_CHUNK: Final = 500


class Database:
    """The cache database at ``path``, or one in memory for None.

    ``damage`` says what was wrong with the file that was found there, or is None.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.damage: StorageError | None = None
        self._lock = threading.RLock()
        self._depth = 0
        self._suspect = False
        try:
            self._connection = self._open()
        except sqlite3.DatabaseError as error:
            if path is None or _is_passing(error):
                raise _storage_error(error) from error
            self.damage = _set_aside(path, str(error))
            self._connection = self._open()

    def close(self) -> None:
        """Write everything down and mark the file as whole."""
        with self._lock:
            if not self._suspect:
                self._connection.execute("UPDATE meta SET value = '0' WHERE key = 'open'")
            self._connection.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock:
            try:
                return self._connection.execute(sql, parameters).fetchall()
            except sqlite3.Error as error:
                raise self._failed(error) from error

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of a query, or None."""
        with self._lock:
            try:
                found: tuple[Any, ...] | None = self._connection.execute(sql, parameters).fetchone()
            except sqlite3.Error as error:
                raise self._failed(error) from error
            return found

    def write(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement that changes something; the id of the last row inserted."""
        with self._lock:
            try:
                return self._connection.execute(sql, parameters).lastrowid or 0
            except sqlite3.Error as error:
                raise self._failed(error) from error

    def write_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of parameters."""
        with self._lock:
            try:
                self._connection.executemany(sql, rows)
            except sqlite3.Error as error:
                raise self._failed(error) from error

    def rows_for(self, sql: str, values: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
        """The rows of ``sql``, in which ``(?)`` stands for a list of any length."""
        everything = list(values)
        for start in range(0, len(everything), _CHUNK):
            chunk = everything[start : start + _CHUNK]
            yield from self.rows(sql.replace("(?)", f"({','.join('?' * len(chunk))})"), chunk)

    def give_back(self) -> None:
        """Let go of the memory of pages that were read."""
        self.rows("PRAGMA shrink_memory")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements within count together or not at all; may be nested."""
        with self._lock:
            if self._depth:
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
                return
            self.write("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
            except BaseException:
                self._depth = 0
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth = 0
            self.write("COMMIT")

    def _open(self) -> sqlite3.Connection:
        target = ":memory:" if self.path is None else os.fspath(self.path)
        connection = sqlite3.connect(
            target, isolation_level=None, check_same_thread=False, timeout=10
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA cache_size = -16000")
            self._check(connection)
            connection.executescript(SCHEMA)
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('open', '1')")
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if not tables:
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            return
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"it has version {version} instead of {SCHEMA_VERSION}")
        flag = connection.execute("SELECT value FROM meta WHERE key = 'open'").fetchone()
        if flag is not None and flag[0] == "0":
            return
        answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if answer != "ok":
            raise sqlite3.DatabaseError(answer.strip().splitlines()[-1])

    def _failed(self, error: sqlite3.Error) -> StorageError:
        if isinstance(error, sqlite3.DatabaseError) and not _is_passing(error):
            self._suspect = True
        return _storage_error(error)


def _is_passing(error: sqlite3.Error) -> bool:
    """Whether ``error`` speaks of the machine or of us, not of a damaged file."""
    return isinstance(error, (sqlite3.OperationalError, sqlite3.ProgrammingError)) and (
        "malformed" not in str(error)
    )


def _storage_error(error: sqlite3.Error) -> StorageError:
    text = str(error)
    if "full" in text:
        return StorageError(
            "The disk is full: the build cache cannot be written.",
            hint="Free space with `viaduct prune`, or move the builder's state elsewhere.",
            temporary=True,
        )
    if "malformed" in text or "not a database" in text:
        return StorageError(
            f"The build cache's database is damaged ({text}).",
            hint="Restart the builder: it sets the file aside and starts an empty one.",
        )
    return StorageError(f"The build cache's database failed: {text}.")


def _set_aside(path: Path, why: str) -> StorageError:
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{number}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        leftover = path.with_name(path.name + suffix)
        if leftover.exists():
            leftover.rename(aside.with_name(aside.name + suffix))
    return StorageError(
        f"The build cache's database {path} was damaged ({why}) and an empty one was started.",
        hint=f"Steps run again once. The damaged file was kept as {aside.name}; delete it to free "
        "its space.",
    )
