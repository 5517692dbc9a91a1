"""The image exporter: what is written, named and pushed."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from typing import Any

import pytest

from core.content.reachable import missing
from core.errors import NotFoundError, OptionError
from core.exporter.source import ExportLayer, RemoteBlob
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.image_config import ImageConfig
from core.oci.index import Index
from core.oci.json_values import ImageFormatError
from core.oci.manifest import Manifest
from core.oci.reference import parse_reference

Bench = Any


def _descriptor(response: dict[str, str]) -> Descriptor:
    return Descriptor.from_json(json.loads(base64.b64decode(response["containerimage.descriptor"])))


def _manifest(bench: Bench, descriptor: Descriptor) -> Manifest:
    return Manifest.parse(bench.store.read(descriptor.digest))


def _config(bench: Bench, descriptor: Descriptor) -> ImageConfig:
    return ImageConfig.parse(bench.store.read(_manifest(bench, descriptor).config.digest))


async def test_one_platform_makes_a_manifest(bench: Bench) -> None:
    response = await bench.export("image", bench.source("linux/arm64"), name="app")
    found = _descriptor(response)
    assert response["containerimage.digest"] == str(found.digest)
    assert response["image.name"] == "docker.io/library/app:latest"
    manifest = _manifest(bench, found)
    assert response["containerimage.config.digest"] == str(manifest.config.digest)
    assert manifest.media_type == media_types.OCI_MANIFEST
    assert bench.images.get("docker.io/library/app:latest").digest == found.digest
    assert str(found.platform) == "linux/arm64"
    config = _config(bench, found)
    (layer,) = manifest.layers
    plain = gzip.decompress(bench.store.read(layer.digest))
    assert config.diff_ids == (Digest.of(plain),)
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        assert tar.getnames() == ["bin", "bin/app", "platform"]


async def test_several_platforms_make_an_index_in_the_order_asked_for(bench: Bench) -> None:
    source = bench.source("linux/s390x", "linux/amd64", "linux/arm/v7")
    response = await bench.export("image", source, name="app:1")
    found = _descriptor(response)
    assert found.media_type == media_types.OCI_INDEX
    assert "containerimage.config.digest" not in response
    index = Index.parse(bench.store.read(found.digest))
    assert [str(m.platform) for m in index.manifests] == [
        "linux/s390x",
        "linux/amd64",
        "linux/arm/v7",
    ]
    assert missing(bench.store, found) == ()


async def test_one_platform_can_be_an_index(bench: Bench) -> None:
    response = await bench.export("image", bench.source(multi=True), name="app")
    assert _descriptor(response).media_type == media_types.OCI_INDEX


async def test_the_same_result_makes_the_same_image_without_writing_layers_again(
    bench: Bench,
) -> None:
    first = await bench.export("image", bench.source(), name="app")
    again = await bench.export("image", bench.source(), name="app")
    assert first == again
    assert len(bench.tars.written) == 1


async def test_history_and_creation_come_from_the_layers(bench: Bench) -> None:
    response = await bench.export("image", bench.source(), name="app")
    config = _config(bench, _descriptor(response))
    assert [(h.created_by, h.created) for h in config.history] == [
        ("RUN make", "2023-11-14T22:13:20.5Z")
    ]
    assert config.created == "2023-11-14T22:13:20.5Z"
    assert config.environment == ("PATH=/bin",)


async def test_an_image_without_layers_is_exported(bench: Bench) -> None:
    source = bench.source(config={"history": []})
    (image,) = source.images
    empty = type(source)(images=(type(image)(
        platform=image.platform, layers=(), config=image.config
    ),))  # fmt: skip
    response = await bench.export("image", empty, name="app")
    assert _manifest(bench, _descriptor(response)).layers == ()


async def test_a_config_without_architecture_is_refused(bench: Bench) -> None:
    with pytest.raises(ImageFormatError, match="missing architecture"):
        await bench.export("image", bench.source(config={"architecture": ""}), name="app")


async def test_docker_media_types_are_used_throughout(bench: Bench) -> None:
    source = bench.source("linux/amd64", "linux/arm64")
    response = await bench.export("image", source, name="app", oci_mediatypes="false")
    found = _descriptor(response)
    assert found.media_type == media_types.DOCKER_INDEX
    manifest = _manifest(bench, Index.parse(bench.store.read(found.digest)).manifests[0])
    assert manifest.media_type == media_types.DOCKER_MANIFEST
    assert manifest.config.media_type == media_types.DOCKER_CONFIG
    assert manifest.layers[0].media_type == media_types.DOCKER_LAYER_GZIP


@pytest.mark.parametrize(
    ("compression", "media_type", "start"),
    [
        ("gzip", media_types.OCI_LAYER_GZIP, b"\x1f\x8b"),
        ("zstd", media_types.OCI_LAYER_ZSTD, b"\x28\xb5\x2f\xfd"),
        ("uncompressed", media_types.OCI_LAYER, b"bin/"),
    ],
)
async def test_layers_are_compressed_as_asked(
    bench: Bench, compression: str, media_type: str, start: bytes
) -> None:
    response = await bench.export("image", bench.source(), name="app", compression=compression)
    (layer,) = _manifest(bench, _descriptor(response)).layers
    assert layer.media_type == media_type
    assert bench.store.read(layer.digest).startswith(start)


def _remote(bench: Bench, data: bytes = b"base layer") -> ExportLayer:
    descriptor = Descriptor.of(media_types.DOCKER_LAYER_GZIP, data)
    bench.client.blobs[descriptor.digest] = data
    return ExportLayer(
        remote=RemoteBlob(
            reference=parse_reference("example.org/base:1"),
            descriptor=descriptor,
            diff_id=Digest.of(b"plain"),
        )
    )


async def test_a_base_layer_that_was_never_pulled_is_fetched_for_the_store_alone(
    bench: Bench,
) -> None:
    base = _remote(bench)
    history = {"history": [{"created": "2020-01-01T00:00:00Z"}, {"created_by": "RUN make"}]}
    source = bench.source(base=(base,), config=history)
    response = await bench.export(
        "image", source, name="example.org/app", push="true", store="false"
    )
    assert bench.client.fetched == []
    assert bench.client.pushes[0].origins == {
        base.remote.descriptor.digest: "example.org/base:1"  # type: ignore[union-attr]
    }
    manifest = _manifest(bench, _descriptor(response))
    assert manifest.layers[0].media_type == media_types.OCI_LAYER_GZIP
    await bench.export("image", source, name="app")
    assert missing(bench.store, _descriptor(response)) == ()


async def test_a_base_layer_that_is_gone_leaves_no_name(bench: Bench) -> None:
    source = bench.source(base=(_remote(bench),), config={"history": []})
    bench.client.blobs.clear()
    with pytest.raises(NotFoundError):
        await bench.export("image", source, name="app")
    assert bench.images.list() == ()


async def test_a_push_is_left_for_the_end(bench: Bench) -> None:
    exporter = bench.exporter("image", name="a.example/x:1,a.example/x:2,b.example/x", push="")
    exported = await exporter.export(bench.source(), bench.notes)
    assert bench.client.pushes == []
    await exported.finish()
    assert [(p.reference, p.tags) for p in bench.client.pushes] == [
        ("a.example/x:1", ("1", "2")),
        ("b.example/x:latest", ("latest",)),
    ]


async def test_a_push_needs_a_name(bench: Bench) -> None:
    with pytest.raises(OptionError, match="tag is needed when pushing to registry"):
        await bench.export("image", bench.source(), push="true")


async def test_the_name_of_the_frontend_stands_for_a_star(bench: Bench) -> None:
    source = bench.source(metadata={"image.name": "team/app:9"})
    response = await bench.export("image", source, name="*")
    assert response["image.name"] == "docker.io/team/app:9"


async def test_canonical_and_dangling_names(bench: Bench) -> None:
    response = await bench.export(
        "image", bench.source(), name="app", name_canonical="true",
        dangling_name_prefix="<none>",
    )  # fmt: skip
    digest = response["containerimage.digest"]
    assert {image.name for image in bench.images.list()} == {
        "docker.io/library/app:latest",
        f"docker.io/library/app@{digest}",
        f"<none>@{digest}",
    }


async def test_store_false_names_nothing(bench: Bench) -> None:
    await bench.export("image", bench.source(), name="app", store="false")
    assert bench.images.list() == ()


async def test_annotations_go_where_they_are_meant_to(bench: Bench) -> None:
    exporter = bench.factory.create(
        "image",
        {
            "name": "app",
            "annotation.a": "every manifest",
            "annotation[linux/arm64].a": "this manifest",
            "annotation-manifest-descriptor.b": "entry",
            "annotation-index.c": "index",
            "annotation-index-descriptor.d": "root",
        },
        None,
    )
    source = bench.source(
        "linux/amd64", "linux/arm64", metadata={"annotation-index.c": "weaker", "annotation.e": "f"}
    )
    exported = await exporter.export(source, bench.notes)
    assert dict(exported.descriptor.annotations) == {"d": "root"}
    index = Index.parse(bench.store.read(exported.descriptor.digest))
    assert dict(index.annotations) == {"c": "index"}
    assert [dict(m.annotations) for m in index.manifests] == [{"b": "entry"}] * 2
    assert [dict(_manifest(bench, m).annotations) for m in index.manifests] == [
        {"a": "every manifest", "e": "f"},
        {"a": "this manifest", "e": "f"},
    ]


@pytest.mark.parametrize(
    ("attrs", "sentence"),
    [
        ({"annotation[linux/s390x].a": "b"}, "linux/s390x, which is not built"),
        ({"annotation-index.a": "b"}, "index annotations not supported"),
        ({"annotation-index.a": "b", "oci-mediatypes": "false"}, "need OCI media types"),
        ({"annotation-other.a": "b"}, "unrecognized annotation type other"),
        ({"annotation-index[linux/arm64].a": "b"}, "an index has many"),
        ({"compression": "bzip2"}, "unsupported compression type bzip2"),
        ({"compression": "zstd", "oci-mediatypes": "false"}, "conflicts with"),
        ({"compression-level": "fast"}, "non-integer value for compression-level"),
        ({"compression-level": "11"}, "compression level 11 is out of range"),
        ({"push": "perhaps"}, "non-bool value specified for push"),
        ({"name": "UPPER"}, "must be lowercase"),
        ({"source-date-epoch": "yesterday"}, "source-date-epoch"),
    ],
)
async def test_options_that_mean_nothing_are_named(
    bench: Bench, attrs: dict[str, str], sentence: str
) -> None:
    with pytest.raises(OptionError) as caught:
        await bench.factory.create("image", attrs, None).export(bench.source(), bench.notes)
    assert sentence in str(caught.value)


async def test_an_option_that_is_not_known_is_warned_about(bench: Bench) -> None:
    await bench.export("image", bench.source(), name="app", comression="zstd")
    assert bench.notes.warnings == ["the export option comression is not known and has no effect"]


def test_an_exporter_that_is_not_known_is_refused(bench: Bench) -> None:
    with pytest.raises(OptionError, match='exporter "moby" could not be found'):
        bench.factory.create("moby", {}, None)


async def test_an_epoch_cuts_times_of_the_config_and_spares_the_base(bench: Bench) -> None:
    old = {"created": "2024-01-01T00:00:00Z", "created_by": "base", "empty_layer": True}
    source = bench.source(
        config={"history": [old, {"created_by": "RUN make"}], "created": "2025-01-01T00:00:00Z"},
        base_config=json.dumps({"history": [old]}).encode(),
        epoch=1_000_000_000,
    )
    response = await bench.export("image", source, name="app")
    config = _config(bench, _descriptor(response))
    assert [h.created for h in config.history] == ["2024-01-01T00:00:00Z", "2001-09-09T01:46:40Z"]
    assert config.created == "2001-09-09T01:46:40Z"


async def test_rewriting_timestamps_changes_layers_too(bench: Bench) -> None:
    source = bench.source(epoch=1_000_000_000)
    response = await bench.export("image", source, name="app", rewrite_timestamp="true")
    (layer,) = _manifest(bench, _descriptor(response)).layers
    with tarfile.open(fileobj=io.BytesIO(bench.store.read(layer.digest))) as tar:
        assert {member.mtime for member in tar} == {1_000_000_000}


async def test_rewriting_without_an_epoch_is_warned_about(bench: Bench) -> None:
    await bench.export("image", bench.source(), name="app", rewrite_timestamp="true")
    assert bench.notes.warnings == ["rewrite-timestamp has no effect without SOURCE_DATE_EPOCH"]


async def test_progress_names_every_part(bench: Bench) -> None:
    response = await bench.export(
        "image", bench.source("linux/amd64", "linux/arm64"), name="example.org/app", push="true"
    )
    ids = list(dict.fromkeys(bench.notes.ids))
    assert ids[0] == "exporting layers"
    assert f"exporting manifest list {response['containerimage.digest']}" in ids
    assert "naming to example.org/app:latest" in ids
    assert ids[-1] == "pushing example.org/app:latest"
