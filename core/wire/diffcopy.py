"""The DiffCopy protocol of fsutil: a tree walked by one side, fetched by the other.

The sender states every entry in order and ends with an empty stat packet; entries are numbered by
their position. The receiver asks by number for the files it lacks, data packets carry them (an
empty one ends a file), then both say FIN.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing
from itertools import islice
from pathlib import Path

from core.errors import StorageError
from core.wire.pb import fsutil_pb2
from core.wire.tree import Entry, from_go_mode

Packet = fsutil_pb2.Packet
SendMany = Callable[[list[fsutil_pb2.Packet]], Awaitable[None]]
Receive = Callable[[], Awaitable[fsutil_pb2.Packet | None]]

_BATCH = 512
_PIECE = 256 << 10
_READERS = 4


async def send_tree(entries: Iterable[Entry], receive: Receive, send: SendMany) -> int:
    """Offer a tree until the receiver says FIN; the number of content bytes sent.

    ``entries`` is walked in a thread. Raises OSError when a file cannot be read, and whatever
    ``receive`` and ``send`` raise.
    """
    try:
        return await _send_tree(entries, receive, send)
    except BaseExceptionGroup as group:
        # The first failure is the reason; the others follow from it.
        raise _first(group) from group


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _send_tree(entries: Iterable[Entry], receive: Receive, send: SendMany) -> int:
    sources: dict[int, str] = {}
    turn = asyncio.Lock()
    slots = asyncio.Semaphore(_READERS)
    sent = 0

    async def put(packets: list[fsutil_pb2.Packet]) -> None:
        async with turn:
            await send(packets)

    async def state() -> None:
        number = 0
        walker = iter(entries)
        while batch := await asyncio.to_thread(lambda: list(islice(walker, _BATCH))):
            packets = []
            for entry in batch:
                if entry.source:
                    sources[number] = entry.source
                number += 1
                packets.append(Packet(type=Packet.PACKET_STAT, stat=entry.stat))
            await put(packets)
        await put([Packet(type=Packet.PACKET_STAT)])

    async def contents(numbers: list[int]) -> None:
        nonlocal sent
        async with slots:
            waiting: list[fsutil_pb2.Packet] = []
            size = 0
            for number in numbers:
                pieces = _pieces(sources.pop(number))
                while (piece := await asyncio.to_thread(next, pieces, b"")) != b"":
                    waiting.append(Packet(type=Packet.PACKET_DATA, ID=number, data=piece))
                    size += len(piece)
                    sent += len(piece)
                    if size >= _PIECE:
                        await put(waiting)
                        waiting, size = [], 0
                waiting.append(Packet(type=Packet.PACKET_DATA, ID=number))
            await put(waiting)

    async with asyncio.TaskGroup() as group:
        stating = group.create_task(state())
        asked: list[int] = []

        def flush() -> None:
            if asked:
                group.create_task(contents(asked.copy()))
                asked.clear()

        async with aclosing(_with_lookahead(receive)) as packets:
            async for packet, last in packets:
                match packet.type:
                    case Packet.PACKET_REQ:
                        asked.append(packet.ID)
                        # Requests that came together are read together: one thread hop for many.
                        if last or len(asked) >= 64:
                            flush()
                    case Packet.PACKET_FIN:
                        flush()
                        break
                    case Packet.PACKET_ERR:
                        stating.cancel()
                        raise StorageError(
                            f"the builder could not take the files: {packet.data.decode()}"
                        )
                    case _:
                        continue
    await put([Packet(type=Packet.PACKET_FIN)])
    return sent


async def _with_lookahead(receive: Receive) -> AsyncGenerator[tuple[fsutil_pb2.Packet, bool], None]:
    """Packets, each with whether nothing more is here right now."""
    following = asyncio.ensure_future(receive())
    try:
        while (packet := await following) is not None:
            following = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            yield packet, not following.done()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def _pieces(path: str) -> Iterator[bytes]:
    with open(path, "rb", buffering=0) as file:
        while piece := file.read(_PIECE):
            yield piece


class TreeReceiver:
    """Makes ``directory`` what the sender states.

    ``merge`` leaves entries alone that the sender does not have; without it they are removed. A
    file of the same size, time and mode is taken for the same. Ownership is set where the process
    may do so and ``keep_owner`` asks for it. Paths that leave the directory are refused.
    """

    def __init__(self, directory: Path, *, merge: bool = False, keep_owner: bool = False) -> None:
        self._directory = directory
        self._merge = merge
        self._keep_owner = keep_owner and os.geteuid() == 0
        self._stated: list[fsutil_pb2.Stat] = []
        self._seen: set[str] = set()
        self._directories: set[str] = set()
        self._open: dict[int, tuple[int, fsutil_pb2.Stat]] = {}
        self.bytes_received = 0

    async def run(self, receive: Receive, send: SendMany) -> None:
        """Take the tree. Raises StorageError when the sender breaks the protocol or gives up."""
        self._directory.mkdir(parents=True, exist_ok=True)
        links: list[fsutil_pb2.Stat] = []
        directories: list[fsutil_pb2.Stat] = []
        stating = True
        try:
            while stating or self._open:
                packet = await receive()
                if packet is None:
                    raise StorageError("the sender of the files went away", temporary=True)
                match packet.type:
                    case Packet.PACKET_STAT if packet.HasField("stat"):
                        number = self._state(packet.stat, links, directories)
                        if number is not None:
                            await send([Packet(type=Packet.PACKET_REQ, ID=number)])
                    case Packet.PACKET_STAT:
                        stating = False
                    case Packet.PACKET_DATA:
                        self._write(packet)
                    case Packet.PACKET_ERR:
                        raise StorageError(f"the sender of the files failed: {packet.data!r}")
                    case _:
                        continue
            self._finish(links, directories)
            await send([Packet(type=Packet.PACKET_FIN)])
            while (packet := await receive()) is not None:
                if packet.type == Packet.PACKET_FIN:
                    break
        finally:
            for descriptor, _ in self._open.values():
                os.close(descriptor)

    def _state(
        self,
        entry: fsutil_pb2.Stat,
        links: list[fsutil_pb2.Stat],
        directories: list[fsutil_pb2.Stat],
    ) -> int | None:
        number = len(self._stated)
        self._stated.append(entry)
        self._seen.add(entry.path)
        target = self._target(entry.path)
        mode = from_go_mode(entry.mode)
        if stat.S_ISDIR(mode):
            self._directories.add(entry.path)
        try:
            there = os.lstat(target)
        except FileNotFoundError:
            there = None
        if there is not None and _same(entry, mode, there, target):
            if stat.S_ISDIR(mode):
                directories.append(entry)
            return None
        if there is not None and not (stat.S_ISDIR(mode) and stat.S_ISDIR(there.st_mode)):
            _remove(target)
            there = None
        if stat.S_ISDIR(mode):
            if there is None:
                os.mkdir(target, 0o700)
            directories.append(entry)
        elif stat.S_ISREG(mode) and entry.linkname:
            links.append(entry)
        elif stat.S_ISREG(mode):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            self._open[number] = (os.open(target, flags, 0o600), entry)
            return number
        elif stat.S_ISLNK(mode):
            os.symlink(entry.linkname, target)
            self._attributes(entry, target)
        elif stat.S_ISFIFO(mode):
            os.mkfifo(target, stat.S_IMODE(mode))
            self._attributes(entry, target)
        return None

    def _target(self, path: str) -> str:
        parts = path.split("/")
        if not path or path.startswith("/") or ".." in parts:
            raise StorageError(f"the sender named a path outside of the directory: {path!r}")
        # Directories are stated before what they hold, so that no link leads out of the tree.
        parent = path.rpartition("/")[0]
        if parent and parent not in self._directories:
            raise StorageError(f"the sender named {path!r} before its directory")
        return f"{self._directory}/{path}"

    def _write(self, packet: fsutil_pb2.Packet) -> None:
        if packet.ID not in self._open:
            return
        descriptor, entry = self._open[packet.ID]
        if packet.data:
            self.bytes_received += len(packet.data)
            view = memoryview(packet.data)
            while view:
                view = view[os.write(descriptor, view) :]
            return
        del self._open[packet.ID]
        os.close(descriptor)
        self._attributes(entry, self._target(entry.path))

    def _finish(self, links: list[fsutil_pb2.Stat], directories: list[fsutil_pb2.Stat]) -> None:
        for entry in links:
            target = self._target(entry.path)
            if os.path.lexists(target):
                _remove(target)
            os.link(self._target(entry.linkname), target, follow_symlinks=False)
        if not self._merge:
            self._drop_others(str(self._directory), "")
        for entry in reversed(directories):
            self._attributes(entry, self._target(entry.path))

    def _drop_others(self, directory: str, relative: str) -> None:
        with os.scandir(directory) as listing:
            entries = list(listing)
        for entry in entries:
            path = relative + entry.name
            if path not in self._seen:
                _remove(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                self._drop_others(entry.path, path + "/")

    def _attributes(self, entry: fsutil_pb2.Stat, target: str) -> None:
        mode = from_go_mode(entry.mode)
        if self._keep_owner:
            os.chown(target, entry.uid, entry.gid, follow_symlinks=False)
        if not stat.S_ISLNK(mode):
            os.chmod(target, stat.S_IMODE(mode))
        os.utime(target, ns=(entry.modTime, entry.modTime), follow_symlinks=False)


def _same(entry: fsutil_pb2.Stat, mode: int, there: os.stat_result, target: str) -> bool:
    if stat.S_IFMT(mode) != stat.S_IFMT(there.st_mode):
        return False
    if stat.S_ISLNK(mode):
        return os.readlink(target) == entry.linkname
    if stat.S_IMODE(mode) != stat.S_IMODE(there.st_mode):
        return False
    if stat.S_ISREG(mode):
        if entry.linkname:
            return False
        return entry.size == there.st_size and entry.modTime == there.st_mtime_ns
    return stat.S_ISDIR(mode)


def _remove(path: str) -> None:
    if stat.S_ISDIR(os.lstat(path).st_mode):
        shutil.rmtree(path)
    else:
        os.unlink(path)
