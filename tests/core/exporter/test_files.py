"""Archives, folders and tars."""

from __future__ import annotations

import json
import os
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest

from core.errors import OptionError, StorageError
from core.exporter.copy_tree import copy_tree
from core.exporter.run import export_all
from core.oci import media_types
from core.oci.index import Index
from core.oci.layout import Layout
from core.oci.manifest import Manifest

Bench = Any


async def test_an_oci_archive_is_a_layout(bench: Bench) -> None:
    source = bench.source("linux/amd64", "linux/arm64")
    response = await bench.export("oci", source, "image.tar", name="app:1,app:2")
    with Layout(bench.path / "image.tar") as layout:
        root = layout.find("docker.io/library/app:2")
        assert str(root.digest) == response["containerimage.digest"]
        assert root.annotation("org.opencontainers.image.created")
        assert layout.find("1").digest == root.digest
        for entry in Index.parse(layout.read(root.digest)).manifests:
            for child in Manifest.parse(layout.read(entry.digest)).children:
                layout.open(child.digest).close()
    assert response["image.name"] == "docker.io/library/app:1,docker.io/library/app:2"


async def test_an_archive_with_an_epoch_is_the_same_every_time(bench: Bench) -> None:
    source = bench.source(epoch=1_000_000_000)
    await bench.export("oci", source, "a.tar", name="app")
    await bench.export("oci", source, "b.tar", name="app")
    assert (bench.path / "a.tar").read_bytes() == (bench.path / "b.tar").read_bytes()


async def test_an_oci_layout_can_be_a_folder(bench: Bench) -> None:
    response = await bench.export("oci", bench.source(), "folder", tar="false", name="app")
    await bench.export("oci", bench.source(), "folder", tar="false", name="app")
    with Layout(bench.path / "folder") as layout:
        assert str(layout.find().digest) == response["containerimage.digest"]
    with pytest.raises(OptionError, match="is a folder"):
        await bench.export("oci", bench.source(), "folder", name="app")


async def test_a_docker_archive_has_what_docker_load_reads(bench: Bench) -> None:
    await bench.export("docker", bench.source(), "image.tar", name="team/app:1")
    with tarfile.open(bench.path / "image.tar") as tar:
        names = tar.getnames()
        assert names[:2] == ["blobs", "blobs/sha256"]
        listing = tar.extractfile("manifest.json")
        assert listing is not None
        (entry,) = json.load(listing)
        assert entry["RepoTags"] == ["team/app:1"]
        assert {entry["Config"], *entry["Layers"]} <= set(names)


async def test_a_docker_archive_of_several_platforms_is_refused(bench: Bench) -> None:
    with pytest.raises(OptionError, match="does not currently support exporting manifest lists"):
        await bench.export("docker", bench.source("linux/amd64", "linux/arm64"), "image.tar")
    assert not (bench.path / "image.tar").exists()


async def test_a_failed_archive_leaves_the_old_one(bench: Bench, monkeypatch: Any) -> None:
    await bench.export("oci", bench.source(), "image.tar", name="app")
    before = (bench.path / "image.tar").read_bytes()

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    bench.store.put = lambda data: None
    with pytest.raises(StorageError, match="disk is full"):
        await bench.export("oci", bench.source(), "image.tar", name="app")
    assert (bench.path / "image.tar").read_bytes() == before
    assert [p.name for p in bench.path.iterdir() if p.name.startswith(".")] == []


async def test_files_go_to_a_folder(bench: Bench) -> None:
    assert await bench.export("local", bench.source()) == {}
    assert (bench.path / "out/bin/app").read_bytes() == b"program of "
    assert (bench.path / "out/bin/app").stat().st_mtime == 1_700_000_000


async def test_files_of_several_platforms_go_to_a_folder_each(bench: Bench) -> None:
    await bench.export("local", bench.source("linux/amd64", "linux/arm/v7"))
    assert (bench.path / "out/linux_arm_v7/platform").read_bytes() == b"linux/arm/v7"
    await bench.export("local", bench.source("linux/amd64", multi=True), "flat",
                       platform_split="false")  # fmt: skip
    assert (bench.path / "flat/platform").exists()


