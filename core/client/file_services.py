"""FileSync (directories to the builder) and FileSend (results from the builder)."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote_plus

from core.client.context_walk import walk_filtered
from core.errors import NotFoundError, StorageError
from core.wire.diffcopy import TreeReceiver, send_tree
from core.wire.methods import Method, RawMessage
from core.wire.pb import fsutil_pb2, session_pb2
from core.wire.rpc import Incoming, Routes, route
from core.wire.services import Session

EXPORTER_ID = "buildkit-attachable-exporter-id"


class FileSync:
    """Serves directories by name."""

    def __init__(self, directories: Mapping[str, str]) -> None:
        self._directories = dict(directories)
        self.bytes_sent = 0

    def routes(self) -> Routes:
        return route(Session.SYNC, self._serve)

    async def _serve(self, call: Incoming[fsutil_pb2.Packet, fsutil_pb2.Packet]) -> None:
        name = next(iter(_option(call, "dir-name")), "")
        root = self._directories.get(name)
        if root is None:
            raise NotFoundError(
                f'the builder asks for the directory "{name}", which is not part of this build',
                phrase=f'no access allowed to dir "{name}"',
            )
        entries = walk_filtered(
            root,
            includes=_option(call, "include-patterns"),
            excludes=_option(call, "exclude-patterns"),
            follow=_option(call, "followpaths"),
        )
        await call.start()
        try:
            self.bytes_sent += await send_tree(entries, call.receive, call.send_many)
        except OSError as error:
            raise StorageError(f"{root} cannot be read: {error}") from error


def _option(call: Incoming[fsutil_pb2.Packet, fsutil_pb2.Packet], name: str) -> list[str]:
    values = call.headers(name)
    if call.header(f"{name}-encoded") == "1":
        return [unquote_plus(value) for value in values]
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where one exporter's result goes: a directory, or a file ("-" is standard output)."""

    directory: str = ""
    file: str = ""


class FileSend:
    """Takes what exporters send, one output per position among the request's exporters."""

    METHOD = Method(
        Session.SEND.path,
        RawMessage,
        RawMessage,
        Session.SEND.cardinality,
    )

    def __init__(self, outputs: Mapping[int, Output]) -> None:
        self._outputs = dict(outputs)

    def routes(self) -> Routes:
        return route(self.METHOD, self._serve)

    async def _serve(self, call: Incoming[RawMessage, RawMessage]) -> None:
        number = call.header(EXPORTER_ID)
        output = self._outputs.get(int(number) if number.isdecimal() else 0)
        if output is None:
            raise NotFoundError("the builder sends a result that nobody asked for")
        await call.start()
        try:
            if output.directory:
                await self._take_tree(call, Path(output.directory))
            else:
                await _take_file(call, output.file)
        except OSError as error:
            place = output.directory or output.file
            raise StorageError(f"{place} cannot be written: {error.strerror}") from error

    async def _take_tree(
        self,
        call: Incoming[RawMessage, RawMessage],
        directory: Path,
    ) -> None:
        async def receive() -> fsutil_pb2.Packet | None:
            message = await call.receive()
            return None if message is None else fsutil_pb2.Packet.FromString(message.data)

        async def send(packets: list[fsutil_pb2.Packet]) -> None:
            await call.send_many([RawMessage(p.SerializeToString()) for p in packets])

        await TreeReceiver(directory, merge=True).run(receive, send)


async def _take_file(
    call: Incoming[RawMessage, RawMessage],
    name: str,
) -> None:
    """Into a temporary name first: a failed export leaves what was there before."""

    async def copy(out: BinaryIO) -> None:
        async for message in call:
            data = session_pb2.BytesMessage.FromString(message.data).data
            await asyncio.to_thread(out.write, data)

    if name == "-":
        await copy(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    target = Path(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and not target.is_file():
        # A device or a pipe: there is nothing to keep, and nothing to rename over.
        with await asyncio.to_thread(target.open, "wb") as out:
            await copy(out)
        return
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with await asyncio.to_thread(partial.open, "xb") as out:
            await copy(out)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
