"""A build as one file, to be carried to another machine.

Ours (``.viaductbuild``) is a zip archive: ``record.pb`` (BuildHistoryRecord), ``events.jsonl`` (one
SolveStatus a line, BuildKit's rawjson), ``Dockerfile``, and where there are such ``failure.pb``
(viaduct.v1.Failure) and ``plan.json``. Files of ``docker buildx history export``
(``.dockerbuild``) are OCI layouts in a tar, compressed or not: there a manifest's parts of type
``application/vnd.buildkit.historyrecord.v0`` and ``application/vnd.buildkit.status.v0`` count; the
latter are StatusResponse messages, each after its length in four bytes, little-endian
(buildkit, solver/llbsolver/history.go).
"""

from __future__ import annotations

import json
import os
import tarfile
import zipfile
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError

from core.errors import Error, StorageError, UserInputError
from core.progress import raw_json
from core.progress.codec import status_from_wire
from core.progress.messages import SolveStatus
from core.wire.pb import control_pb2, engine_pb2, failure_pb2

SUFFIX = ".viaductbuild"
_RECORD = "application/vnd.buildkit.historyrecord.v0"
_STATUS = "application/vnd.buildkit.status.v0"
_DOCUMENT_LIMIT = 16 << 20
_BLOB_LIMIT = 1 << 30
_DAMAGE = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    DecodeError,
    zlib.error,
    tarfile.TarError,
    zipfile.BadZipFile,
)

BuildFile = tuple[engine_pb2.GetBuildResponse, Iterator[SolveStatus]]


async def write_build(
    path: Path, build: engine_pb2.GetBuildResponse, events: AsyncIterator[SolveStatus]
) -> None:
    """Write the whole file or nothing. Raises StorageError, and what ``events`` raises."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("record.pb", build.record.SerializeToString())
            archive.writestr("Dockerfile", build.dockerfile)
            if build.HasField("failure"):
                archive.writestr("failure.pb", build.failure.SerializeToString())
            if build.plan:
                archive.writestr("plan.json", build.plan)
            with archive.open("events.jsonl", "w", force_zip64=True) as lines:
                async for event in events:
                    lines.write(raw_json.dumps(event).encode() + b"\n")
        partial.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink()


def read_builds(path: Path) -> Iterator[BuildFile]:
    """Each build of a file with its events, which have to be read before the next build.

    Raises UserInputError for what is no such file, or a damaged one; also amid the events.
    """
    try:
        if zipfile.is_zipfile(path):
            yield from _own(path)
        elif tarfile.is_tarfile(path):
            yield from _layout(path)
        else:
            raise ValueError("neither zip nor tar")
    except OSError as error:
        raise UserInputError(f"{path} cannot be read: {error.strerror or error}") from error
    except Error:
        raise
    except _DAMAGE as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> UserInputError:
    return UserInputError(
        f"{path} is damaged, or is no exported build",
        hint=f"{SUFFIX} files and the .dockerbuild files of docker buildx are understood.",
    )


def _careful(path: Path, events: Iterator[SolveStatus]) -> Iterator[SolveStatus]:
    try:
        yield from events
    except _DAMAGE as error:
        raise _damaged(path) from error


def _own(path: Path) -> Iterator[BuildFile]:
    with zipfile.ZipFile(path) as archive:
        names = frozenset(archive.namelist())

        def member(name: str) -> bytes:
            if name not in names:
                return b""
            if archive.getinfo(name).file_size > _DOCUMENT_LIMIT:
                raise ValueError(f"{name} is too large")
            return archive.read(name)

        build = engine_pb2.GetBuildResponse(
            record=control_pb2.BuildHistoryRecord.FromString(member("record.pb")),
            dockerfile=member("Dockerfile"),
            plan=member("plan.json"),
        )
        if not build.record.Ref:
            raise ValueError("no record")
        build.dockerfile_name = build.record.FrontendAttrs.get("filename", "Dockerfile")
        if failure := member("failure.pb"):
            build.failure.CopyFrom(failure_pb2.Failure.FromString(failure))
        with archive.open("events.jsonl") as lines:
            yield build, _careful(path, (raw_json.loads(line) for line in lines if line.strip()))


def _layout(path: Path) -> Iterator[BuildFile]:
    with tarfile.open(path) as archive:
        members = {m.name.removeprefix("./"): m for m in archive.getmembers() if m.isfile()}

        def read(name: str, limit: int) -> bytes:
            member = members[name]
            stream = archive.extractfile(member)
            if stream is None or member.size > limit:
                raise ValueError(f"{name} cannot be used")
            return stream.read()

        def follow(descriptor: dict[str, Any], limit: int) -> bytes:
            algorithm, _, encoded = str(descriptor["digest"]).partition(":")
            return read(f"blobs/{algorithm}/{encoded}", limit)

        waiting = [json.loads(read("index.json", _DOCUMENT_LIMIT))]
        found = 0
        while waiting:
            document = waiting.pop(0)
            waiting += [
                json.loads(follow(child, _DOCUMENT_LIMIT))
                for child in document.get("manifests") or ()
            ]
            parts = [document.get("config") or {}, *(document.get("layers") or ())]
            by_type = {part.get("mediaType"): part for part in reversed(parts)}
            if _STATUS not in by_type:
                continue
            found += 1
            record = control_pb2.BuildHistoryRecord()
            if _RECORD in by_type:
                record = _foreign_record(follow(by_type[_RECORD], _DOCUMENT_LIMIT))
            record.Ref = record.Ref or f"{path.stem}-{found}"
            record.title = record.title or path.stem
            status = follow(by_type[_STATUS], _BLOB_LIMIT)
            build = engine_pb2.GetBuildResponse(record=record)
            yield build, _careful(path, _foreign_events(status))
        if not found:
            raise ValueError("no build in the layout")


def _foreign_record(data: bytes) -> control_pb2.BuildHistoryRecord:
    """As JSON or as protobuf; an empty one where it is neither."""
    try:
        if data.lstrip().startswith(b"{"):
            message = control_pb2.BuildHistoryRecord()
            return ParseDict(json.loads(data), message, ignore_unknown_fields=True)
        return control_pb2.BuildHistoryRecord.FromString(data)
    except (ParseError, DecodeError, ValueError):
        return control_pb2.BuildHistoryRecord()


def _foreign_events(data: bytes) -> Iterator[SolveStatus]:
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        at += 4
        if at + size > len(data):
            raise ValueError("the events are cut off")
        yield status_from_wire(control_pb2.StatusResponse.FromString(data[at : at + size]))
        at += size
