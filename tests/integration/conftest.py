"""People, and the engine's base images, for tests that run the real thing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.people import Person, myself, unprivileged


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="viaduct-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _with_base(person: Person) -> Iterator[Person]:
    made = person.viaduct("images", "make-base", timeout=900)
    assert made.returncode == 0, made.stdout + made.stderr
    yield person
    person.viaduct("daemon", "stop", timeout=60)


@pytest.fixture(scope="session")
def me(open_folder: Path) -> Iterator[Person]:
    """Whoever runs the tests, with base images in a store of the tests' own."""
    yield from _with_base(myself(open_folder / "me"))


@pytest.fixture(scope="session")
def nobody(open_folder: Path) -> Iterator[Person]:
    """A user without rights, with base images in a store of their own."""
    yield from _with_base(unprivileged(open_folder / "nobody", open_folder))


@pytest.fixture(scope="session", params=["me", "nobody"])
def person(request: pytest.FixtureRequest) -> Person:
    """Both, one after the other; one person where they are the same."""
    if request.param == "me" and os.geteuid() != 0:
        pytest.skip("not root: this is the same person as nobody")
    found: Person = request.getfixturevalue(request.param)
    return found
