"""Where exporters write when the destination is on the client's side."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager

from core.daemon.sessions import ClientFile, Session
from core.errors import OptionError
from core.exporter.outputs import FileOutput, LayoutOutput, Sink, Tree, TreeOutput
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


class SessionOutputs:
    """``core.exporter.run.Outputs`` of one exporter of a build."""

    def __init__(self, session: Session | None, exporter: int) -> None:
        self._session = session
        self._exporter = exporter

    def _need(self) -> Session:
        if self._session is None:
            raise OptionError(
                "this output needs a client to send files to, and the build has no session"
            )
        return self._session

    def file(self) -> FileOutput:
        return ClientFileOutput(self._need(), self._exporter)

    def tree(self) -> TreeOutput:
        return ClientTreeOutput(self._need(), self._exporter)

    def layout(self) -> LayoutOutput:
        raise OptionError(
            "an image layout as a folder cannot be sent to a client",
            hint="Leave tar=false out and unpack the archive.",
        )
