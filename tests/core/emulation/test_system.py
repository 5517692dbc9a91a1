import errno
import io
import tarfile
from pathlib import Path

import pytest

from core.emulation.architectures import architecture_of
from core.emulation.capability import probe_dockerfile, read_answers
from core.emulation.elevation import elevated, own_command
from core.emulation.handlers import parse_line
from core.emulation.images import accept, find_in_layers, image_named
from core.emulation.packages import install_command
from core.emulation.programs import tiny_program
from core.emulation.settings import Settings, SettingsFile
from core.emulation.system import start_up_handlers
from core.errors import EmulationError, OptionError
from core.oci.platform import parse_platform, parse_platforms

AMD64, ARM64 = parse_platform("linux/amd64"), parse_platform("linux/arm64")
FOUND = architecture_of(ARM64)
assert FOUND is not None
ARCHITECTURE = FOUND


def test_start_up_files_are_read_as_the_machine_would(tmp_path: Path) -> None:
    etc, usr = tmp_path / "etc", tmp_path / "usr"
    etc.mkdir()
    usr.mkdir()
    line = ARCHITECTURE.handler("/usr/bin/q").line()
    (usr / "qemu-aarch64.conf").write_text(f"# comment\n{line}\n")
    (usr / "masked.conf").write_text(line.replace("viaduct-aarch64", "masked"))
    (etc / "masked.conf").symlink_to("/dev/null")
    (etc / "a.conf").write_text("nonsense\n\n" + line.replace("viaduct-aarch64", "first"))
    found = start_up_handlers((str(etc), str(usr)))
    assert [handler.name for handler in found] == ["first", "viaduct-aarch64"]
    assert found[1] == parse_line(line)


def test_settings_are_kept_and_damage_counts_as_none(tmp_path: Path) -> None:
    file = SettingsFile(tmp_path)
    assert file.load().off == frozenset()
    file.save(Settings(off=frozenset({ARM64})))
    assert file.load().off == frozenset({ARM64})
    for damage in ("{", "[]", '{"off": 1}', '{"off": ["a/b/c/d/e"]}', "null"):
        (tmp_path / "emulation.json").write_text(damage)
        assert file.load().off == frozenset()


@pytest.mark.parametrize(
    ("tool", "first"),
    [("apt-get", "apt-get"), ("dnf", "dnf"), ("pacman", "pacman"), ("apk", "apk"), ("none", "")],
)
def test_the_package_managers_command_is_told(tool: str, first: str) -> None:
    command = install_command((ARCHITECTURE,), lambda name: name if name == tool else None)
    assert (command[0] if command else "") == first
    if tool == "apk":
        assert command == ("apk", "add", "qemu-aarch64")


def test_root_is_asked_for_with_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    both = ("x",)
    assert elevated(both, terminal=True, which=lambda n: n)[0] == "sudo"
    assert elevated(both, terminal=False, which=lambda n: n)[0] == "pkexec"
    assert elevated(both, terminal=False, which=lambda n: n if n == "sudo" else None) == ()
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert elevated(both, terminal=True, which=lambda n: None) == both
    assert own_command(("emulation", "status"))[-2:] == ("emulation", "status")


def test_images_must_be_pinned() -> None:
    assert "@sha256:" in image_named("").reference
    assert image_named("multiarch/qemu-user-static").version
    digest = "sha256:" + "0" * 64
    copy = image_named(f"localhost:5000/aptman/qus@{digest}")
    assert copy.program == "qus/bin/qemu-{}-static"
    assert copy.reference.endswith(digest)
    with pytest.raises(OptionError, match="not pinned"):
        image_named("tonistiigi/binfmt:latest")
    with pytest.raises(OptionError, match="not pinned"):
        image_named("aptman/qus")


def layer(*members: tuple[str, bytes | str]) -> bytes:
    """A tar; a str is the target of a symbolic link, "=x" of a hard one."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            if isinstance(data, str):
                info.type = tarfile.LNKTYPE if data.startswith("=") else tarfile.SYMTYPE
                info.linkname = data.removeprefix("=")
                archive.addfile(info)
            else:
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def taken(tmp_path: Path, *layers: bytes) -> bytes | None:
    target = tmp_path / "taken"
    opened = [lambda data=data: io.BytesIO(data) for data in layers]
    there = find_in_layers("usr/bin/qemu-aarch64", opened, target)
    return target.read_bytes() if there else None


def test_a_program_is_found_in_the_highest_layer_that_has_it(tmp_path: Path) -> None:
    low = layer(("usr/bin/qemu-aarch64", b"old"), ("etc/x", b""))
    assert taken(tmp_path, low, layer(("./usr/bin/qemu-aarch64", b"new"))) == b"new"


def test_links_are_followed_and_removed_programs_are_not_found(tmp_path: Path) -> None:
    low = layer(("usr/bin/real", b"it"), ("usr/bin/qemu-aarch64", "real"))
    assert taken(tmp_path, low) == b"it"
    (tmp_path / "taken").unlink()
    hard = layer(("usr/bin/real", b"it"), ("usr/bin/qemu-aarch64", "=usr/bin/real"))
    assert taken(tmp_path, hard) == b"it"
    (tmp_path / "taken").unlink()
    assert taken(tmp_path, low, layer(("usr/bin/.wh.qemu-aarch64", b""))) is None
    assert taken(tmp_path, layer(("usr/bin/qemu-aarch64", "qemu-aarch64"))) is None
    assert taken(tmp_path, layer(("etc/x", b""))) is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"#!/bin/sh\n", "it is no program"),
        (tiny_program(parse_platform("linux/s390x")) or b"", "linux/s390x program"),
    ],
)
def test_what_cannot_be_an_emulator_is_refused_and_deleted(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    program = tmp_path / "qemu-aarch64-static"
    program.write_bytes(data)
    with pytest.raises(EmulationError, match=reason):
        accept(program, ARCHITECTURE, (AMD64,), "some image")
    assert not program.exists()


def test_the_probe_has_a_stage_for_each_platform_and_reads_its_answers() -> None:
    platforms = parse_platforms("linux/amd64,linux/arm/v7,linux/386")
    text = probe_dockerfile(platforms)
    assert "FROM --platform=linux/arm/v7 busybox AS on-arm-v7" in text
    assert "FROM --platform=linux/386 busybox AS on-386" in text
    answers = read_answers(
        [
            "viaduct-probe on-amd64 => x86_64",
            "#9 0.120 viaduct-probe on-arm-v7 => armv7l",
            "viaduct-probe on-386 => sh: exec format error",
        ],
        platforms,
    )
    assert [one.works for one in answers] == [True, True, False]
    assert read_answers([], platforms)[0].answer == "no answer"


def test_refusals_are_sentences_with_a_way_out() -> None:
    from core.emulation.system import _refused

    for number in (errno.EACCES, errno.EROFS, errno.ENODEV, errno.ENOENT, errno.EINVAL):
        error = _refused(OSError(number, "x"), "binfmt_misc cannot be mounted")
        assert str(error).startswith("binfmt_misc cannot be mounted: ")
        assert error.hint
