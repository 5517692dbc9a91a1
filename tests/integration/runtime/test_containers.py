"""Real containers."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

pytestmark = pytest.mark.integration


class Runner(Protocol):
    """What the fixture ``inside`` gives."""

    state: Path

    def run(self, case: str) -> dict[str, Any]: ...


def test_a_step_sees_what_docker_would_show_and_leaves_only_its_own(inside: Runner) -> None:
    found = inside.run("programs")

    plain = found["plain"]
    assert plain["code"] == 0
    assert "uid=0(root) gid=0(root)" in plain["stdout"]
    assert "buildkitsandbox\nsh\n/\n" in plain["stdout"]
    assert "HOME=/root" in plain["stdout"]
    assert plain["stderr"] == "err\n"
    assert plain["files"] == []
    assert found["files"]["files"] == []
    assert "localhost buildkitsandbox" in found["files"]["stdout"]
    assert (found["status"]["code"], found["status"]["files"]) == (3, ["f"])
    assert found["user"]["stdout"].split() == ["33", "33", "/new/dir"]
    assert found["user"]["files"] == ["new", "new/dir"]
    assert found["missing"]["code"] == 127
    assert "no-such-program" in found["missing"]["start_failure"]
    assert found["not executable"]["code"] == 126
    assert "inet 127.0.0.1/8" in found["no network"]["stdout"]
    assert found["left"] == []


def test_mounts_are_there_while_it_runs(inside: Runner) -> None:
    found = inside.run("programs")

    mounts = found["mounts"]
    assert mounts["stdout"].startswith("secret\n440:7\ngiven")
    assert "Read-only file system" in mounts["stderr"]
    assert mounts["files"] == []
    limits = found["limits"]["stdout"]
    assert limits.startswith("64\n")
    assert " 1024 " in limits
    assert "localhost box" in limits
    assert "10.1.2.3\there" in limits


def test_a_step_is_confined_unless_it_may_be_otherwise(inside: Runner) -> None:
    found = inside.run("programs")

    assert "Seccomp:\t2" in found["confined"]["stdout"]
    assert "permission denied" in found["confined"]["stderr"].lower()
    assert found["insecure"]["code"] == 0
    assert "Seccomp:\t0" in found["insecure"]["stdout"]


def test_changes_become_layers(inside: Runner) -> None:
    files = inside.run("programs")["layers"]["files"]

    assert "b2" in files
    assert "p" in files
    assert "tmp" in files
    assert "etc" in files
    assert "etc/.wh.passwd" in files
    assert "etc/hosts" not in files
    assert "etc/resolv.conf" not in files


def test_a_step_that_fills_its_memory_is_told_so(inside: Runner) -> None:
    memory = inside.run("programs")["memory"]
    if memory is None:
        pytest.skip("this user cannot limit memory here")
    assert memory["out_of_memory"]


def test_a_cancelled_step_leaves_nothing(inside: Runner) -> None:
    found = inside.run("cancellation")

    assert found["cancelled"]
    assert found["seconds"] < 5
    assert found["left"] == 0
    assert found["active"] == []


def test_every_platform_runs(inside: Runner) -> None:
    found = inside.run("emulated")
    if not found["registry"]:
        pytest.skip("the kernel has no registry for each namespace (before Linux 6.7)")
    machines = {
        "linux/arm64": "aarch64",
        "linux/arm/v7": "armv7l",
        "linux/s390x": "s390x",
    }
    for platform, machine in machines.items():
        if platform in found["platforms"] and platform in found:
            assert found[platform]["stdout"].split() == [machine, machine, "0", "5:6"]


def test_three_hundred_layers_are_no_problem(inside: Runner) -> None:
    assert inside.run("many_layers")["files"] == 300


@pytest.mark.parametrize("whom", ["outer", "inner"])
def test_killing_the_builder_ends_all_it_started(
    inside: Runner, start_inside: Callable[[str], subprocess.Popen[str]], whom: str
) -> None:
    process = start_inside("sleep_forever")
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "ready\n"
        _wait_until(lambda: len(_running(b"sleep\x0087654")) > 0)
        victims = [process.pid] if whom == "outer" else _children_of(_children_of(process.pid)[0])
        os.kill(victims[0], signal.SIGKILL)
        process.wait(timeout=10)
    _wait_until(lambda: not _running(b"sleep\x0087654"))
    mounts = Path("/proc/self/mountinfo").read_text()
    assert str(inside.state) not in mounts


def test_the_outer_process_passes_signals_and_status_on(
    start_inside: Callable[[str], subprocess.Popen[str]],
) -> None:
    process = start_inside("wait_for_signal")
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert '"told": true' in process.stdout.read()
    assert process.returncode == 0


def _running(command: bytes) -> list[int]:
    found = []
    for listing in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if listing.read_bytes().startswith(command):
                found.append(int(listing.parent.name))
        except OSError:
            continue
    return found


def _children_of(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
