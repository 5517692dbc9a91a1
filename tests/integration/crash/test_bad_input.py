"""Machines and inputs at their limits: a sentence, and nothing else is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.crash.builder import Builder
from tests.integration.differential.contexts import Archive, Made, Member, make
from tests.integration.differential.trees import read_image
from tests.integration.people import Person, myself

pytestmark = pytest.mark.integration

MIB = 1 << 20


@pytest.fixture(scope="session")
def busybox(me: Person, open_folder: Path) -> Path:
    archive = open_folder / "busybox.tar"
    saved = me.viaduct("save", "-o", str(archive), "busybox")
    assert saved.returncode == 0, saved.stderr
    return archive


@pytest.fixture
def builder(open_folder: Path, busybox: Path) -> Iterator[Builder]:
    """A builder of the test's own, with busybox."""
    person = myself(Path(tempfile.mkdtemp(dir=open_folder)))
    yield _stocked(Builder(person), busybox)
    person.viaduct("daemon", "stop", "--force")


def _stocked(builder: Builder, busybox: Path) -> Builder:
    loaded = builder.person.viaduct("load", "-i", str(busybox))
    assert loaded.returncode == 0, loaded.stderr
    return builder


@pytest.fixture
def small_disk(open_folder: Path, busybox: Path) -> Iterator[Builder]:
    """A builder whose data has 96 MiB to live on."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    person = myself(Path(tempfile.mkdtemp(dir=open_folder)))
    disk = person.home / "data"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m,mode=700", "small", disk], check=True)
    try:
        yield _stocked(Builder(person), busybox)
        person.viaduct("daemon", "stop", "--force")
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def _folder(open_folder: Path, dockerfile: str, entries: dict[str, Made] | None = None) -> Path:
    folder = Path(tempfile.mkdtemp(dir=open_folder)) / "context"
    make(folder, {**(entries or {}), "Dockerfile": dockerfile})
    return folder


def _build(builder: Builder, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return builder.person.viaduct("build", "--progress=plain", *words, str(folder), timeout=120)


def _used(builder: Builder) -> int:
    found = shutil.disk_usage(builder.root)
    return found.total - found.free


@pytest.mark.parametrize("how", ["copy", "run", "export"])
def test_a_full_disk_costs_the_step_that_filled_it(
    small_disk: Builder, open_folder: Path, how: str
) -> None:
    good = _folder(open_folder, "FROM busybox\nRUN head -c 5000000 /dev/urandom > /kept\n")
    first = _build(small_disk, good)
    assert first.returncode == 0, first.stderr
    before = _used(small_disk)
    noise = "head -c {} /dev/urandom > /big"
    match how:
        case "copy":
            bad = _folder(open_folder, "FROM busybox\nCOPY big /\n")
            with open(bad / "big", "wb") as big:
                for _ in range(200):
                    big.write(os.urandom(MIB))
        case "run":
            bad = _folder(open_folder, f"FROM busybox\nRUN {noise.format(200 * MIB)}\n")
        case _:
            # The layer has room, its compressed form has not.
            bad = _folder(open_folder, f"FROM busybox\nRUN {noise.format(60 * MIB)}\n")
    failed = _build(small_disk, bad, "-t", "test/full")
    assert failed.returncode != 0
    assert "space" in failed.stderr.lower() or "full" in failed.stderr.lower(), failed.stderr
    assert "Traceback" not in failed.stderr
    assert small_disk.temporary_files() == []
    if how != "export":
        assert _used(small_disk) - before < 8 * MIB
    again = _build(small_disk, good)
    assert again.returncode == 0, again.stderr
    assert "RUN head" in again.stderr
    assert "CACHED" in again.stderr.split("RUN head", 1)[1].split("\n\n")[0]


def test_a_step_that_takes_all_memory_is_named_and_its_neighbour_lives(
    builder: Builder, open_folder: Path
) -> None:
    calm = _folder(open_folder, "FROM busybox\nRUN sleep 2; echo calm\n")
    greedy = _folder(open_folder, "FROM busybox\nRUN exec tail -c 2000m /dev/zero\n")
    neighbour: list[subprocess.CompletedProcess[str]] = []
    thread = threading.Thread(target=lambda: neighbour.append(_build(builder, calm)))
    thread.start()
    failed = _build(builder, greedy, "--memory=100m")
    thread.join()
    if "have no effect on this machine" in builder.person.viaduct("daemon", "status").stdout:
        pytest.skip("no control groups here")
    assert failed.returncode == 1
    assert "lack of memory" in failed.stderr
    assert "Dockerfile:2" in failed.stderr
    assert neighbour[0].returncode == 0, neighbour[0].stderr


def test_a_fork_bomb_ends_at_its_limit(
    open_folder: Path, busybox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = myself(Path(tempfile.mkdtemp(dir=open_folder)))
    limited = {"VIADUCT_STEP_PROCESSES": "200"}
    started = person.viaduct("daemon", "start", env=limited)
    assert started.returncode == 0, started.stderr
    builder = _stocked(Builder(person), busybox)
    try:
        if "have no effect on this machine" in person.viaduct("daemon", "status").stdout:
            pytest.skip("no control groups here")
        calm = _folder(open_folder, "FROM busybox\nRUN sleep 2; echo calm\n")
        bomb = _folder(open_folder, "FROM busybox\nRUN b() { b | b & }; b; sleep 1; false\n")
        neighbour: list[subprocess.CompletedProcess[str]] = []
        thread = threading.Thread(target=lambda: neighbour.append(_build(builder, calm)))
        thread.start()
        failed = _build(builder, bomb)
        thread.join()
        assert failed.returncode == 1
        assert "as many processes" in failed.stderr
        assert "200" in failed.stderr
        assert neighbour[0].returncode == 0, neighbour[0].stderr
    finally:
        person.viaduct("daemon", "stop", "--force")
    assert builder.all_gone() == frozenset()


HOSTILE = {
    "above": (Member("../../../../../../../../../../../var/tmp/viaduct-escaped", "x"),),
    "from-the-root": (Member("/var/tmp/viaduct-escaped", "x"),),
    "through-a-link": (
        Member("l", kind=tarfile.SYMTYPE, link="/var/tmp"),
        Member("l/viaduct-escaped", "x"),
    ),
    "through-a-climbing-link": (
        Member("l", kind=tarfile.SYMTYPE, link="../" * 20 + "var/tmp"),
        Member("l/viaduct-escaped", "x"),
    ),
    "over-a-link": (
        Member("l", kind=tarfile.SYMTYPE, link="/var/tmp/viaduct-escaped"),
        Member("l", "x"),
    ),
    "hard-link-above": (
        Member("h", kind=tarfile.LNKTYPE, link="../" * 20 + "etc/passwd"),
        Member("h", "x"),
    ),
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_an_archive_stays_inside(
    me: Person, open_folder: Path, members: tuple[Member, ...]
) -> None:
    outside = Path("/var/tmp/viaduct-escaped")
    passwd = Path("/etc/passwd").read_bytes()
    folder = _folder(open_folder, "FROM scratch\nADD a.tar /x/\n", {"a.tar": Archive(members)})
    archive = folder.parent / "image.tar"
    built = _build(Builder(me), folder, "-o", f"type=docker,dest={archive}")
    assert not outside.exists()
    assert Path("/etc/passwd").read_bytes() == passwd
    assert "Traceback" not in built.stderr
    if built.returncode == 0:
        assert all("root:" not in line for line in read_image(archive).tree.values())
    else:
        assert "tar" in built.stderr or "archive" in built.stderr


def test_a_context_that_changes_while_it_is_read_gives_no_mixture(
    me: Person, open_folder: Path
) -> None:
    folder = _folder(open_folder, "FROM scratch\nCOPY d /d\n")
    changing = folder / "d" / "changing"
    changing.parent.mkdir()
    for number in range(100):
        (changing.parent / f"f{number}").write_text(str(number) * 1000)
    size = 4 * MIB
    done = threading.Event()

    def change() -> None:
        turn = 0
        while not done.is_set():
            turn += 1
            with open(changing, "r+b" if changing.exists() else "wb") as file:
                # In place, block by block: a reader can meet both.
                for _ in range(16):
                    file.write(bytes([65 + turn % 26]) * (size // 16))
                    file.flush()

    change_once = threading.Thread(target=change)
    change_once.start()
    archive = folder.parent / "image.tar"
    builder = Builder(me)
    refused = 0
    try:
        for _ in range(6):
            built = _build(builder, folder, "-o", f"type=docker,dest={archive}")
            assert "Traceback" not in built.stderr
            if built.returncode:
                refused += 1
                assert "changing" in built.stderr
                assert "changed" in built.stderr
    finally:
        done.set()
        change_once.join()
    # Whatever came of that, from now on it is what it is.
    final = b"final" * 1000
    changing.write_bytes(final)
    built = _build(builder, folder, "-o", f"type=local,dest={folder.parent / 'out'}")
    assert built.returncode == 0, built.stderr
    assert (folder.parent / "out" / "d" / "changing").read_bytes() == final
    assert refused >= 0


@pytest.mark.parametrize("damage", ["garbage", "cut", "empty", "header"])
def test_a_damaged_cache_database_costs_time_only(
    builder: Builder, open_folder: Path, damage: str
) -> None:
    folder = _folder(open_folder, "FROM busybox\nRUN echo x > /x\n")
    assert _build(builder, folder, "-t", "test/kept").returncode == 0
    builder.person.viaduct("daemon", "stop")
    database = builder.root / "cache.db"
    content = database.read_bytes()
    match damage:
        case "garbage":
            middle = len(content) // 2
            broken = content[:4096] + os.urandom(middle) + content[4096 + middle :]
        case "cut":
            broken = content[: len(content) // 2 - 100]
        case "empty":
            broken = b""
        case _:
            broken = b"This is not a database." + content[23:]
    database.write_bytes(broken)
    # As after a crash: nobody closed it.
    for name in ("cache.db-wal", "cache.db-shm"):
        (builder.root / name).unlink(missing_ok=True)
    again = _build(builder, folder, "-t", "test/kept")
    assert again.returncode == 0, again.stderr
    third = _build(builder, folder)
    assert third.returncode == 0, third.stderr
    assert "CACHED" in third.stderr
    images = builder.person.viaduct("images")
    assert "test/kept" in images.stdout
    assert builder.temporary_files() == []
