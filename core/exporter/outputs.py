"""Where exported files go: Protocols, and a path on this machine."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from core.content.files import storage_errors, write_atomically
from core.content.store import ContentStore
from core.errors import OptionError
from core.exporter.copy_tree import Owner, copy_tree, remove_others
from core.oci.digest import Digest
from core.oci.layout import INDEX_FILE, VERSION, VERSION_FILE, blob_path


class Sink(Protocol):
    """Takes the bytes of one file."""

    async def write(self, data: bytes) -> None: ...


class FileOutput(Protocol):
    """Takes one file, a tar."""

    def open(self, metadata: Mapping[str, str]) -> AbstractAsyncContextManager[Sink]:
        """Begin; leaving normally ends the file, leaving with an error leaves none behind.

        ``metadata`` is the exporter's response so far, which a client is sent along.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Files below ``root``, to go below ``prefix`` ("" or a folder's name)."""

    prefix: str
    root: Path


class TreeOutput(Protocol):
    """Takes files as files."""

    async def write(self, trees: Sequence[Tree], *, delete: bool, epoch: int | None) -> None:
        """``epoch`` (seconds) is the time that every file gets."""
        ...


class LayoutOutput(Protocol):
    """Takes an OCI layout as a folder."""

    async def write(
        self, store: ContentStore, digests: Sequence[Digest], documents: Mapping[str, bytes]
    ) -> None:
        """``documents`` are the files beside the blobs, ``index.json`` among them."""
        ...


class PathFile:
    """A file on this machine, which appears when it is complete."""

    def __init__(self, path: Path, *, owner: Owner | None = None) -> None:
        self._path = path
        self._owner = owner

    @asynccontextmanager
    async def open(self, metadata: Mapping[str, str]) -> AsyncIterator[Sink]:
        path = self._path
        if path.is_dir():
            raise OptionError(
                f"the destination {path} is a folder", hint="Name a file, or use tar=false."
            )
        with storage_errors(f"{path} cannot be written"):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
            file = open(temporary, "xb", buffering=0)  # noqa: SIM115, ASYNC230
            try:
                with file:
                    yield _PathSink(file)
                    await asyncio.to_thread(os.fsync, file.fileno())
                    if self._owner is not None:
                        os.fchown(file.fileno(), self._owner.uid, self._owner.gid)
                os.rename(temporary, path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise


class _PathSink:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    async def write(self, data: bytes) -> None:
        await asyncio.to_thread(self._write, data)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]


class PathTree:
    """A folder on this machine; what is in it stays unless it is overwritten."""

    def __init__(self, path: Path, *, owner: Owner | None = None) -> None:
        self._path = path
        self._owner = owner

    async def write(self, trees: Sequence[Tree], *, delete: bool, epoch: int | None) -> None:
        if self._path.exists() and not self._path.is_dir():
            raise OptionError(f"the destination {self._path} is not a folder")
        with storage_errors(f"{self._path} cannot be written"):
            await asyncio.to_thread(self._write, trees, delete, epoch)

    def _write(self, trees: Sequence[Tree], delete: bool, epoch: int | None) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        if delete and any(tree.prefix for tree in trees):
            remove_others(self._path, {os.fsencode(tree.prefix) for tree in trees})
        for tree in trees:
            target = self._path / tree.prefix
            copy_tree(tree.root, target, owner=self._owner, epoch=epoch, delete=delete)


class PathLayout:
    """An OCI layout in a folder on this machine; ``index.json`` is written last."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def write(
        self, store: ContentStore, digests: Sequence[Digest], documents: Mapping[str, bytes]
    ) -> None:
        if self._path.exists() and not self._path.is_dir():
            raise OptionError(
                f"the destination {self._path} is not a folder", hint="Drop tar=false."
            )
        with storage_errors(f"{self._path} cannot be written"):
            await asyncio.to_thread(self._write, store, digests, documents)

    def _write(
        self, store: ContentStore, digests: Sequence[Digest], documents: Mapping[str, bytes]
    ) -> None:
        for digest in digests:
            target = self._path / blob_path(digest)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists() and target.stat().st_size == store.size(digest):
                continue
            temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
            try:
                with store.open(digest) as source, open(temporary, "xb") as file:
                    while data := source.read(1 << 20):
                        file.write(data)
                os.rename(temporary, target)
            finally:
                temporary.unlink(missing_ok=True)
        last = documents[INDEX_FILE]
        for name, data in documents.items():
            if name != INDEX_FILE:
                write_atomically(self._path / name, data, mode=0o644)
        write_atomically(self._path / VERSION_FILE, VERSION, mode=0o644)
        write_atomically(self._path / INDEX_FILE, last, mode=0o644)
