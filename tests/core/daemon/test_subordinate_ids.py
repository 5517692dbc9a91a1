from __future__ import annotations

from pathlib import Path

from core.daemon.subordinate_ids import IdRange, mapping_arguments, own_ranges, parse_ranges


def test_ranges_are_found_by_name_and_by_number() -> None:
    text = "root:1:5\njane:100000:65536\n1000:300000:10\nnot a line\njane:x:y\n"

    assert parse_ranges(text, names={"jane", "1000"}, own=1000) == (
        IdRange(start=100000, count=65536),
        IdRange(start=300000, count=10),
    )


def test_a_range_around_the_users_own_id_and_an_empty_one_are_left_out() -> None:
    assert parse_ranges("jane:500:1000\njane:0:5\njane:7:0\n", names={"jane"}, own=1000) == ()


def test_a_missing_file_gives_no_ranges(tmp_path: Path) -> None:
    assert own_ranges(str(tmp_path / "none"), own=1000) == ()


def test_the_mapping_puts_the_user_first_and_the_ranges_end_to_end() -> None:
    ranges = (IdRange(start=100000, count=65536), IdRange(start=300000, count=10))

    assert mapping_arguments(1000, ranges) == [
        "0", "1000", "1",
        "1", "100000", "65536",
        "65537", "300000", "10",
    ]  # fmt: skip
