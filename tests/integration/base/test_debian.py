"""Real packages of real architectures."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from core.cli.base_images import ARCHITECTURES, make_base
from core.oci.platform import host_platform

pytestmark = pytest.mark.integration


def test_every_platform_gets_a_root_tree_of_its_own(cache: Path) -> None:
    said: list[str] = []
    context = make_base(cache, on_progress=said.append)
    assert {str(p) for p in context.platforms} == set(ARCHITECTURES), said
    for path in context.folder.glob("rootfs-*.tar"):
        with tarfile.open(path) as tar:
            assert tar.getmember("bin/sh").linkname == "busybox"
            assert len(tar.getmembers()) > 200


def test_the_native_one_runs(cache: Path, tmp_path: Path) -> None:
    platform = host_platform()
    if str(platform) not in ARCHITECTURES:
        pytest.skip(f"no base image for {platform}")
    context = make_base(cache, platforms=[platform])
    name = f"rootfs-linux-{platform.architecture}{platform.variant}.tar"
    with tarfile.open(context.folder / name) as tar:
        program = tar.extractfile("bin/busybox")
        assert program is not None
        busybox = tmp_path / "busybox"
        busybox.write_bytes(program.read())
        busybox.chmod(0o755)
        links = {m.name.removeprefix("bin/") for m in tar if m.name.startswith("bin/")}
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    assert set(listed.stdout.split()) - {"busybox"} == links - {"busybox"}


def test_an_unprivileged_user_can_do_it_too(tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("the other tests are unprivileged already, or there is no unshare")
    script = (
        "import sys; from pathlib import Path\n"
        "from core.cli.base_images import make_base\n"
        "from core.oci.platform import parse_platform\n"
        "make_base(Path(sys.argv[1]), platforms=[parse_platform('linux/s390x')])\n"
    )
    # In a user namespace of its own the program is nobody, and still finds its interpreter.
    subprocess.run(
        ["unshare", "--user", sys.executable, "-c", script, str(tmp_path)],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        cwd=Path(__file__).parents[3],
        check=True,
    )
    assert (tmp_path / "context/rootfs-linux-s390x.tar").exists()
