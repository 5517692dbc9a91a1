"""Saving images of the store, and loading them again."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from core.content.images import ImageStore
from core.content.loading import load
from core.content.reachable import missing
from core.content.store import ContentStore
from core.errors import NotFoundError, OptionError
from core.exporter.options import ArchiveKind
from core.exporter.outputs import PathFile
from core.exporter.saving import save
from core.oci.platform import parse_platform

Bench = Any
_AMD64 = parse_platform("linux/amd64")


async def test_saved_images_are_loaded_as_they_were(bench: Bench, tmp_path: Path) -> None:
    await bench.export("image", bench.source("linux/amd64", "linux/arm64"), name="one:1")
    await bench.export("image", bench.source("linux/s390x"), name="two:1")
    named = [(image.name, image.descriptor) for image in bench.images.list()]
    output = PathFile(tmp_path / "all.tar")
    await save(bench.store, named, output, kind=ArchiveKind.OCI, platform=_AMD64)
    store, images = ContentStore(tmp_path / "c2"), ImageStore(tmp_path / "i2")
    loaded = load(tmp_path / "all.tar", store, images)
    assert [(i.name, i.descriptor.digest) for i in loaded] == [(n, d.digest) for n, d in named]
    assert all(missing(store, image.descriptor) == () for image in loaded)


async def test_a_docker_archive_takes_the_platform_that_is_asked_for(
    bench: Bench, tmp_path: Path
) -> None:
    await bench.export("image", bench.source("linux/amd64", "linux/arm64"), name="one:1")
    (image,) = bench.images.list()
    named = [(image.name, image.descriptor)]
    output = PathFile(tmp_path / "one.tar")
    await save(bench.store, named, output, kind=ArchiveKind.DOCKER, platform=_AMD64)
    with tarfile.open(tmp_path / "one.tar") as tar:
        listing = tar.extractfile("manifest.json")
        assert listing is not None
        assert json.load(listing)[0]["RepoTags"] == ["one:1"]
    with pytest.raises(NotFoundError, match="no image for linux/s390x"):
        await save(
            bench.store, named, output, kind=ArchiveKind.DOCKER,
            platform=parse_platform("linux/s390x"),
        )  # fmt: skip
    with pytest.raises(OptionError, match="takes one image"):
        await save(bench.store, named * 2, output, kind=ArchiveKind.DOCKER, platform=_AMD64)


async def test_an_incomplete_image_is_not_saved(bench: Bench, tmp_path: Path) -> None:
    await bench.export("image", bench.source(), name="one:1")
    (image,) = bench.images.list()
    for blob in list(bench.store.walk()):
        if blob.digest != image.descriptor.digest:
            bench.store.delete(blob.digest)
    with pytest.raises(NotFoundError, match="is not complete here"):
        await save(
            bench.store, [(image.name, image.descriptor)], PathFile(tmp_path / "x.tar"),
            kind=ArchiveKind.OCI, platform=_AMD64,
        )  # fmt: skip
    assert not (tmp_path / "x.tar").exists()
