from __future__ import annotations

import pytest

from core.progress.messages import Mode
from core.progress.names import StepName, parse_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "[linux/arm64 build 2/4] RUN make",
            StepName(
                text="RUN make",
                platform="linux/arm64",
                runs_on="linux/arm64",
                stage="build",
                number=2,
                total=4,
            ),
        ),
        (
            "[linux/amd64->arm/v7 stage-1 10/12] COPY . .",
            StepName(
                text="COPY . .",
                platform="linux/arm/v7",
                runs_on="linux/amd64",
                stage="stage-1",
                number=10,
                total=12,
            ),
        ),
        (
            "[linux/amd64->windows/amd64 1/2] FROM x",
            StepName(
                text="FROM x",
                platform="windows/amd64",
                runs_on="linux/amd64",
                number=1,
                total=2,
            ),
        ),
        ("[build 2/4] RUN a", StepName(text="RUN a", stage="build", number=2, total=4)),
        ("[build  2/14] RUN a", StepName(text="RUN a", stage="build", number=2, total=14)),
        ("[2/14] RUN a", StepName(text="RUN a", number=2, total=14)),
        (
            "[internal] load build context",
            StepName(text="[internal] load build context", internal=True),
        ),
        ("exporting to image", StepName(text="exporting to image", internal=True)),
        ("something else", StepName(text="something else")),
    ],
)
def test_a_name_is_read(name: str, expected: StepName) -> None:
    assert parse_name(name) == expected


def test_only_a_run_has_a_mode() -> None:
    native = {"linux/amd64"}
    assert parse_name("[linux/arm64 2/4] COPY a b").mode(native) is Mode.NONE
    assert parse_name("[linux/arm64 2/4] RUN a").mode(native) is Mode.EMULATED
    assert parse_name("[linux/amd64 2/4] RUN a").mode(native) is Mode.NATIVE
    assert parse_name("[linux/amd64->arm64 2/4] RUN a").mode(native) is Mode.CROSS
