"""Errors over gRPC: out of ``core.errors`` into a status with details, and back.

A call that fails carries the whole error as ``viaduct.v1.Failure``, so that the caller raises what
was raised, and BuildKit's own details beside it (JSON under its type URLs), so that other clients
show the Dockerfile excerpt. Failures of foreign builders are read from those.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.any_pb2 import Any as PackedMessage
from grpclib.const import Status
from grpclib.exceptions import GRPCError

import core.errors
from core.errors import (
    BuilderError,
    BuildError,
    CancelledBuildError,
    Error,
    ExecError,
    LineRange,
    NotFoundError,
    UserInputError,
)
from core.wire.pb import failure_pb2

_OURS = "type.viaduct/viaduct.v1.Failure"
_BUILDKIT = "github.com/moby/buildkit/"
_MAX_SOURCE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceText:
    """The Dockerfile that an error's lines belong to."""

    name: str
    data: bytes


def to_message(error: Error) -> failure_pb2.Failure:
    """The error as a message, everything kept."""
    message = failure_pb2.Failure(
        code=error.instance_code,
        message=error.message,
        hint=error.hint,
        phrase=error.phrase,
        source_name=error.source_name,
        temporary=error.temporary,
        ranges=[
            failure_pb2.Lines(
                start=r.start, end=r.end, start_column=r.start_column, end_column=r.end_column
            )
            for r in error.ranges
        ],
    )
    setattr(message, "class", _known_class(error))
    if isinstance(error, ExecError):
        message.exit_code = error.exit_code
        message.vertex = error.vertex
        message.out_of_memory = error.out_of_memory
    return message


def from_message(message: failure_pb2.Failure) -> Error:
    """The error that the message was made of; of a class unknown here, an ``Error``."""
    name = getattr(message, "class")
    cls = getattr(core.errors, name, Error) if name in core.errors.__all__ else Error
    ranges = [LineRange(r.start, r.end, r.start_column, r.end_column) for r in message.ranges]
    if cls is ExecError:
        return ExecError(
            message.message,
            exit_code=message.exit_code,
            vertex=message.vertex,
            out_of_memory=message.out_of_memory,
            hint=message.hint,
            ranges=ranges,
            source_name=message.source_name,
            phrase=message.phrase,
        )
    error: Error = cls(
        message.message,
        hint=message.hint,
        ranges=ranges,
        source_name=message.source_name,
        temporary=message.temporary,
        phrase=message.phrase,
        code=message.code,
    )
    return error


def to_grpc(error: Error, source: SourceText | None = None) -> GRPCError:
    """What a handler raises so that the caller gets ``error``."""
    details = [PackedMessage(type_url=_OURS, value=to_message(error).SerializePartialToString())]
    if isinstance(error, ExecError):
        details.append(_json_detail("gatewayapi.ExitMessage+json", {"Code": error.exit_code}))
        if error.vertex:
            details.append(_json_detail("errdefs.Vertex+json", {"digest": error.vertex}))
    if source is not None and error.ranges and len(source.data) <= _MAX_SOURCE_BYTES:
        info = {
            "filename": source.name,
            "data": base64.b64encode(source.data).decode(),
            "language": "Dockerfile",
        }
        ranges = [
            {"start": {"line": r.start}, "end": {"line": max(r.start, r.end)}} for r in error.ranges
        ]
        details.append(_json_detail("errdefs.Source+json", {"info": info, "ranges": ranges}))
    return GRPCError(_status_of(error), str(error), details)


def from_grpc(error: GRPCError) -> Error:
    """The error that a failed call stands for."""
    found: dict[str, dict[str, Any]] = {}
    for detail in error.details or ():
        if not isinstance(detail, PackedMessage):
            continue
        if detail.type_url == _OURS:
            return from_message(failure_pb2.Failure.FromString(detail.value))
        if detail.type_url.startswith(_BUILDKIT):
            try:
                found[detail.type_url.removeprefix(_BUILDKIT)] = json.loads(detail.value)
            except ValueError:
                continue
    message = error.message or f"the builder answered {error.status.name}"
    ranges, source_name = _source(found.get("errdefs.Source+json", {}))
    exit_message = found.get("gatewayapi.ExitMessage+json")
    if exit_message is not None and exit_message.get("Code"):
        return ExecError(
            message,
            exit_code=int(exit_message["Code"]),
            vertex=str(found.get("errdefs.Vertex+json", {}).get("digest", "")),
            ranges=ranges,
            source_name=source_name,
        )
    cls = _BY_STATUS.get(error.status, BuildError)
    if error.status is Status.UNIMPLEMENTED:
        message = f"this builder does not offer what was asked of it ({message})"
    return cls(
        message,
        ranges=ranges,
        source_name=source_name,
        temporary=error.status is Status.UNAVAILABLE,
    )


_BY_STATUS: dict[Status, type[Error]] = {
    Status.CANCELLED: CancelledBuildError,
    Status.NOT_FOUND: NotFoundError,
    Status.INVALID_ARGUMENT: UserInputError,
    Status.UNAVAILABLE: BuilderError,
    Status.UNIMPLEMENTED: BuilderError,
    Status.DEADLINE_EXCEEDED: BuilderError,
    Status.INTERNAL: BuilderError,
}


def _status_of(error: Error) -> Status:
    match error:
        case CancelledBuildError():
            return Status.CANCELLED
        case NotFoundError():
            return Status.NOT_FOUND
        case UserInputError():
            return Status.INVALID_ARGUMENT
        case BuilderError():
            return Status.UNAVAILABLE
        case _:
            return Status.UNKNOWN


def _known_class(error: Error) -> str:
    return next(c.__name__ for c in type(error).__mro__ if c.__name__ in core.errors.__all__)


def _json_detail(name: str, document: dict[str, Any]) -> PackedMessage:
    return PackedMessage(type_url=_BUILDKIT + name, value=json.dumps(document).encode())


def _source(document: dict[str, Any]) -> tuple[Sequence[LineRange], str]:
    ranges = []
    for entry in document.get("ranges") or ():
        start = int((entry.get("start") or {}).get("line", 0))
        end = int((entry.get("end") or {}).get("line", 0))
        if start > 0:
            ranges.append(LineRange(start, max(start, end)))
    return ranges, str((document.get("info") or {}).get("filename", ""))
