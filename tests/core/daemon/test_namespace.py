"""What keeps the daemon from being confined is named, with the way out."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest

from core.daemon import namespace
from core.daemon.namespace import enter, require_runtime
from core.errors import MachineError


def test_a_machine_without_a_runtime_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MachineError) as error:
        require_runtime()

    assert "crun" in error.value.hint


def test_threads_that_run_already_are_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "crun").write_text("#!/bin/sh\n")
    (tmp_path / "crun").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        with pytest.raises(MachineError, match="thread"):
            enter()
    finally:
        stop.set()
        thread.join()


def test_a_user_without_newuidmap_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MachineError) as error:
        namespace._require_subordinate_ids()

    assert "newuidmap and newgidmap" in error.value.message
    assert "uidmap" in error.value.hint


def test_a_user_without_subordinate_ids_is_told_how_to_get_some(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("newuidmap", "newgidmap"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(namespace, "own_ranges", lambda path, own: ())

    with pytest.raises(MachineError) as error:
        namespace._require_subordinate_ids()

    assert "/etc/subuid" in error.value.message
    assert "usermod" in error.value.hint


def test_forbidden_namespaces_name_a_way_out() -> None:
    error = namespace._forbidden(OSError(errno.EPERM, "Operation not permitted"))

    assert "forbids user namespaces" in error.message
    assert error.hint
