"""A build as one file.

Ours is a zip archive: ``record.pb`` (BuildHistoryRecord), ``events.jsonl`` (one SolveStatus a line,
BuildKit's rawjson), ``Dockerfile``. Files of ``docker buildx history export`` (``.dockerbuild``)
are OCI layouts in a tar, gzip or not; of those the record and the blob of type
``application/vnd.buildkit.status.v0`` are read: StatusResponse messages, each after its length in
four bytes, little-endian (buildkit, solver/llbsolver/history).
"""

from __future__ import annotations

import json
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError

from core.errors import UserInputError
from core.progress import raw_json
from core.progress.codec import status_from_wire
from core.progress.messages import SolveStatus
from core.wire.pb import control_pb2

SUFFIX = ".viaductbuild"
_STATUS_TYPE = "application/vnd.buildkit.status.v0"
_RECORD_TYPE = "application/vnd.buildkit.historyrecord.v0"
_BLOB_LIMIT = 1 << 30
_DAMAGE = (
    ValueError, KeyError, EOFError, DecodeError, zlib.error, tarfile.TarError, zipfile.BadZipFile,
)  # fmt: skip
_JSON_LIMIT = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFile:
    """What a file holds; ``source_text`` is the Dockerfile, "" where it is not in it."""

    record: control_pb2.BuildHistoryRecord
    events: tuple[SolveStatus, ...]
    source_text: str = ""


def write(path: Path, content: BuildFile) -> None:
    """Write at once or not at all. UserInputError when the place cannot be written."""
    beside = path.with_name(f".{path.name}.new")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            archive.writestr("record.pb", content.record.SerializeToString())
            archive.writestr("Dockerfile", content.source_text)
            with archive.open("events.jsonl", "w", force_zip64=True) as lines:
                for event in content.events:
                    lines.write(raw_json.dumps(event).encode() + b"\n")
        os.replace(beside, path)
    except OSError as cause:
        beside.unlink(missing_ok=True)
        raise UserInputError(f"{path} cannot be written: {cause.strerror}.") from cause


def read(path: Path) -> tuple[BuildFile, ...]:
    """The builds in a file of ours or of buildx. UserInputError for anything else."""
    try:
        if zipfile.is_zipfile(path):
            return (_read_own(path),)
        if tarfile.is_tarfile(path):
            return tuple(_read_layout(path))
    except OSError as cause:
        raise UserInputError(f"{path} cannot be read: {cause.strerror}.") from cause
    except _DAMAGE as cause:
        raise UserInputError(
            f"{path.name} is damaged, or is no exported build.",
            hint=f"Viaduct writes {SUFFIX} files and reads .dockerbuild files too.",
        ) from cause
    raise UserInputError(
        f"{path.name} is no exported build.",
        hint=f"Viaduct writes {SUFFIX} files and reads .dockerbuild files too.",
    )


def _read_own(path: Path) -> BuildFile:
    with zipfile.ZipFile(path) as archive:
        record = control_pb2.BuildHistoryRecord.FromString(archive.read("record.pb"))
        source = archive.read("Dockerfile").decode("utf-8", "replace")
        with archive.open("events.jsonl") as lines:
            events = tuple(raw_json.loads(line) for line in lines if line.strip())
    return BuildFile(record=record, events=events, source_text=source)


def _read_layout(path: Path) -> Iterator[BuildFile]:
    with tarfile.open(path) as archive:
        members = {m.name.removeprefix("./"): m for m in archive.getmembers() if m.isfile()}

        def blob(name: str, limit: int) -> bytes:
            member = members[name]
            if member.size > limit:
                raise ValueError(f"{name} is too large")
            stream = archive.extractfile(member)
            return stream.read() if stream is not None else b""

        def follow(descriptor: dict[str, object]) -> bytes:
            algorithm, _, encoded = str(descriptor["digest"]).partition(":")
            return blob(f"blobs/{algorithm}/{encoded}", _BLOB_LIMIT)

        waiting = [json.loads(blob("index.json", _JSON_LIMIT))]
        count = 0
        while waiting:
            document = waiting.pop(0)
            for child in document.get("manifests", ()):
                waiting.append(json.loads(follow(child)))
            parts = [*document.get("layers", ())]
            if "config" in document:
                parts.insert(0, document["config"])
            status = next((p for p in parts if p.get("mediaType") == _STATUS_TYPE), None)
            if status is None:
                continue
            kept = next((p for p in parts if p.get("mediaType") == _RECORD_TYPE), None)
            record = _record(follow(kept)) if kept is not None else None
            count += 1
            if record is None:
                record = control_pb2.BuildHistoryRecord(Ref=f"{path.stem}-{count}")
            yield BuildFile(record=record, events=tuple(_events(follow(status))))
        if not count:
            raise ValueError("no build record in the layout")


def _record(data: bytes) -> control_pb2.BuildHistoryRecord | None:
    """A record as JSON or as protobuf; None when it is neither that we know."""
    try:
        if data.lstrip().startswith(b"{"):
            message = control_pb2.BuildHistoryRecord()
            return ParseDict(json.loads(data), message, ignore_unknown_fields=True)
        return control_pb2.BuildHistoryRecord.FromString(data)
    except (ParseError, DecodeError, ValueError):
        return None


def _events(data: bytes) -> Iterable[SolveStatus]:
    at = 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        at += 4
        if at + size > len(data):
            raise ValueError("the event log is cut")
        yield status_from_wire(control_pb2.StatusResponse.FromString(data[at : at + size]))
        at += size
