"""Archives into the store."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from core.content.images import ImageStore
from core.content.loading import load
from core.content.reachable import missing
from core.content.store import ContentStore
from core.errors import Error, NotFoundError
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.index import Index
from core.oci.json_values import ImageFormatError
from core.oci.layout import IMAGE_NAME, REF_NAME, blob_path
from core.oci.manifest import Manifest


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "content")


@pytest.fixture
def images(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


def _layout(tags: dict[str, str]) -> dict[str, bytes]:
    layer = Descriptor.of(media_types.OCI_LAYER, b"layer")
    config = Descriptor.of(media_types.OCI_CONFIG, b"{}")
    manifest = Manifest(config=config, layers=(layer,)).to_bytes()
    entry = Descriptor.of(media_types.OCI_MANIFEST, manifest).annotated(tags)
    return {
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        "index.json": Index(manifests=(entry,)).to_bytes(),
        blob_path(entry.digest): manifest,
        blob_path(layer.digest): b"layer",
        blob_path(config.digest): b"{}",
    }


def _tar(path: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return path


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ({IMAGE_NAME: "docker.io/team/app:1", REF_NAME: "1"}, "docker.io/team/app:1"),
        ({REF_NAME: "app"}, "<none>@"),
        ({REF_NAME: "localhost/app:2"}, "localhost/app:2"),
        ({}, "<none>@"),
    ],
)
def test_a_layout_is_loaded_with_its_names(
    tmp_path: Path, store: ContentStore, images: ImageStore, tags: dict[str, str], name: str
) -> None:
    (loaded,) = load(_tar(tmp_path / "a.tgz", _layout(tags)), store, images)
    assert loaded.name.startswith(name)
    assert images.get(loaded.name) == loaded.descriptor
    assert missing(store, loaded.descriptor) == ()


def test_what_an_old_docker_saved_is_loaded(
    tmp_path: Path, store: ContentStore, images: ImageStore
) -> None:
    listing = [{"Config": "c.json", "RepoTags": ["app:1", "app:2"], "Layers": ["a/l.tar", "b/l"]}]
    files = {"manifest.json": json.dumps(listing).encode(), "c.json": b"{}", "a/l.tar": b"layer"}
    path = _tar(tmp_path / "a.tar", files, {"b/l": "../a/l.tar"})
    loaded = load(path, store, images)
    assert [image.name for image in loaded] == [
        "docker.io/library/app:1",
        "docker.io/library/app:2",
    ]
    manifest = Manifest.parse(store.read(loaded[0].descriptor.digest))
    assert len(manifest.layers) == 2
    assert manifest.layers[0].media_type == media_types.OCI_LAYER
    assert missing(store, loaded[0].descriptor) == ()


@pytest.mark.parametrize("change", ["damage", "drop", "empty", "text"])
def test_a_broken_archive_gives_no_names(
    tmp_path: Path, store: ContentStore, images: ImageStore, change: str
) -> None:
    files = _layout({IMAGE_NAME: "app:1"})
    layer = blob_path(Descriptor.of("", b"layer").digest)
    match change:
        case "damage":
            files[layer] = b"LAYER"
        case "drop":
            del files[layer]
        case "empty":
            files = {}
        case _:
            files = {"manifest.json": b"["}
    with pytest.raises(Error, match=r"\S"):
        load(_tar(tmp_path / "a.tgz", files), store, images)
    assert images.list() == ()


def test_what_is_no_archive_is_said_so(
    tmp_path: Path, store: ContentStore, images: ImageStore
) -> None:
    with pytest.raises(NotFoundError):
        load(tmp_path / "absent", store, images)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ImageFormatError, match="neither a folder nor a tar"):
        load(tmp_path / "text", store, images)
