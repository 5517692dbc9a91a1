"""The database file: crashes, damage, transactions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from core.cache.database import Database
from core.cache.keys import KeyStore
from core.errors import StorageError


def test_what_was_written_is_there_after_opening_again(tmp_path) -> None:
    path = tmp_path / "cache.db"
    with Database(path) as database:
        key = KeyStore(database).add_root("sha256:a", 0)
    with Database(path) as database:
        assert KeyStore(database).root("sha256:a", 0) == key
        assert database.damage is None


def test_a_file_of_garbage_is_set_aside_and_an_empty_one_started(tmp_path) -> None:
    path = tmp_path / "cache.db"
    path.write_bytes(b"this is no database at all, not even close" * 100)
    with Database(path) as database:
        assert database.damage is not None
        assert "damaged" in str(database.damage)
        assert KeyStore(database).root("sha256:a", 0) is None
        KeyStore(database).add_root("sha256:a", 0)
    aside = [name for name in os.listdir(tmp_path) if ".damaged-" in name]
    assert len(aside) == 1
    assert (tmp_path / aside[0]).read_bytes().startswith(b"this is no database")


def test_damaged_pages_are_found_when_the_file_was_not_closed(tmp_path) -> None:
    path = tmp_path / "cache.db"
    with Database(path) as database:
        keys = KeyStore(database)
        with database.transaction():
            for number in range(2000):
                keys.add_root(f"sha256:{number:064}", 0)
        database.write("PRAGMA wal_checkpoint(TRUNCATE)")
        database._suspect = True
    content = bytearray(path.read_bytes())
    for page in range(4, len(content) // 4096):
        content[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    path.write_bytes(content)
    with Database(path) as database:
        assert database.damage is not None
        assert KeyStore(database).root(f"sha256:{7:064}", 0) is None


def test_a_file_of_another_version_is_set_aside(tmp_path) -> None:
    path = tmp_path / "cache.db"
    with Database(path) as database:
        database.write("PRAGMA user_version = 999")
    with Database(path) as database:
        assert database.damage is not None
        assert "version 999" in str(database.damage)


def test_a_directory_in_place_of_the_file_is_an_error_that_says_so(tmp_path) -> None:
    (tmp_path / "cache.db").mkdir()
    with pytest.raises(StorageError, match="unable to open"):
        Database(tmp_path / "cache.db")


def test_a_failed_transaction_leaves_nothing(tmp_path) -> None:
    with Database(None) as database:
        keys = KeyStore(database)
        with pytest.raises(RuntimeError), database.transaction():
            keys.add_root("sha256:a", 0)
            with database.transaction():
                keys.add_root("sha256:b", 0)
            raise RuntimeError
        assert keys.root("sha256:a", 0) is None
        assert keys.root("sha256:b", 0) is None
        keys.add_root("sha256:c", 0)
        assert keys.root("sha256:c", 0) is not None


WRITER = """
import sys
from pathlib import Path
from core.cache.database import Database
from core.cache.keys import KeyStore
database = Database(Path(sys.argv[1]))
keys = KeyStore(database)
number = 0
while True:
    with database.transaction():
        keys.add_root(f"a{number}", 0)
        keys.add_root(f"b{number}", 0)
    number += 1
    if number % 50 == 0:
        print(number, flush=True)
"""


def test_a_killed_process_leaves_whole_transactions(tmp_path) -> None:
    path = tmp_path / "cache.db"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        for _ in range(3):
            done = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
    with Database(path) as database:
        assert database.damage is None
        roots = {root for (root,) in database.rows("SELECT root FROM keys")}
        firsts = {root[1:] for root in roots if root.startswith("a")}
        seconds = {root[1:] for root in roots if root.startswith("b")}
        assert firsts == seconds
        assert len(firsts) >= done
