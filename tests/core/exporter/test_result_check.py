"""Programs of another platform in an image."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from core.exporter.result_check import program_for_other_platform
from core.oci.platform import parse_platform

Bench = Any
_ARM64 = parse_platform("linux/arm64")


def _program(machine: int, bits: int = 2) -> bytes:
    header = bytearray(64)
    header[:6] = b"\x7fELF" + bytes((bits, 1))
    struct.pack_into("<H", header, 18, machine)
    return bytes(header)


_AMD64, _I386, _AARCH64 = _program(62), _program(3, 1), _program(183)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "bin").symlink_to("/usr/bin")
    (tmp_path / "usr/bin/app").write_bytes(_AMD64)
    (tmp_path / "usr/bin/script").write_bytes(b"#! /bin/app -x\n")
    (tmp_path / "usr/bin/plain").write_bytes(b"echo")
    (tmp_path / "usr/bin/out").symlink_to("../../../../../../../../bin/sh")
    return tmp_path


@pytest.mark.parametrize(
    "runtime",
    [
        {"Cmd": ["app", "-x"], "Env": ["PATH=/nowhere:/bin"]},
        {"Cmd": ["app"]},
        {"Entrypoint": ["/bin/app"], "Cmd": ["plain"]},
        {"Entrypoint": ["./app"], "WorkingDir": "/usr/bin"},
        {"Entrypoint": ["script"]},
    ],
)
def test_a_program_of_another_platform_is_found(root: Path, runtime: dict[str, object]) -> None:
    said = program_for_other_platform(root, _ARM64, {"config": runtime})
    assert said is not None
    assert "app in the image for linux/arm64 is a program for linux/amd64" in said


@pytest.mark.parametrize(
    "runtime",
    [{}, {"Cmd": []}, {"Cmd": ["plain"]}, {"Cmd": ["absent"]}, {"Cmd": ["out"]}, {"Cmd": ["/bin"]}],
)
def test_what_cannot_be_told_is_not_warned_about(root: Path, runtime: dict[str, object]) -> None:
    assert program_for_other_platform(root, _ARM64, {"config": runtime}) is None


@pytest.mark.parametrize(
    ("platform", "program"),
    [
        ("linux/amd64", _AMD64),
        ("linux/amd64", _I386),
        ("linux/arm64", _AARCH64),
        ("linux/arm/v6", _program(40, 1)),
        ("windows/amd64", _AARCH64),
    ],
)
def test_a_program_that_runs_there_is_fine(tmp_path: Path, platform: str, program: bytes) -> None:
    (tmp_path / "app").write_bytes(program)
    config = {"config": {"Cmd": ["/app"]}}
    assert program_for_other_platform(tmp_path, parse_platform(platform), config) is None


async def test_an_export_warns_for_the_platform_concerned(bench: Bench) -> None:
    source = bench.source(
        "linux/amd64", "linux/arm64", files={"bin/app": _AMD64},
        config={"config": {"Cmd": ["/bin/app"]}},
    )  # fmt: skip
    await bench.export("image", source, name="app")
    assert bench.notes.warnings == [
        "/bin/app in the image for linux/arm64 is a program for linux/amd64"
    ]
