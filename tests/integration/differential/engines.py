"""Both builders, and what each makes of a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.integration.differential.case import Case
from tests.integration.differential.trees import Image, read_image
from tests.integration.dockerd import Docker
from tests.integration.people import Person


@dataclass(frozen=True, slots=True)
class Outcome:
    """``image`` is None when the build failed; ``said`` is all that was printed."""

    image: Image | None
    said: str


def build_docker(docker: Docker, case: Case, folder: Path, archive: Path) -> Outcome:
    tag = f"case/{case.name}"
    words = ["buildx", "build", "--progress=plain", "--network=none", "-t", tag]
    built = docker.run(*words, *_options(case), str(folder))
    if built.returncode:
        return Outcome(None, built.stdout + built.stderr)
    saved = docker.run("save", "-o", str(archive), tag)
    assert saved.returncode == 0, saved.stderr
    return Outcome(read_image(archive), built.stderr)


def build_ours(
    person: Person, case: Case, folder: Path, archive: Path, env: Mapping[str, str] | None = None
) -> Outcome:
    built = person.viaduct(
        "build",
        "--progress=plain",
        "--network=none",
        "-o",
        f"type=docker,dest={archive}",
        *_options(case),
        str(folder),
        timeout=120,
        env=env,
    )
    if built.returncode:
        return Outcome(None, built.stdout + built.stderr)
    return Outcome(read_image(archive), built.stderr)


def _options(case: Case) -> list[str]:
    words = [f"--build-arg={name}={value}" for name, value in case.args.items()]
    return [*words, f"--target={case.target}"] if case.target else words
