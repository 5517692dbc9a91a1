"""Control groups, on directories that look like them."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.executor import cgroups
from core.executor.cgroups import ControlGroup, ControlGroups


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    groups: dict[str, str] = {}
    monkeypatch.setattr(cgroups, "_own_groups", lambda: groups)
    return groups


def test_version_one_groups_lie_below_the_daemons_own(tmp_path: Path, own: dict[str, str]) -> None:
    own.update({"memory": "/a", "pids": "/"})
    (tmp_path / "memory" / "a").mkdir(parents=True)
    (tmp_path / "pids").mkdir()

    group = ControlGroups(tmp_path).create("x", memory=1000, pids=5)

    assert group is not None
    assert group.directories == (
        tmp_path / "memory" / "a" / "viaduct-own-x",
        tmp_path / "pids" / "viaduct-own-x",
    )
    group.remove()
    assert not (tmp_path / "pids" / "viaduct-own-x").exists()


def test_no_group_is_made_for_what_is_not_limited(tmp_path: Path, own: dict[str, str]) -> None:
    for name in ("memory", "pids"):
        (tmp_path / name).mkdir()

    group = ControlGroups(tmp_path).create("x", memory=0, pids=5)

    assert group is not None
    assert group.directories == (tmp_path / "pids" / "viaduct-own-x",)


def test_groups_that_a_killed_daemon_left_are_removed(tmp_path: Path, own: dict[str, str]) -> None:
    for name in ("viaduct-me-1", "viaduct-other-1"):
        (tmp_path / "pids" / name).mkdir(parents=True)

    ControlGroups(tmp_path, "me")

    assert [path.name for path in (tmp_path / "pids").iterdir()] == ["viaduct-other-1"]


def test_version_two_groups_lie_beside_the_daemons_own(tmp_path: Path, own: dict[str, str]) -> None:
    own[""] = "/user/session"
    (tmp_path / "cgroup.controllers").write_text("memory pids")
    (tmp_path / "user" / "session").mkdir(parents=True)
    (tmp_path / "user" / "cgroup.subtree_control").write_text("memory pids")

    group = ControlGroups(tmp_path).create("x", memory=0, pids=0)

    assert group is not None
    assert group.directories == (tmp_path / "user" / "viaduct-own-x",)
    assert group.joins == (tmp_path / "user" / "viaduct-own-x" / "cgroup.procs",)


def test_without_delegation_there_are_no_groups(tmp_path: Path, own: dict[str, str]) -> None:
    own[""] = "/user/session"
    (tmp_path / "cgroup.controllers").write_text("memory pids")
    (tmp_path / "user" / "session").mkdir(parents=True)

    groups = ControlGroups(tmp_path)

    assert not groups.available
    assert groups.create("x", memory=1, pids=1) is None


@pytest.mark.parametrize(
    ("name", "text", "killed"),
    [
        ("memory.events", "low 0\noom 1\noom_kill 1\n", True),
        ("memory.events", "oom_kill 0\n", False),
        ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", True),
    ],
)
def test_kills_for_memory_are_read(tmp_path: Path, name: str, text: str, killed: bool) -> None:
    (tmp_path / name).write_text(text)

    assert ControlGroup(directories=(tmp_path,)).killed_for_memory() is killed
