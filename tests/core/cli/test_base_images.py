"""Root trees out of Debian packages, without Debian."""

from __future__ import annotations

import io
import lzma
import stat
import struct
import tarfile
from pathlib import Path

import pytest
import zstandard

from core.cli import base_images
from core.cli.base_images import DOCKERFILE, applet_names, make_base, root_tree
from core.cli.debian_packages import data_of, mirror
from core.errors import MachineError, UserInputError
from core.oci.platform import parse_platform

_TABLE = b"\0".join([b"junk", b"[", b"[[", b"ash", b"env", b"ip", b"sh", b"zcat", b"", b"no"])


def _program(machine: int = 183) -> bytes:
    header = bytearray(64)
    header[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<H", header, 18, machine)
    return bytes(header) + _TABLE


def _tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), 1_700_000_000
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _deb(path: Path, name: str, data: bytes) -> Path:
    archive = b"!<arch>\n"
    for member, content in (("debian-binary", b"2.0\n"), ("control.tar.xz", b"x"), (name, data)):
        head = f"{member:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        archive += head + content + b"\n" * (len(content) % 2)
    path.write_bytes(archive)
    return path


@pytest.mark.parametrize("kind", ["xz", "zst"])
@pytest.mark.parametrize("place", ["./bin/busybox", "./usr/bin/busybox"])
def test_a_package_becomes_a_root_tree(tmp_path: Path, kind: str, place: str) -> None:
    data = _tar({"./usr/share/doc/x": b"", place: _program()})
    packed = lzma.compress(data) if kind == "xz" else zstandard.compress(data)
    package = _deb(tmp_path / "b.deb", f"data.tar.{kind}", packed)
    tree = root_tree(package, parse_platform("linux/arm64"))
    assert tree == root_tree(package, parse_platform("linux/arm64")), "the same bytes every time"
    with tarfile.open(fileobj=io.BytesIO(tree)) as tar:
        names = tar.getnames()
        assert names == sorted(names)
        assert tar.getmember("bin/sh").linkname == "busybox"
        assert tar.getmember("usr/bin/env").linkname == "../../bin/busybox"
        assert tar.getmember("sbin/ip").linkname == "../bin/busybox"
        assert tar.getmember("bin/busybox").mode == 0o755
        assert tar.getmember("tmp").mode == 0o1777
        assert {m.mtime for m in tar} == {1_700_000_000}
        assert {(m.uid, m.gid) for m in tar} == {(0, 0)}
        passwd = tar.extractfile("etc/passwd")
        assert passwd is not None
        assert passwd.read().startswith(b"root:x:0:0:root:/root:/bin/sh\n")
        assert stat.S_IMODE(tar.getmember("root").mode) == 0o700


def test_the_applets_are_read_from_the_program() -> None:
    assert applet_names(_program()) == ("[", "[[", "ash", "env", "ip", "sh", "zcat")
    with pytest.raises(MachineError, match="no table"):
        applet_names(b"\x7fELF")


def test_a_program_of_another_platform_is_refused(tmp_path: Path) -> None:
    data = lzma.compress(_tar({"bin/busybox": _program(machine=62)}))
    package = _deb(tmp_path / "b.deb", "data.tar.xz", data)
    with pytest.raises(MachineError, match="is for linux/amd64, not linux/arm64"):
        root_tree(package, parse_platform("linux/arm64"))


@pytest.mark.parametrize("content", [b"", b"!<arch>\n", b"!<arch>\n" + b"x" * 100, b"\x7fELF"])
def test_what_is_no_package_is_said_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.deb").write_bytes(content)
    with pytest.raises(UserInputError, match=r"b\.deb is"):
        data_of(tmp_path / "b.deb")


def test_what_cannot_be_had_is_left_out_and_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = lzma.compress(_tar({"bin/busybox": _program()}))
    package = _deb(tmp_path / "b.deb", "data.tar.xz", data)
    asked: list[str] = []

    def download(name: str, architecture: str, folder: Path, **_: object) -> Path:
        asked.append(architecture)
        if architecture != "arm64":
            raise MachineError(f"no {name} for {architecture}")
        return package

    monkeypatch.setattr(base_images, "download", download)
    said: list[str] = []
    wanted = [parse_platform("linux/arm64"), parse_platform("linux/s390x")]
    context = make_base(tmp_path / "cache", platforms=wanted, on_progress=said.append)
    assert [str(p) for p in context.platforms] == ["linux/arm64"]
    assert "left out: no busybox-static for s390x" in said
    assert (context.folder / "rootfs-linux-arm64.tar").exists()
    assert (context.folder / "Dockerfile").read_text() == DOCKERFILE
    asked.clear()
    make_base(tmp_path / "cache", platforms=wanted[:1])
    assert asked == [], "what is there is not downloaded again"
    with pytest.raises(MachineError, match="s390x"):
        make_base(tmp_path / "cache", platforms=wanted[1:])


def test_the_mirror_is_a_debian_mirror() -> None:
    assert mirror().rstrip("/").endswith("/debian")
