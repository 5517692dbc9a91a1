"""COPY of 50,000 files (200 MB) beside a plain ``cp -a`` of them, through the whole command."""

from __future__ import annotations

import os
import random
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.integration.people import Person, myself

pytestmark = pytest.mark.bench

_FILES = 50_000
_IN_ONE_DIRECTORY = 91
_REST_MIB = 128


@pytest.fixture(scope="module")
def me(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    person = myself(tmp_path_factory.mktemp("home"))
    yield person
    person.viaduct("daemon", "stop")


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("context")
    chance = random.Random(1)
    for number in range(_FILES):
        at = number // _IN_ONE_DIRECTORY
        directory = root / "files" / f"d{at % 23}" / f"s{at}"
        if number % _IN_ONE_DIRECTORY == 0:
            directory.mkdir(parents=True)
        size = chance.choice((200, 1000, 3000, 4000, 6000, 10000))
        (directory / f"f{number}.txt").write_bytes(chance.randbytes(size))
    (root / "Dockerfile").write_text("FROM scratch\nCOPY files /files\n")
    return root


def test_copying_a_large_context_keeps_up_with_cp(
    me: Person, context: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def build() -> float:
        started = time.perf_counter()
        done = me.viaduct("build", "--progress=quiet", str(context))
        assert done.returncode == 0, done.stderr
        return time.perf_counter() - started

    def copied(name: str) -> float:
        started = time.perf_counter()
        subprocess.run(["cp", "-a", str(context), str(tmp_path / name)], check=True)
        return time.perf_counter() - started

    me.viaduct("daemon", "start")
    before = copied("one")
    cold = build()
    after = copied("two")
    beside = (before + after) / 2
    idle = median(build() for _ in range(5))
    changed = []
    for number in range(3):
        (context / "files" / "d0" / "s0" / "f0.txt").write_text(f"changed {number}")
        changed.append(build())
    # The daemon tidies up five seconds after the last build.
    time.sleep(7)
    rest, peak = _memory(me)
    with capsys.disabled():
        print(
            f"\ncopy of {_FILES} files: cold {cold:.2f} s, cp -a {beside:.2f} s, "
            f"ratio {cold / beside:.2f}; no-op {idle:.2f} s; one changed {median(changed):.2f} s; "
            f"daemon {rest} MiB at rest, {peak} MiB at most"
        )
    # Other work on the machine may double each span, not the order of them.
    assert cold < 3 * beside
    assert idle < cold / 2
    assert median(changed) < cold
    assert rest < _REST_MIB
    assert peak < 400


def _memory(person: Person) -> tuple[int, int]:
    """Resident MiB of the biggest process of this person's daemon: now, and at its peak."""
    mark = f"XDG_DATA_HOME={person.environment['XDG_DATA_HOME']}".encode()
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if mark not in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                continue
            status = Path(f"/proc/{name}/status").read_text()
        except OSError:
            continue
        sizes = [re.search(rf"{key}:\s+(\d+)", status) for key in ("VmRSS", "VmHWM")]
        found.append(tuple(int(size[1]) // 1024 for size in sizes if size))
    rest, peak = max(found)
    return rest, peak
