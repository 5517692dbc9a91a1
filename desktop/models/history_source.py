"""Reading and changing the history of a builder through its API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.client.build_file import SUFFIX, read_builds, write_build
from core.errors import BuilderError, Error
from core.progress.codec import status_to_wire
from core.progress.messages import SolveStatus
from core.wire.failure import from_message
from core.wire.pb import control_pb2, engine_pb2
from core.wire.rpc import open_stream
from core.wire.services import Control, Engine
from desktop.models.history import BuildSummary, summary

if TYPE_CHECKING:
    from core.client import Builder


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """All there is of one build."""

    build: engine_pb2.GetBuildResponse
    events: tuple[SolveStatus, ...]

    @property
    def source_text(self) -> str:
        """The Dockerfile, "" where it was not kept."""
        return self.build.dockerfile.decode("utf-8", "replace")

    @property
    def error(self) -> Error | None:
        return from_message(self.build.failure) if self.build.HasField("failure") else None


async def follow(builder: Builder) -> AsyncIterator[tuple[BuildSummary, bool]]:
    """Every build, then each as it changes; True says that it was deleted."""
    async for event in builder.history(follow=True):
        deleted = event.type == control_pb2.DELETED
        yield summary(event.record), deleted


async def load(builder: Builder, ref: str) -> Recorded:
    """A build with all its events and its output. Raises BuilderError, NotFoundError."""
    build = await _build(builder, ref)
    events = tuple([status async for status in builder.attach(ref)])
    return Recorded(build=build, events=events)


async def _build(builder: Builder, ref: str) -> engine_pb2.GetBuildResponse:
    if builder.embedded:
        return await builder.call(Engine.GET_BUILD, engine_pb2.GetBuildRequest(ref=ref))
    async for event in builder.history(ref=ref):
        return engine_pb2.GetBuildResponse(record=event.record)
    raise BuilderError(f"The builder does not remember the build {ref}.")


async def export(builder: Builder, ref: str, path: Path) -> None:
    """Write a build with its events to a file. Raises StorageError and what the builder says."""
    await write_build(path, await _build(builder, ref), builder.attach(ref))


async def send(builder: Builder, path: Path) -> None:
    """Give the builds in a file to an embedded builder, which then lists them as its own.

    Raises UserInputError for a file that is no build.
    """
    for build, events in read_builds(path):
        async with open_stream(builder.channel, Engine.IMPORT_BUILD) as stream:
            await stream.send_message(engine_pb2.ImportBuildRequest(build=build))
            for event in events:
                message = engine_pb2.ImportBuildRequest(event=status_to_wire(event))
                await stream.send_message(message)
            await stream.end()
            await stream.recv_message()


async def pin(builder: Builder, ref: str, on: bool) -> None:
    """Keep a build whatever the bounds of the history are, or no longer."""
    await builder.call(
        Control.UPDATE_BUILD_HISTORY,
        control_pb2.UpdateBuildHistoryRequest(Ref=ref, Pinned=on),
    )


async def delete(builder: Builder, ref: str) -> None:
    """Forget a build. One that is not there is no error."""
    await builder.call(
        Control.UPDATE_BUILD_HISTORY,
        control_pb2.UpdateBuildHistoryRequest(Ref=ref, Delete=True),
    )


class ImportedBuilds:
    """Builds of files that no builder took: copies in a folder of the window's own.

    Its methods read and write disks: call them in a thread.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, path: Path) -> list[BuildSummary]:
        """Read a file and keep each build in it. UserInputError when it is none."""
        self._folder.mkdir(parents=True, exist_ok=True)
        found = []
        for build, events in read_builds(path):
            asyncio.run(write_build(self._place(build.record.Ref), build, _each(events)))
            found.append(summary(build.record, imported=True))
        return found

    def export(self, ref: str, path: Path) -> None:
        """Copy one to another place."""
        kept = self.load(ref)
        if kept is not None:
            asyncio.run(write_build(path, kept.build, _each(kept.events)))

    def summaries(self) -> list[BuildSummary]:
        """Of every file that can be read."""
        found = []
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            try:
                found += [summary(b.record, imported=True) for b, _ in read_builds(path)]
            except Error:
                continue
        return found

    def load(self, ref: str) -> Recorded | None:
        """None when it is not here. UserInputError when its file is damaged."""
        path = self._place(ref)
        if not path.exists():
            return None
        for build, events in read_builds(path):
            return Recorded(build=build, events=tuple(events))
        return None

    def remove(self, ref: str) -> None:
        self._place(ref).unlink(missing_ok=True)

    def _place(self, ref: str) -> Path:
        name = "".join(c if c.isalnum() else "-" for c in ref)
        return self._folder / f"{name}{SUFFIX}"


async def _each(events: Iterable[SolveStatus]) -> AsyncIterator[SolveStatus]:
    for event in events:
        yield event