async def test_mode_delete_removes_what_the_result_does_not_have(bench: Bench) -> None:
    (bench.path / "out/old/deep").mkdir(parents=True)
    await bench.export("local", bench.source())
    assert (bench.path / "out/old").exists()
    await bench.export("local", bench.source(), mode="delete")
    assert sorted(os.listdir(bench.path / "out")) == ["bin", "platform"]
    with pytest.raises(OptionError, match="mode=move"):
        await bench.export("local", bench.source(), mode="move")


async def test_a_tar_of_files_is_the_same_every_time(bench: Bench) -> None:
    source = bench.source("linux/amd64", "linux/arm64", epoch=5)
    await bench.export("tar", source, "a.tar")
    await bench.export("tar", source, "b.tar")
    assert (bench.path / "a.tar").read_bytes() == (bench.path / "b.tar").read_bytes()
    with tarfile.open(bench.path / "a.tar") as tar:
        assert tar.getnames()[:3] == ["linux_amd64", "linux_amd64/bin", "linux_amd64/bin/app"]
        assert {m.mtime for m in tar} == {5}


async def test_several_exporters_share_their_layers_and_push_last(bench: Bench) -> None:
    source = bench.source()
    done = await export_all(
        [
            (bench.exporter("image", name="example.org/app", push="true"), bench.notes),
            (bench.exporter("oci", "image.tar"), bench.notes),
            (bench.exporter("local"), bench.notes),
        ],
        source,
    )
    assert len(bench.tars.written) == 1
    assert [bool(e.response) for e in done] == [True, True, False]
    assert len(bench.client.pushes) == 1


async def test_nothing_is_pushed_when_another_exporter_fails(bench: Bench) -> None:
    (bench.path / "image.tar").mkdir()
    with pytest.raises(OptionError, match="is a folder"):
        await export_all(
            [
                (bench.exporter("image", name="example.org/app", push="true"), bench.notes),
                (bench.exporter("oci", "image.tar"), bench.notes),
            ],
            bench.source(),
        )
    assert bench.client.pushes == []


async def test_zstd_layers_can_be_archived(bench: Bench) -> None:
    await bench.export("oci", bench.source(), "image.tar", compression="zstd")
    with Layout(bench.path / "image.tar") as layout:
        manifest = Manifest.parse(layout.read(layout.find().digest))
        assert manifest.layers[0].media_type == media_types.OCI_LAYER_ZSTD


def test_copied_trees_keep_links_modes_and_times(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "d").mkdir(parents=True)
    (source / "d/a").write_bytes(b"x" * 10)
    (source / "d/a").chmod(0o4751)
    os.link(source / "d/a", source / "b")
    (source / "l").symlink_to("/etc/passwd")
    os.mkfifo(source / "p")
    copy_tree(source, target, owner=None, epoch=7, delete=False)
    assert sorted(os.listdir(target)) == ["b", "d", "l"]
    assert (target / "b").stat().st_ino == (target / "d/a").stat().st_ino
    assert stat.S_IMODE((target / "d/a").stat().st_mode) == 0o4751
    assert os.readlink(target / "l") == "/etc/passwd"
    assert (target / "d").stat().st_mtime == (target / "l").lstat().st_mtime == 7


def test_links_at_the_destination_lead_nowhere(tmp_path: Path) -> None:
    source, target, outside = (tmp_path / name for name in ("source", "target", "outside"))
    (source / "d").mkdir(parents=True)
    (source / "d/f").write_bytes(b"new")
    (source / "g").write_bytes(b"new")
    target.mkdir()
    outside.mkdir()
    (outside / "keep").write_bytes(b"old")
    (target / "d").symlink_to(outside)
    (target / "g").symlink_to(outside / "keep")
    copy_tree(source, target, owner=None, epoch=None, delete=True)
    assert os.listdir(outside) == ["keep"]
    assert (outside / "keep").read_bytes() == b"old"
    assert (target / "d/f").read_bytes() == (target / "g").read_bytes() == b"new"


def test_a_folder_where_a_file_was_and_the_other_way_round(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "a").mkdir(parents=True)
    (source / "b").write_bytes(b"")
    (target / "b/c").mkdir(parents=True)
    (target / "a").write_bytes(b"")
    copy_tree(source, target, owner=None, epoch=None, delete=False)
    assert (target / "a").is_dir()
    assert (target / "b").is_file()
