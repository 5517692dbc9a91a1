"""BuildKit's own answers, scored in process: nothing but error wording may be below the bar."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

BAR = 99.5
PROJECT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("VIADUCT_CONFORMANCE") or PROJECT.parent / "shared" / "conformance")
SUITES = ("parse", "shell", "dockerignore", "platform", "refs", "lint", "frontend", "subrequests")


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def scorer() -> ModuleType:
    path = CORPUS / "score.py"
    if not path.exists():
        message = f"no conformance corpus in {CORPUS}; VIADUCT_CONFORMANCE names its folder"
        if os.environ.get("CI"):
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    return _load("conformance_scorer", path)


@pytest.fixture(scope="module")
def adapter() -> ModuleType:
    return _load("conformance_adapter", Path(__file__).with_name("adapter.py"))


# The scorer opens its files without closing them.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("suite", SUITES)
def test_every_metric_of_a_suite_is_at_the_bar(
    suite: str, scorer: ModuleType, adapter: ModuleType
) -> None:
    score = scorer.Score(3)
    scorer.SUITES[suite](adapter, score, str(CORPUS))
    assert score.m, f"the adapter answers nothing of {suite}"
    below = {
        f"{group} {metric}": (f"{right}/{total}", score.fails[(group, metric)])
        for (group, metric), (right, total) in score.m.items()
        if "error text" not in metric and 100 * right / total < BAR
    }
    assert not below
