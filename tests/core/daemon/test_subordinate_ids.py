from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.daemon.subordinate_ids import IdRange, mapping_arguments, subordinate_ranges


@pytest.fixture
def as_user_1000(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        pw_name = "jane"

    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getgid", lambda: 1000)
    monkeypatch.setattr("core.daemon.subordinate_ids.pwd.getpwuid", lambda _uid: Entry)


@pytest.mark.usefixtures("as_user_1000")
def test_ranges_are_found_by_name_and_by_number(tmp_path: Path) -> None:
    file = tmp_path / "subuid"
    file.write_text("root:1:5\njane:100000:65536\n1000:300000:10\nnot a line\njane:x:y\n")

    assert subordinate_ranges(str(file)) == (
        IdRange(start=100000, count=65536),
        IdRange(start=300000, count=10),
    )


@pytest.mark.usefixtures("as_user_1000")
def test_a_range_that_holds_the_users_own_id_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "subuid"
    file.write_text("jane:500:1000\njane:0:5\n")

    assert subordinate_ranges(str(file)) == ()


@pytest.mark.usefixtures("as_user_1000")
def test_a_missing_file_gives_no_ranges(tmp_path: Path) -> None:
    assert subordinate_ranges(str(tmp_path / "none")) == ()


def test_the_mapping_puts_the_user_first_and_the_ranges_end_to_end() -> None:
    ranges = (IdRange(start=100000, count=65536), IdRange(start=300000, count=10))

    assert mapping_arguments(1000, ranges) == [
        "0", "1000", "1",
        "1", "100000", "65536",
        "65537", "300000", "10",
    ]  # fmt: skip
