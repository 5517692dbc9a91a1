from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.daemon.history import Bounds, Change, History
from core.daemon.records import BuildPhase, BuildRecord
from core.errors import DockerfileError, LineRange, NotFoundError, OptionError

NOW = 1_700_000_000 * 10**9


def _history(root: Path, **bounds: float) -> History:
    history = History(root / "builds", Bounds(**bounds))  # type: ignore[arg-type]
    history.open()
    return history


def _record(ref: str, number: int = 0) -> BuildRecord:
    return BuildRecord(ref=ref, created=NOW + number, attrs={"target": "t"}, title="mine")


def _finished(history: History, ref: str, number: int = 0) -> BuildRecord:
    history.start(_record(ref, number)).close()
    record = _record(ref, number).ended(BuildPhase.DONE, at=NOW + number + 1)
    history.update(record, Change.COMPLETE)
    return record


def test_records_survive_a_restart(tmp_path: Path) -> None:
    history = _history(tmp_path)
    error = DockerfileError("no", ranges=[LineRange(1, 2)], hint="h")
    history.start(_record("one")).close()
    record = replace(
        _record("one").ended(BuildPhase.FAILED, at=NOW + 5, error=error),
        exporters=(("image", {"name": "n"}),),
        response={"a": "b"},
    )
    history.update(record, Change.COMPLETE)
    again = _history(tmp_path)
    assert list(again.records()) == [record]
    found = again.get("one").error
    assert isinstance(found, DockerfileError)
    assert (found.lines, found.hint) == ([1, 2], "h")


def test_a_build_that_ran_when_the_daemon_ended_has_failed(tmp_path: Path) -> None:
    _history(tmp_path).start(_record("one")).close()
    record = _history(tmp_path).get("one")
    assert record.phase is BuildPhase.FAILED
    assert "ended while this build ran" in str(record.error)


def test_a_damaged_record_is_dropped(tmp_path: Path) -> None:
    _finished(_history(tmp_path), "one")
    (tmp_path / "builds" / "one" / "build.json").write_text("{")
    assert list(_history(tmp_path).records()) == []
    assert not (tmp_path / "builds" / "one").exists()


@pytest.mark.parametrize("ref", ["", "../x", "a/b", ".hidden", "x" * 200])
def test_a_ref_that_is_no_file_name_is_refused(tmp_path: Path, ref: str) -> None:
    with pytest.raises(OptionError, match="cannot be the ref"):
        _history(tmp_path).start(_record(ref))


def test_a_ref_is_used_once(tmp_path: Path) -> None:
    history = _history(tmp_path)
    _finished(history, "one")
    with pytest.raises(OptionError, match="already"):
        history.start(_record("one"))


def test_the_oldest_go_when_there_are_too_many_and_pinned_ones_stay(tmp_path: Path) -> None:
    history = _history(tmp_path, builds=2, seconds=10**12)
    for number in range(5):
        _finished(history, f"b{number}", number)
    history.pin("b0", True)
    history.trim()
    assert {record.ref for record in history.records()} == {"b0", "b3", "b4"}


def test_a_running_build_cannot_be_deleted(tmp_path: Path) -> None:
    history = _history(tmp_path)
    journal = history.start(_record("one"))
    with pytest.raises(OptionError, match="still runs"):
        history.delete("one")
    journal.close()
    with pytest.raises(NotFoundError):
        history.delete("two")


async def test_listeners_hear_of_every_change(tmp_path: Path) -> None:
    history = _history(tmp_path)
    with history.listening() as changes:
        _finished(history, "one")
        history.delete("one")
        heard = [changes.get_nowait() for _ in range(3)]
    assert [change for change, _ in heard] == [Change.STARTED, Change.COMPLETE, Change.DELETED]


def test_documents_lie_beside_the_record(tmp_path: Path) -> None:
    history = _history(tmp_path)
    _finished(history, "one")
    history.attach("one", "Dockerfile", b"FROM x\n")
    assert history.document("one", "Dockerfile") == b"FROM x\n"
    assert history.document("one", "plan.json") == b""
