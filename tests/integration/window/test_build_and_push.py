"""The whole path in a real window: edit, build, watch, push, and what came of it."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
import subprocess
import tarfile
import urllib.request
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from desktop.theme.tokens import DARK, LIGHT

pytestmark = pytest.mark.integration

# e_machine of the ELF header (ELF gABI), and what uname -m says there.
MACHINES = {
    "linux/amd64": (62, "x86_64"),
    "linux/arm64": (183, "aarch64"),
    "linux/arm/v7": (40, "armv7l"),
    "linux/386": (3, "x86_64"),
}
SETTLE = 90


def rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def fetch(registry: str, path: str) -> bytes:
    accept = (
        "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, */*"
    )
    request = urllib.request.Request(f"http://{registry}/v2/{path}", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        data: bytes = answer.read()
    return data


def files_of(registry: str, name: str, digest: str) -> dict[str, bytes]:
    """Path to content of an image's files, upper layers over lower; digests are checked."""
    manifest = json.loads(fetch(registry, f"{name}/manifests/{digest}"))
    found: dict[str, bytes] = {}
    for layer in manifest["layers"]:
        blob = fetch(registry, f"{name}/blobs/{layer['digest']}")
        assert "sha256:" + hashlib.sha256(blob).hexdigest() == layer["digest"]
        with tarfile.open(fileobj=BytesIO(gzip.decompress(blob))) as archive:
            for member in archive:
                source = archive.extractfile(member) if member.isreg() else None
                if source is not None:
                    found[member.name.removeprefix("./").lstrip("/")] = source.read()
    return found


def test_the_sample_is_built_and_pushed_with_two_clicks(
    start: Callable[..., Any],
    owner: Any,
    registry: str,
    wait_until: Callable[..., Any],
) -> None:
    app = start()
    app.wait_for_title("Dockerfile.*sample")
    left, right, middle = app.build_button(rgb(LIGHT.accent))

    app.click((left + right) // 2, middle)
    wait_until(
        lambda: "docker.io/library/viaduct-sample:latest" in owner.ask("images"),
        SETTLE,
        "the build",
    )
    steps = owner.ask("last_build")
    assert any(step["state"] == "done" and "describe" in step["name"] for step in steps)
    app.picture("built-light")

    tag = f"{registry}/viaduct/sample:1"
    app.key("alt+a")
    app.key("ctrl+a")
    app.type(tag)
    app.click(right + 60, middle)

    def index() -> dict[str, Any] | None:
        done = subprocess.run(
            ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{tag}"],
            capture_output=True, check=False,
        )  # fmt: skip
        return json.loads(done.stdout) if done.returncode == 0 else None

    served = wait_until(index, SETTLE, "the push")
    manifests = {
        "/".join(filter(None, (p["os"], p["architecture"], p.get("variant")))): m["digest"]
        for m in served["manifests"]
        for p in [m["platform"]]
    }
    assert list(manifests) == list(MACHINES)
    for platform, digest in manifests.items():
        files = files_of(registry, "viaduct/sample", digest)
        number, machine = MACHINES[platform]
        assert struct.unpack_from("<H", files["bin/busybox"], 18)[0] == number
        assert files["www/platform.txt"].decode() == (
            f"platform asked for: {platform}\nmachine seen here:  {machine}\n"
        )
        assert b"Viaduct sample 1.0" in files["www/index.html"]

    # Nothing had to run for the push: every step was known from the build before it.
    again = owner.ask("last_build")
    assert [s["name"] for s in again if s["kind"] == "run" and s["state"] != "cached"] == []
    assert [s for s in again if s["kind"] == "run"]
    assert app.picture("pushed-light").colours() > 20

    app.key("ctrl+shift+p")
    app.type("dark colours")
    app.key("Return")
    wait_until(
        lambda: app.picture("pushed-dark").run_of(rgb(DARK.accent), 60), 10, "the dark theme"
    )
    assert app.child.poll() is None


def test_a_failing_step_and_an_unknown_base_leave_the_window_usable(
    start: Callable[..., Any], owner: Any, wait_until: Callable[..., Any]
) -> None:
    project = owner.folder("project", "FROM busybox\nRUN echo before; exit 3\n")
    dockerfile = project / "Dockerfile"
    app = start(str(project))
    app.wait_for_title("Dockerfile.*project")
    app.key("ctrl+b")

    def failed() -> str:
        return next((s["error"] for s in owner.ask("last_build") if s["state"] == "failed"), "")

    assert "3" in wait_until(failed, SETTLE, "the failure")
    app.picture("failed")
    assert app.child.poll() is None

    app.key("ctrl+1", "ctrl+a")
    app.type("FROM busybox")
    app.key("Return")
    app.type("RUN true")
    app.key("ctrl+s")
    wait_until(lambda: "RUN true" in dockerfile.read_text(), 10, "the save")
    app.key("ctrl+b")
    wait_until(lambda: not failed(), SETTLE, "the second build")
    assert app.child.poll() is None


def test_escape_twice_cancels(
    start: Callable[..., Any], owner: Any, wait_until: Callable[..., Any]
) -> None:
    project = owner.folder("slow", "FROM busybox\nRUN echo started; sleep 4321\n")
    app = start(str(project))
    app.wait_for_title("Dockerfile.*slow")
    app.key("ctrl+b")

    def sleeping() -> bool:
        listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
        return "sleep 4321" in listing.stdout

    wait_until(sleeping, SETTLE, "the step")
    app.key("Escape")
    app.key("Escape")
    wait_until(lambda: owner.ask("running") == 0, SETTLE, "the cancellation")
    wait_until(lambda: not sleeping(), 20, "the end of the step's program")
    assert app.child.poll() is None
