"""What every test is held to: nothing it started is there when it has ended."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

GRACE_SECONDS = 2.0


def _threads() -> frozenset[str]:
    # Workers of the interpreter-wide pools end with their loop or the process, not with a test.
    return frozenset(
        f"{thread.name} ({thread.ident})"
        for thread in threading.enumerate()
        if thread is not threading.main_thread() and not thread.name.startswith("pytest")
    )


def _children() -> frozenset[str]:
    found = set()
    for listing in Path("/proc/self/task").glob("*/children"):
        try:
            pids = listing.read_text().split()
        except OSError:
            continue
        for pid in pids:
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if command:
                found.add(f"{pid}: {command.strip()}")
    return frozenset(found)


def _mounts() -> frozenset[str]:
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(line.split()[4] for line in lines)


def _settles(read: Callable[[], frozenset[str]], before: frozenset[str]) -> frozenset[str]:
    """What ``read`` shows beyond ``before`` once the grace time has passed."""
    deadline = time.monotonic() + GRACE_SECONDS
    while (extra := read() - before) and time.monotonic() < deadline:
        time.sleep(0.02)
    return extra


@pytest.fixture(autouse=True)
def nothing_is_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaks a thread, a child process or a mount."""
    before = (_threads(), _children(), _mounts())
    yield
    kinds = ("threads", "child processes", "mounts")
    leaked = {
        kind: sorted(extra)
        for kind, read, seen in zip(kinds, (_threads, _children, _mounts), before, strict=True)
        if (extra := _settles(read, seen))
    }
    if leaked:
        pytest.fail(f"left behind by {request.node.name}: {leaked}", pytrace=False)


@pytest.fixture
def private_dirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own: no setting, socket, store or credential of the user is touched."""
    for variable, name in (
        ("HOME", "home"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_STATE_HOME", "state"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_RUNTIME_DIR", "runtime"),
    ):
        directory = tmp_path / name
        directory.mkdir(mode=0o700)
        monkeypatch.setenv(variable, os.fspath(directory))
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    return tmp_path
