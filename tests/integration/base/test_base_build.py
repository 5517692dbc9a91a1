"""Base images through the builder itself: made, built on, pushed, and read by others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.cli.base_images import ARCHITECTURES, BaseContext, build_base, make_base
from core.client import BuildRequest, ExportRequest, connect
from core.oci import elf
from core.oci.platform import parse_platform

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def context(cache: Path) -> BaseContext:
    return make_base(cache)


@pytest.fixture
def own_builder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A builder of this test's own, ended with it."""
    # Unix sockets have short names.
    with tempfile.TemporaryDirectory(prefix="vd") as folder:
        for name in ("RUNTIME_DIR", "DATA_HOME", "STATE_HOME", "CACHE_HOME", "CONFIG_HOME"):
            place = Path(folder) / name.lower()
            place.mkdir(mode=0o700)
            monkeypatch.setenv(f"XDG_{name}", str(place))
        try:
            yield Path(folder)
        finally:
            subprocess.run(
                [sys.executable, "-m", "core.cli.main", "daemon", "stop"],
                capture_output=True,
                check=False,
                env=dict(os.environ),
            )


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


async def test_a_base_image_has_every_platform_and_can_be_built_on(
    own_builder: Path, context: BaseContext, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM busybox\nCOPY Dockerfile /d/\n")
    archive = tmp_path / "out.tar"
    async with await connect() as builder:
        digest = await build_base(builder, context)
        assert digest == await build_base(builder, context), "the same every time"
        platforms = ",".join(str(platform) for platform in context.platforms)
        build = builder.start(
            BuildRequest(
                attrs={"platform": platforms},
                local_dirs={"context": str(tmp_path), "dockerfile": str(tmp_path)},
                exports=(ExportRequest(type="oci", destination=str(archive)),),
            )
        )
        await build.result()
    if shutil.which("skopeo"):
        raw = _output("skopeo", "inspect", "--raw", f"oci-archive:{archive}")
        assert len(json.loads(raw)["manifests"]) == len(context.platforms)


async def test_each_platform_has_programs_of_its_own(
    own_builder: Path, context: BaseContext, tmp_path: Path
) -> None:
    out = tmp_path / "files"
    async with await connect() as builder:
        build = builder.start(
            BuildRequest(
                attrs={"platform": ",".join(ARCHITECTURES)},
                local_dirs={"context": str(context.folder), "dockerfile": str(context.folder)},
                exports=(ExportRequest(type="local", destination=str(out)),),
            )
        )
        await build.result()
    for text in ARCHITECTURES:
        folder = out / text.replace("/", "_")
        program = (folder / "bin/busybox").read_bytes()
        assert elf.platform_of(program) == parse_platform(text)
        assert os.readlink(folder / "bin/sh") == "busybox"
        assert (folder / "tmp").stat().st_mode & 0o7777 == 0o1777
        system, architecture = text.split("/", 1)
        name = f"rootfs-{system}-{architecture.replace('/', '')}.tar"
        with tarfile.open(context.folder / name) as tar:
            names = {member.name for member in tar}
        there = {
            str(Path(root, name).relative_to(folder))
            for root, folders, files in os.walk(folder)
            for name in (*folders, *files)
        }
        assert there == names
