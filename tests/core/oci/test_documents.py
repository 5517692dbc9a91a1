"""Descriptors, manifests, indexes, image configs, layouts and ELF headers."""

from __future__ import annotations

import io
import json
import struct
import tarfile
from pathlib import Path

import pytest

from core.errors import NotFoundError
from core.oci import elf, media_types
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.image_config import History, ImageConfig, complete_history
from core.oci.index import Index
from core.oci.json_values import ImageFormatError
from core.oci.layout import REF_NAME, Layout, blob_path
from core.oci.manifest import Manifest
from core.oci.media_types import Compression
from core.oci.platform import Platform, parse_platform


def _descriptor(text: str, media_type: str = media_types.OCI_LAYER_GZIP) -> Descriptor:
    return Descriptor.of(media_type, text.encode())


def _image(text: str, platform: str) -> Descriptor:
    found = _descriptor(text, media_types.OCI_MANIFEST)
    return Descriptor(
        media_type=found.media_type,
        digest=found.digest,
        size=found.size,
        platform=parse_platform(platform),
    )


def test_a_manifest_survives_being_written_and_read() -> None:
    manifest = Manifest(
        config=_descriptor("c", media_types.OCI_CONFIG),
        layers=(_descriptor("a").annotated({"k": "v"}), _descriptor("b")),
        annotations=(("org.example", "1"),),
    )
    assert Manifest.parse(manifest.to_bytes(), media_types.OCI_MANIFEST) == manifest


def test_an_index_survives_being_written_and_read() -> None:
    index = Index(manifests=(_image("a", "linux/amd64"), _image("b", "linux/arm/v7")))
    assert Index.parse(index.to_bytes()) == index
    assert [str(p) for p in index.platforms] == ["linux/amd64", "linux/arm/v7"]


@pytest.mark.parametrize("parse", [Manifest.parse, Index.parse])
def test_a_document_that_is_manifest_and_index_at_once_is_refused(parse: object) -> None:
    both = {"config": {}, "layers": [], "manifests": []}
    with pytest.raises(ImageFormatError):
        parse(json.dumps(both).encode())  # type: ignore[operator]


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b'{"manifests": 3}', b'{"manifests": [{"size": -1}]}', b"\xff\xfe", b"[" * 9999],
)
def test_a_broken_index_is_an_error_with_a_sentence(data: bytes) -> None:
    with pytest.raises(ImageFormatError, match=r"index|manifests"):
        Index.parse(data)


def test_a_manifest_that_contradicts_its_transport_is_refused() -> None:
    data = Manifest(config=_descriptor("c"), layers=()).to_bytes()
    with pytest.raises(ImageFormatError, match="says that it is"):
        Manifest.parse(data, media_types.DOCKER_MANIFEST)


def test_an_index_gives_the_best_manifest_for_a_platform() -> None:
    v6, v7 = _image("6", "linux/arm/v6"), _image("7", "linux/arm/v7")
    attestation = _descriptor("x", media_types.OCI_MANIFEST).annotated(
        {"vnd.docker.reference.type": "attestation-manifest"}
    )
    index = Index(manifests=(attestation, v6, v7))
    assert index.select(parse_platform("linux/arm/v7")) == v7
    assert index.select(parse_platform("linux/arm64")) == v7
    assert index.select(parse_platform("linux/s390x")) is None
    assert index.images == (v6, v7)


def test_unknown_members_of_a_config_survive_new_layers() -> None:
    data = (
        b'{"architecture":"arm64","os":"linux","Vendor":{"a":[1]},"config":{"OnBuild":["RUN x"]}}'
    )
    layer = Digest.of(b"layer")
    config = ImageConfig.parse(data).with_layers(
        [layer], [History(created="2026-01-01T00:00:00Z", created_by="RUN x")], created="now"
    )
    again = ImageConfig.parse(config.to_bytes())
    assert again.value["Vendor"] == {"a": [1]}
    assert again.runtime == {"OnBuild": ["RUN x"]}
    assert again.diff_ids == (layer,)
    assert again.platform == Platform(os="linux", architecture="arm64")
    assert again.created == "now"


@pytest.mark.parametrize("data", [b'{"os":"linux"}', b'{"architecture":"arm64"}'])
def test_a_config_without_its_platform_is_not_exported(data: bytes) -> None:
    with pytest.raises(ImageFormatError, match="invalid image config for export: missing"):
        ImageConfig.parse(data).check_exportable()


