"""Errors over gRPC come out as they went in."""

from __future__ import annotations

import json

import pytest
from google.protobuf.any_pb2 import Any as PackedMessage
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from core.errors import (
    AuthenticationError,
    BuilderError,
    CancelledBuildError,
    DockerfileError,
    Error,
    ExecError,
    LineRange,
    NotFoundError,
)
from core.wire.failure import SourceText, from_grpc, to_grpc


@pytest.mark.parametrize(
    "error",
    [
        DockerfileError(
            "there is no instruction RUNN",
            hint="Did you mean RUN?",
            ranges=[LineRange(2, 3, 0, 4)],
            source_name="Dockerfile",
            phrase="unknown instruction: RUNN",
        ),
        AuthenticationError("no", temporary=True, code="special"),
        CancelledBuildError("over"),
    ],
)
def test_an_error_comes_back_whole(error: Error) -> None:
    back = from_grpc(to_grpc(error))
    assert type(back) is type(error)
    for name in (
        "message",
        "hint",
        "ranges",
        "source_name",
        "temporary",
        "phrase",
        "instance_code",
    ):
        assert getattr(back, name) == getattr(error, name)


def test_a_failed_program_keeps_its_exit_code_and_step() -> None:
    error = ExecError("it failed", exit_code=137, vertex="sha256:a", out_of_memory=True, hint="h")
    back = from_grpc(to_grpc(error))
    assert isinstance(back, ExecError)
    assert (back.exit_code, back.vertex, back.out_of_memory, back.hint) == (
        137,
        "sha256:a",
        True,
        "h",
    )


def test_an_error_of_an_unlisted_class_comes_back_as_its_nearest_relative() -> None:
    class SpecialError(NotFoundError):
        pass

    assert type(from_grpc(to_grpc(SpecialError("gone")))) is NotFoundError


def test_other_clients_get_the_dockerfile_and_its_lines() -> None:
    error = ExecError("no", exit_code=1, vertex="sha256:a", ranges=[LineRange(2, 2)])
    status = to_grpc(error, SourceText(name="Dockerfile", data=b"FROM x\nRUN y\n"))
    details = {d.type_url: d.value for d in status.details}
    source = json.loads(details["github.com/moby/buildkit/errdefs.Source+json"])
    assert source["info"]["filename"] == "Dockerfile"
    assert source["ranges"] == [{"start": {"line": 2}, "end": {"line": 2}}]


def test_failures_of_other_builders_are_read_from_their_details() -> None:
    prefix = "github.com/moby/buildkit/"
    details = [
        PackedMessage(type_url=prefix + "errdefs.Vertex+json", value=b'{"digest":"sha256:b"}'),
        PackedMessage(type_url=prefix + "gatewayapi.ExitMessage+json", value=b'{"Code":3}'),
        PackedMessage(
            type_url=prefix + "errdefs.Source+json",
            value=b'{"info":{"filename":"D"},"ranges":[{"start":{"line":4},"end":{"line":5}}]}',
        ),
        PackedMessage(type_url="unknown", value=b"\xff"),
    ]
    error = from_grpc(GRPCError(Status.UNKNOWN, "failed to solve", details))
    assert isinstance(error, ExecError)
    assert (error.exit_code, error.vertex, error.lines, error.source_name) == (
        3,
        "sha256:b",
        [4, 5],
        "D",
    )


def test_a_builder_that_lacks_a_method_says_so() -> None:
    error = from_grpc(GRPCError(Status.UNIMPLEMENTED, "Method not found"))
    assert isinstance(error, BuilderError)
    assert "does not offer" in error.message
