"""One Docker daemon and one builder of ours for all cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.differential.case import Case
from tests.integration.differential.cases_add import CASES as ADD
from tests.integration.differential.cases_config import CASES as CONFIG
from tests.integration.differential.cases_copy import CASES as COPY
from tests.integration.differential.cases_newer import CASES as NEWER
from tests.integration.differential.cases_run import CASES as RUN
from tests.integration.differential.contexts import make
from tests.integration.differential.engines import Outcome, build_docker, build_ours
from tests.integration.differential.trees import Image, read_image
from tests.integration.dockerd import Docker, UnavailableError, docker_daemon
from tests.integration.people import Person

CASES = (*COPY, *ADD, *RUN, *CONFIG, *NEWER)


@pytest.fixture(scope="session")
def base(me: Person, open_folder: Path) -> tuple[Path, Image]:
    """busybox as an archive, and its tree."""
    folder = open_folder / "base"
    make(folder, {"Dockerfile": "FROM busybox\n"})
    archive = open_folder / "base.tar"
    built = me.viaduct("build", "-t", "busybox", "-o", f"type=docker,dest={archive}", str(folder))
    assert built.returncode == 0, built.stderr
    return archive, read_image(archive)


@pytest.fixture(scope="session")
def docker(base: tuple[Path, Image]) -> Iterator[Docker]:
    """A daemon of these tests' own with busybox in it."""
    with ExitStack() as stack:
        try:
            daemon = stack.enter_context(docker_daemon())
        except UnavailableError as error:
            pytest.skip(str(error))
        loaded = daemon.run("load", "-i", str(base[0]))
        assert loaded.returncode == 0, loaded.stderr
        yield daemon


class Builds:
    """Every case's builds, started together, so that both builders are always busy."""

    def __init__(self, ours: dict[str, Future[Outcome]], oracle: dict[str, Future[Outcome]]):
        self._ours = ours
        self._oracle = oracle

    def ours(self, case: Case) -> Outcome:
        return self._ours[case.name].result()

    def oracle(self, case: Case) -> Outcome:
        return self._oracle[case.name].result()


@pytest.fixture(scope="session")
def builds(me: Person, docker: Docker, open_folder: Path, request: pytest.FixtureRequest) -> Builds:
    asked = {
        item.callspec.params["case"].name
        for item in request.session.items
        if "case" in getattr(getattr(item, "callspec", None), "params", {})
    }
    top = open_folder / "cases"
    top.mkdir()
    with ThreadPoolExecutor(2) as ours_pool, ThreadPoolExecutor(2) as oracle_pool:
        ours, oracle = {}, {}
        for case in CASES:
            if case.name not in asked:
                continue
            folder = top / case.name
            make(folder, {**case.context, "Dockerfile": case.dockerfile})
            ours[case.name] = ours_pool.submit(
                build_ours, me, case, folder, top / f"{case.name}.ours.tar"
            )
            if case.oracle and case.expected is None:
                oracle[case.name] = oracle_pool.submit(
                    build_docker, docker, case, folder, top / f"{case.name}.theirs.tar"
                )
    # All of them have ended: nothing runs beside the tests.
    return Builds(ours, oracle)


@pytest.fixture
def beyond_base(base: tuple[Path, Image]) -> Callable[[Image], dict[str, str]]:
    """What of a tree is not exactly so in busybox."""
    plain = base[1].tree

    def pick(image: Image) -> dict[str, str]:
        return {path: line for path, line in image.tree.items() if plain.get(path) != line}

    return pick