def test_a_history_gets_the_times_of_its_layers() -> None:
    done = complete_history(
        [
            History(created="2020", created_by="base"),
            History(created_by="ENV", empty_layer=True),
            History(created_by="RUN a"),
            History(created_by="CMD", empty_layer=True),
        ],
        [History(created="2020"), History(created="2026")],
    )
    assert [h.created for h in done] == ["2020", "2026", "2026", "2026"]


def test_layers_without_history_get_entries_and_entries_without_layer_become_empty() -> None:
    more = complete_history([], [History(created="1", created_by="RUN x")])
    assert [(h.created_by, h.comment) for h in more] == [("RUN x", "buildkit.exporter.image.v0")]
    fewer = complete_history([History(created_by="a"), History(created_by="b")], [History()])
    assert [h.empty_layer for h in fewer] == [False, True]


@pytest.mark.parametrize("compression", list(Compression))
@pytest.mark.parametrize("oci", [True, False])
def test_layer_types_convert_between_the_families(compression: Compression, oci: bool) -> None:
    media_type = media_types.layer_type(compression, oci=oci)
    other = media_types.converted(media_type, oci=not oci)
    assert other != media_type
    assert media_types.compression_of(other) is compression
    assert media_types.converted(other, oci=oci) == media_type


def test_a_foreign_layer_becomes_a_distributable_one() -> None:
    foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    assert media_types.is_nondistributable(foreign)
    assert media_types.converted(foreign, oci=True) == media_types.OCI_LAYER_GZIP


def _elf(machine: int, bits: int, order: int, flags: int = 0) -> bytes:
    endian = "<" if order == 1 else ">"
    header = bytearray(64)
    header[:6] = b"\x7fELF" + bytes((bits, order))
    struct.pack_into(endian + "H", header, 18, machine)
    struct.pack_into(endian + "I", header, 36, flags)
    return bytes(header)


@pytest.mark.parametrize(
    ("header", "platform"),
    [
        (_elf(62, 2, 1), "linux/amd64"),
        (_elf(3, 1, 1), "linux/386"),
        (_elf(183, 2, 1), "linux/arm64"),
        (_elf(40, 1, 1, 0x5000400), "linux/arm/v7"),
        (_elf(40, 1, 1, 0x5000200), "linux/arm/v5"),
        (_elf(21, 2, 1), "linux/ppc64le"),
        (_elf(22, 2, 2), "linux/s390x"),
        (_elf(243, 2, 1), "linux/riscv64"),
        (_elf(8, 2, 1), "linux/mips64le"),
        (_elf(258, 2, 1), "linux/loong64"),
        (_elf(62, 1, 1), None),
        (b"#!/bin/sh\n" + bytes(60), None),
        (b"\x7fELF", None),
    ],
)
def test_an_elf_header_tells_the_platform(header: bytes, platform: str | None) -> None:
    found = elf.platform_of(header)
    assert (None if found is None else str(found)) == platform


def _write_layout(add: dict[str, bytes], folder: Path) -> None:
    for name, data in add.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _layout_files() -> dict[str, bytes]:
    manifest = Manifest(config=_descriptor("{}"), layers=()).to_bytes()
    entry = Descriptor.of(media_types.OCI_MANIFEST, manifest).annotated({REF_NAME: "v1"})
    return {
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        "index.json": Index(manifests=(entry,)).to_bytes(),
        blob_path(entry.digest): manifest,
    }


def test_a_layout_reads_the_same_from_a_folder_and_a_tar(tmp_path: Path) -> None:
    files = _layout_files()
    _write_layout(files, tmp_path / "folder")
    with tarfile.open(tmp_path / "layout.tar", "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    for path in (tmp_path / "folder", tmp_path / "layout.tar"):
        with Layout(path) as layout:
            found = layout.find("v1")
            assert layout.find() == found
            assert Manifest.parse(layout.read(found.digest)).layers == ()
            with pytest.raises(NotFoundError, match="no image v2"):
                layout.find("v2")
            with pytest.raises(NotFoundError):
                layout.open(Digest.of(b"other"))


def test_a_damaged_blob_of_a_layout_is_named(tmp_path: Path) -> None:
    files = _layout_files()
    (name,) = (n for n in files if n.startswith("blobs"))
    _write_layout(files | {name: b"{}"}, tmp_path)
    with Layout(tmp_path) as layout, pytest.raises(ImageFormatError, match="damaged"):
        layout.read(layout.find().digest)


def test_what_is_no_layout_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no OCI layout"):
        Layout(tmp_path / "absent")
    with Layout(tmp_path) as layout, pytest.raises(NotFoundError, match="oci-layout is not there"):
        layout.index()
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(ImageFormatError, match="neither a folder nor a tar"):
        Layout(tmp_path / "file")
