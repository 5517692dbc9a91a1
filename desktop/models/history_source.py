"""Reading and changing the history of a builder through its API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import BuilderError, Error
from core.progress.messages import SolveStatus
from core.wire.failure import from_message
from core.wire.pb import control_pb2, engine_pb2
from core.wire.services import Control, Engine
from desktop.models import history_file
from desktop.models.history import BuildSummary, summary

if TYPE_CHECKING:
    from core.client import Builder


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """All there is of one build."""

    record: control_pb2.BuildHistoryRecord
    events: tuple[SolveStatus, ...]
    source_text: str = ""
    error: Error | None = None


async def follow(builder: Builder) -> AsyncIterator[tuple[BuildSummary, bool]]:
    """Every build, then each as it changes; True says that it was deleted."""
    async for event in builder.history(follow=True):
        deleted = event.type == control_pb2.DELETED
        yield summary(event.record), deleted


async def load(builder: Builder, ref: str) -> Recorded:
    """A build with all its events and its output. Raises BuilderError, NotFoundError."""
    record: control_pb2.BuildHistoryRecord | None = None
    source = ""
    error: Error | None = None
    if builder.embedded:
        reply = await builder.call(Engine.GET_BUILD, engine_pb2.GetBuildRequest(ref=ref))
        record = reply.record
        source = reply.dockerfile.decode("utf-8", "replace")
        if reply.HasField("failure"):
            error = from_message(reply.failure)
    else:
        async for event in builder.history(ref=ref):
            record = event.record
    if record is None:
        raise BuilderError(f"The builder does not remember the build {ref}.")
    events = tuple([status async for status in builder.attach(ref)])
    return Recorded(record=record, events=events, source_text=source, error=error)


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
    """Files that were imported: copies in a folder of the window's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, path: Path) -> list[BuildSummary]:
        """Read a file and keep what is in it. UserInputError when it is none."""
        self._folder.mkdir(parents=True, exist_ok=True)
        found = []
        for content in history_file.read(path):
            name = "".join(c if c.isalnum() else "-" for c in content.record.Ref)
            history_file.write(self._folder / f"{name}{history_file.SUFFIX}", content)
            found.append(summary(content.record, imported=True))
        return found

    def summaries(self) -> list[BuildSummary]:
        """Of every file that can be read."""
        found = []
        for _, content in self._contents():
            found.append(summary(content.record, imported=True))
        return found

    def load(self, ref: str) -> Recorded | None:
        for _, content in self._contents():
            if content.record.Ref == ref:
                return Recorded(
                    record=content.record,
                    events=content.events,
                    source_text=content.source_text,
                )
        return None

    def remove(self, ref: str) -> None:
        for path, content in self._contents():
            if content.record.Ref == ref:
                path.unlink(missing_ok=True)

    def _contents(self) -> list[tuple[Path, history_file.BuildFile]]:
        found = []
        for path in sorted(self._folder.glob(f"*{history_file.SUFFIX}")):
            try:
                found += [(path, content) for content in history_file.read(path)]
            except Error:
                continue
        return found
