"""Usage by kind and by step, what prune asks, what platforms lists."""

from __future__ import annotations

import json

import pytest

from core.cli.du import by_kind, by_step, one_line
from core.cli.platforms import entries_of
from core.cli.prune import main as prune
from core.errors import OptionError
from core.oci import media_types
from core.wire.pb import control_pb2, engine_pb2

DIGESTS = [f"sha256:{letter * 64}" for letter in "abc"]


def record(
    description: str, size: int, *, kind: str = "", used: bool = False
) -> control_pb2.UsageRecord:
    return control_pb2.UsageRecord(
        ID=description, Description=description, Size=size, RecordType=kind, InUse=used
    )


def test_a_step_is_one_line_whatever_the_platforms() -> None:
    records = [
        record("[linux/amd64 build 2/3] RUN make", 10),
        record("[linux/amd64->arm64 build 2/3] RUN make", 5, used=True),
        record("pulled from debian", 100),
    ]
    pulled, made = by_step(records)
    assert (pulled.name, pulled.size, pulled.platforms) == ("pulled from debian", 100, ())
    assert (made.name, made.count, made.size, made.in_use) == ("RUN make", 2, 15, 5)
    assert made.platforms == ("linux/amd64", "linux/arm64")


def test_kinds_are_added_up_largest_first() -> None:
    records = [record("a", 1), record("b", 2), record("c", 9, kind="exec.cachemount")]
    assert [(g.name, g.size) for g in by_kind(records)] == [("exec.cachemount", 9), ("regular", 3)]


def test_a_long_step_is_cut_to_one_line() -> None:
    assert one_line("RUN a \\\n   b", 20) == "RUN a \\ b"
    assert one_line("x" * 30, 10) == "xxxxxxx..."


@pytest.mark.parametrize("option", ["--max-used-space=much", "--keep-duration=long"])
def test_limits_that_mean_nothing_are_refused_before_anything_is_asked(option: str) -> None:
    with pytest.raises(OptionError):
        prune([option])


def test_prune_removes_nothing_when_nobody_can_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(OptionError) as caught:
        prune([])
    assert "--force" in caught.value.hint


@pytest.mark.parametrize("answer", ["", "n", "no", "yess", None])
def test_prune_removes_nothing_without_a_yes(
    answer: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(question: str) -> str:
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", ask)
    assert prune([]) == 1


def index_with_attestation() -> bytes:
    def manifest(digest: str, platform: dict[str, str], **extra: object) -> dict[str, object]:
        return {
            "mediaType": media_types.OCI_MANIFEST,
            "digest": digest,
            "size": 500,
            "platform": platform,
            **extra,
        }

    annotations = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": DIGESTS[0],
    }
    unknown = {"os": "unknown", "architecture": "unknown"}
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_INDEX,
            "manifests": [
                manifest(DIGESTS[0], {"os": "linux", "architecture": "amd64"}),
                manifest(DIGESTS[1], unknown, annotations=annotations),
            ],
        }
    ).encode()


def test_attestations_are_named_with_the_platform_they_speak_of() -> None:
    image = engine_pb2.Image(name="x", digest=DIGESTS[2], media_type=media_types.OCI_INDEX)
    image.platforms.add(platform="linux/amd64", digest=DIGESTS[0], size=1234)
    one, attestation = entries_of(image, index_with_attestation())
    assert (one.kind, one.platform, one.size) == ("image", "linux/amd64", 1234)
    assert (attestation.kind, attestation.of) == ("attestation-manifest", "linux/amd64")
    assert attestation.platform == ""


def test_an_image_of_one_platform_has_one_entry() -> None:
    image = engine_pb2.Image(name="x", digest=DIGESTS[0], media_type=media_types.OCI_MANIFEST)
    image.platforms.add(platform="linux/arm64", digest=DIGESTS[0], size=7)
    (entry,) = entries_of(image, b"{}")
    assert (entry.platform, entry.digest) == ("linux/arm64", DIGESTS[0])
