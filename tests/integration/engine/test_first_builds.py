"""The command, as root and as nobody: platforms, cache, failures."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from tests.integration.people import Person

pytestmark = pytest.mark.integration

PLATFORMS = "linux/amd64,linux/arm64,linux/arm/v7,linux/ppc64le,linux/s390x"


@pytest.fixture
def context(person: Person, open_folder: Path) -> Path:
    folder = Path(tempfile.mkdtemp(dir=open_folder))
    (folder / "Dockerfile").write_text(
        "FROM busybox AS facts\nRUN uname -m > /machine\n"
        "FROM busybox\nCOPY --from=facts /machine /machine\nCOPY note /note\n"
        "RUN cat /machine /note\n"
    )
    (folder / "note").write_text("carried\n")
    person.own(folder)
    return folder


def test_emulated_steps_run_under_their_own_machine_names(person: Person, context: Path) -> None:
    built = person.viaduct(
        "build", "--platform", PLATFORMS, "-t", "test/machines", "--progress=plain", str(context)
    )
    assert built.returncode == 0, built.stderr
    for machine in ("x86_64", "aarch64", "armv7l", "ppc64le", "s390x"):
        assert machine in built.stderr + built.stdout


def test_a_second_build_runs_no_step(person: Person, context: Path) -> None:
    words = (
        "build",
        "--platform",
        PLATFORMS,
        "-t",
        "test/again",
        "--progress=rawjson",
        str(context),
    )
    assert person.viaduct(*words).returncode == 0
    second = person.viaduct(*words)
    assert second.returncode == 0, second.stderr
    vertices: dict[str, dict[str, object]] = {}
    for line in (second.stdout + second.stderr).splitlines():
        for vertex in json.loads(line).get("vertexes") or ():
            vertices[vertex["digest"]] = vertex
    steps = {str(v["name"]): v for v in vertices.values() if "] RUN" in str(v["name"])}
    assert len(steps) >= 10
    assert all(v.get("cached") for v in steps.values()), steps


def test_a_failing_step_names_its_line_and_status(person: Person, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM busybox\nRUN echo before; exit 7\n")
    failed = person.viaduct("build", str(context))
    assert failed.returncode == 1
    assert "exit code: 7" in failed.stderr
    assert "Dockerfile:2" in failed.stderr
    assert "Traceback" not in failed.stderr
    # The builder is none the worse for it.
    assert person.viaduct("daemon", "status").returncode == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FROM busybox\nRNU true\n", "unknown instruction"),
        ("FROM localhost:1/nothing/here\n", "localhost:1"),
        ("FROM busybox\nCOPY missing /x\n", "missing"),
    ],
)
def test_bad_input_is_a_sentence(person: Person, context: Path, text: str, words: str) -> None:
    (context / "Dockerfile").write_text(text)
    failed = person.viaduct("build", str(context))
    assert failed.returncode != 0
    assert words in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_missing_dockerfile_is_a_sentence(person: Person, context: Path) -> None:
    (context / "Dockerfile").unlink()
    failed = person.viaduct("build", str(context))
    assert failed.returncode != 0
    assert "Dockerfile" in failed.stderr
    assert "Traceback" not in failed.stderr
