"""Exported builds: ours there and back, buildx's, and files that are neither."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.client.build_file import read_builds, write_build
from core.errors import BuilderError, StorageError, UserInputError
from core.progress.codec import status_to_wire
from core.progress.messages import SolveStatus, Vertex, VertexLog
from core.wire.pb import control_pb2, engine_pb2

EVENTS = (
    SolveStatus(vertexes=(Vertex(digest="sha256:a", name="RUN make", started=5),)),
    SolveStatus(logs=(VertexLog(vertex="sha256:a", stream=1, data=b"\xff\n", timestamp=6),)),
)


def build() -> engine_pb2.GetBuildResponse:
    record = control_pb2.BuildHistoryRecord(Ref="abc", title="app", state="failed")
    record.FrontendAttrs["filename"] = "My.Dockerfile"
    made = engine_pb2.GetBuildResponse(record=record, dockerfile=b"FROM x\n", plan=b"{}")
    made.failure.message = "it failed"
    made.dockerfile_name = "My.Dockerfile"
    return made


async def events() -> AsyncIterator[SolveStatus]:
    for event in EVENTS:
        yield event


async def test_a_build_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x.viaductbuild"
    await write_build(path, build(), events())
    ((read, found),) = ((b, tuple(e)) for b, e in read_builds(path))
    assert read == build()
    assert found == EVENTS


async def test_a_builder_that_goes_away_leaves_no_file(tmp_path: Path) -> None:
    async def cut() -> AsyncIterator[SolveStatus]:
        yield EVENTS[0]
        raise BuilderError("gone")

    with pytest.raises(BuilderError):
        await write_build(tmp_path / "x", build(), cut())
    assert list(tmp_path.iterdir()) == []


async def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        await write_build(tmp_path / "missing" / "x", build(), events())


def layout(path: Path, *, status: bytes, record: bytes) -> None:
    """As ``docker buildx history export`` writes it: an OCI layout in a compressed tar."""
    members: dict[str, bytes] = {}

    def blob(data: bytes, media_type: str) -> dict[str, object]:
        encoded = hashlib.sha256(data).hexdigest()
        members[f"blobs/sha256/{encoded}"] = data
        return {"mediaType": media_type, "digest": f"sha256:{encoded}", "size": len(data)}

    manifest = {
        "config": blob(record, "application/vnd.buildkit.historyrecord.v0"),
        "layers": [blob(status, "application/vnd.buildkit.status.v0")],
    }
    child = blob(json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
    members["index.json"] = json.dumps({"manifests": [child]}).encode()
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    path.write_bytes(gzip.compress(inner.getvalue()))


def framed() -> bytes:
    parts = [status_to_wire(event).SerializeToString() for event in EVENTS]
    return b"".join(len(part).to_bytes(4, "little") + part for part in parts)


@pytest.mark.parametrize("as_json", [True, False])
def test_files_of_buildx_are_read(as_json: bool, tmp_path: Path) -> None:
    record = control_pb2.BuildHistoryRecord(Ref="ref1", numTotalSteps=3)
    data = b'{"Ref": "ref1", "numTotalSteps": 3, "unknown": 1}'
    path = tmp_path / "app.dockerbuild"
    layout(path, status=framed(), record=data if as_json else record.SerializeToString())
    ((read, found),) = ((b, tuple(e)) for b, e in read_builds(path))
    assert (read.record.Ref, read.record.numTotalSteps, read.record.title) == ("ref1", 3, "app")
    assert found == EVENTS


def test_a_cut_event_log_is_an_error_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "app.dockerbuild"
    layout(path, status=framed()[:-3], record=b"{}")
    with pytest.raises(UserInputError, match="damaged"):
        for _, found in read_builds(path):
            tuple(found)


def test_other_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for content in (b"", b"PK\x03\x04", b"hello", gzip.compress(b"x")):
        path.write_bytes(content)
        with pytest.raises(UserInputError, match=str(path)):
            list(read_builds(path))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(UserInputError, match="damaged"):
        list(read_builds(path))
    with pytest.raises(UserInputError, match="cannot be read"):
        list(read_builds(tmp_path))
