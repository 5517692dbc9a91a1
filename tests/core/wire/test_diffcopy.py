"""A tree sent is a tree received."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterable
from pathlib import Path

import pytest

from core.errors import StorageError
from core.wire.diffcopy import TreeReceiver, send_tree
from core.wire.pb import fsutil_pb2
from core.wire.tree import Entry, from_go_mode, to_go_mode, walk

Packet = fsutil_pb2.Packet


async def _transfer(entries: Iterable[Entry], receiver: TreeReceiver) -> int:
    to_sender: asyncio.Queue[fsutil_pb2.Packet | None] = asyncio.Queue()
    to_receiver: asyncio.Queue[fsutil_pb2.Packet | None] = asyncio.Queue()

    async def put(queue: asyncio.Queue[fsutil_pb2.Packet | None], packets: list[Packet]) -> None:
        for packet in packets:
            queue.put_nowait(Packet.FromString(packet.SerializeToString()))

    sending = asyncio.create_task(
        send_tree(entries, to_sender.get, lambda packets: put(to_receiver, packets))
    )
    try:
        await receiver.run(to_receiver.get, lambda packets: put(to_sender, packets))
        return await sending
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


def _listing(root: Path) -> dict[str, tuple[int, bytes | str, int]]:
    found: dict[str, tuple[int, bytes | str, int]] = {}
    for path in sorted(root.rglob("*")):
        info = path.lstat()
        content: bytes | str = b""
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = path.read_bytes()
        mtime = 0 if path.is_symlink() else info.st_mtime_ns
        found[str(path.relative_to(root))] = (info.st_mode, content, mtime)
    return found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "a" / "deep").mkdir(parents=True)
    (root / "a" / "deep" / "file").write_bytes(os.urandom(700_000))
    (root / "a" / "empty").touch()
    (root / "a-b").write_text("sorts between a and a/deep by bytes")
    (root / "script").write_text("#!/bin/sh\n")
    (root / "script").chmod(0o755)
    (root / "link").symlink_to("a/deep/file")
    os.link(root / "script", root / "twin")
    os.utime(root / "a" / "empty", ns=(10**18, 10**18 + 5))
    return root


async def test_a_tree_arrives_as_it_is(tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    await _transfer(walk(str(tree)), TreeReceiver(target))
    assert _listing(target) == _listing(tree)
    assert (target / "script").stat().st_ino == (target / "twin").stat().st_ino


async def test_a_second_transfer_sends_no_content(tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    first = await _transfer(walk(str(tree)), TreeReceiver(target))
    assert first > 700_000
    assert await _transfer(walk(str(tree)), TreeReceiver(target)) == 0


async def test_what_the_sender_lost_is_removed_unless_merged(tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "mine").write_text("x")
    await _transfer(walk(str(tree)), TreeReceiver(target, merge=True))
    assert (target / "mine").exists()
    await _transfer(walk(str(tree)), TreeReceiver(target))
    assert not (target / "mine").exists()


async def test_a_file_takes_the_place_of_a_directory_and_the_other_way_round(
    tree: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    (target / "script").mkdir(parents=True)
    (target / "script" / "inner").touch()
    (target / "a").write_text("was a file")
    await _transfer(walk(str(tree)), TreeReceiver(target))
    assert _listing(target) == _listing(tree)


@pytest.mark.parametrize("path", ["../out", "/etc/x", "a/../../x", "gone/x"])
async def test_a_path_that_leaves_the_directory_is_refused(path: str, tmp_path: Path) -> None:
    entry = Entry(fsutil_pb2.Stat(path=path, mode=to_go_mode(stat.S_IFREG | 0o644)))
    with pytest.raises(StorageError):
        await _transfer([entry], TreeReceiver(tmp_path / "target"))
    assert not (tmp_path / "x").exists()


async def test_a_link_does_not_lead_files_out_of_the_directory(tmp_path: Path) -> None:
    link = fsutil_pb2.Stat(path="d", mode=to_go_mode(stat.S_IFLNK | 0o777), linkname="/tmp")
    inner = fsutil_pb2.Stat(path="d/x", mode=to_go_mode(stat.S_IFREG | 0o644))
    with pytest.raises(StorageError, match="before its directory"):
        await _transfer([Entry(link), Entry(inner)], TreeReceiver(tmp_path / "target"))


@pytest.mark.parametrize(
    "mode",
    [
        stat.S_IFDIR | 0o1777,
        stat.S_IFREG | 0o4755,
        stat.S_IFREG | 0o2640,
        stat.S_IFLNK | 0o777,
        stat.S_IFCHR | 0o600,
        stat.S_IFBLK | 0o600,
        stat.S_IFIFO | 0o644,
        stat.S_IFSOCK | 0o755,
    ],
)
def test_modes_survive_go(mode: int) -> None:
    assert from_go_mode(to_go_mode(mode)) == mode
