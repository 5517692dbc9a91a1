"""The same Dockerfiles, built by us and by Docker's BuildKit, give the same images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.differential.case import Case
from tests.integration.differential.conftest import CASES, Builds
from tests.integration.differential.contexts import LONG_AGO
from tests.integration.differential.trees import Image

pytestmark = pytest.mark.integration

# Docker 20.10 leaves the places that its RUN mounts over in the layer (moby/buildkit#3149).
STUBS = ("etc/hosts", "etc/hostname", "etc/resolv.conf", "proc", "sys", "dev", "dev/pts", "dev/shm")


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_both_builders_agree(
    case: Case,
    builds: Builds,
    base: tuple[Path, Image],
    beyond_base: Callable[[Image], dict[str, str]],
) -> None:
    ours = builds.ours(case)
    if case.fails:
        assert ours.image is None, "this must not build"
        assert case.fails in ours.said
        assert "Traceback" not in ours.said
        assert not case.oracle or builds.oracle(case).image is None
        return
    assert ours.image is not None, ours.said
    written = [entry for entry in ours.image.history if not entry.get("empty_layer")]
    assert len(written) == ours.image.layers
    if case.expected is not None:
        assert beyond_base(ours.image) == case.expected
        return
    oracle = builds.oracle(case)
    assert oracle.image is not None, f"Docker does not build it:\n{oracle.said}"
    assert _without_stubs(ours.image, base[1]) == _without_stubs(oracle.image, base[1])
    assert ours.image.config == oracle.image.config
    left = {path for path in ours.image.tree if path in STUBS}
    assert left <= set(base[1].tree), "a place that RUN mounts over was left behind"


def _without_stubs(image: Image, base: Image) -> dict[str, str]:
    return {
        path: line
        for path, line in image.tree.items()
        if path not in STUBS or base.tree.get(path) == line
    }


def test_times_are_those_of_the_source(builds: Builds) -> None:
    case = next(case for case in CASES if case.name == "times-of-files-are-kept")
    image = builds.ours(case).image
    assert image is not None
    assert {path: time for path, time in image.mtimes.items() if time != LONG_AGO} == {}
