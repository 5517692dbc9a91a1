"""Where exporters write when the destination is on the client's side."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager

from core.daemon.sessions import ClientFile, Session
from core.exporter.outputs import Sink, Tree
from core.wire.pb import fsutil_pb2
from core.wire.tree import Entry, to_go_mode, walk

_FOLDER = to_go_mode(stat.S_IFDIR | 0o755)


class ClientFileOutput:
    """``core.exporter.outputs.FileOutput`` over a session; ``exporter`` is its position."""

    def __init__(self, session: Session, exporter: int) -> None:
        self._session = session
        self._exporter = exporter

    @asynccontextmanager
    async def open(self, metadata: Mapping[str, str]) -> AsyncIterator[Sink]:
        async with self._session.file_writer(exporter=self._exporter, metadata=metadata) as file:
            yield _Sink(file)


class _Sink:
    def __init__(self, file: ClientFile) -> None:
        self._file = file

    async def write(self, data: bytes) -> None:
        await self._file.write(data)


class ClientTreeOutput:
    """``core.exporter.outputs.TreeOutput`` over a session."""

    def __init__(self, session: Session, exporter: int) -> None:
        self._session = session
        self._exporter = exporter

    async def write(self, trees: Sequence[Tree], *, delete: bool, epoch: int | None) -> None:
        entries = _entries(trees, epoch)
        await self._session.send_directory(entries, exporter=self._exporter)


def _entries(trees: Sequence[Tree], epoch: int | None) -> Iterator[Entry]:
    for tree in sorted(trees, key=lambda tree: tree.prefix):
        prefix = tree.prefix.strip("/")
        if prefix:
            folder = fsutil_pb2.Stat(path=prefix, mode=_FOLDER)
            folder.modTime = epoch * 10**9 if epoch is not None else tree.root.stat().st_mtime_ns
            yield Entry(folder)
        for entry in walk(str(tree.root), f"{prefix}/" if prefix else ""):
            if epoch is not None:
                entry.stat.modTime = epoch * 10**9
            yield entry
