"""A build's record said again as options, and the other way round."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from core.cli.build_options import parse
from core.cli.build_request import prepare
from core.cli.history_rebuild import build_arguments
from core.client.endpoints import Endpoint
from core.errors import OptionError
from core.wire.pb import control_pb2


def record_of(words: list[str]) -> control_pb2.BuildHistoryRecord:
    """The record that the builder keeps of ``viaduct build WORDS``."""
    with ExitStack() as stack:
        request = prepare(parse(words), Endpoint.embedded(), stack).request
    message = request.to_message(session="s", shares_files=True)
    return control_pb2.BuildHistoryRecord(
        Ref=message.Ref,
        title=message.title,
        FrontendAttrs=message.FrontendAttrs,
        Exporters=message.Exporters,
        localDirs=message.localDirs,
    )


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["-t", "a/b", "-t", "c/d:e", "--platform", "linux/arm64,linux/amd64", "--push"],
        ["--build-arg", "A=b=c d", "--label", "x=y,z", "--target", "it", "--pull"],
        ["--no-cache"],
        ["--no-cache-filter", "one,two", "--network", "none", "--add-host", "h:1.2.3.4"],
        ["-t", "a", "-o", 'type=image,compression=zstd,"annotation.k=a,b"'],
        ["-f", "other/My.Dockerfile"],
        ["--build-context", "base=docker-image://debian", "--build-context", "src=other"],
        ["--shm-size", "64m", "--ulimit", "nofile=1:2"],
    ],
)
def test_a_record_says_the_options_that_made_it(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "other/My.Dockerfile").write_text("FROM scratch\n")
    placed = [
        word.replace("other/", f"{tmp_path}/other/").replace("src=other", f"src={tmp_path}/other")
        for word in words
    ]
    first = record_of([*placed, str(tmp_path)])
    second = record_of(build_arguments(first))
    second.Ref = first.Ref
    assert second == first


def test_what_went_to_a_client_cannot_be_said_again() -> None:
    record = control_pb2.BuildHistoryRecord(Ref="r", localDirs={"context": "/x"})
    record.Exporters.add(Type="local")
    with pytest.raises(OptionError, match="where to"):
        build_arguments(record)


def test_a_build_without_a_context_cannot_be_made_again() -> None:
    with pytest.raises(OptionError, match="context"):
        build_arguments(control_pb2.BuildHistoryRecord(Ref="r"))


def test_an_option_that_build_lacks_is_named() -> None:
    record = control_pb2.BuildHistoryRecord(
        Ref="r", localDirs={"context": "/x"}, FrontendAttrs={"strange": "1"}
    )
    with pytest.raises(OptionError, match="strange=1"):
        build_arguments(record)
