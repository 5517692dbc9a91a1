"""The builder is killed at moments that nobody chose, and nothing finished is lost."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.integration.crash.builder import Builder, answered, finished, ran
from tests.integration.differential.trees import read_image
from tests.integration.people import Person

pytestmark = pytest.mark.integration

MOMENTS = int(os.environ.get("VIADUCT_TEST_CRASHES", "10"))
SEED = int(os.environ.get("VIADUCT_TEST_SEED", "20261123"))

DOCKERFILE = """\
FROM busybox AS base
WORKDIR /work
COPY steady/ steady/
RUN find steady -type f | sort | xargs cat | sha256sum > steady.sum

FROM base AS left
ARG ROUND
RUN echo round $ROUND left > left
RUN for i in $(seq 200); do echo "$i round $ROUND" > /tmp/$i; done; cat /tmp/* | sha256sum > l.sum

FROM base AS right
ARG ROUND
COPY changing/ changing/
RUN --mount=type=cache,target=/cache echo $ROUND >> /cache/rounds \\
    && sleep 0.1 && echo round $ROUND > right
RUN ln right hard && ln -s right soft && chown 5:6 right && rm -r steady

FROM busybox
COPY --from=left /work/left /work/l.sum /l/
COPY --from=right /work /r
ADD archive.tar /a/
RUN cat /l/left /r/right > /both
"""


@pytest.fixture
def context(open_folder: Path) -> Path:
    folder = Path(tempfile.mkdtemp(dir=open_folder))
    (folder / "Dockerfile").write_text(DOCKERFILE)
    for name in ("steady", "changing"):
        (folder / name).mkdir()
        for number in range(200):
            (folder / name / f"f{number}").write_text(f"{name} {number}\n" * 50)
    shutil.make_archive(str(folder / "archive"), "tar", folder / "steady")
    return folder


@pytest.fixture
def builder(me: Person) -> Iterator[Builder]:
    builder = Builder(me)
    yield builder
    builder.start()


def _sane(tree: Mapping[str, str], number: int) -> dict[str, str]:
    """A tree with its round's number taken out; the sums that hold it are checked by length."""
    return {
        path: "sum" if path == "l/l.sum" else line.replace(f"round {number} ", "round N ").replace(
            f"round {number}\\n", "round N\\n"
        )
        for path, line in tree.items()
    }  # fmt: skip


def test_a_killed_builder_loses_nothing_that_was_finished(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    choice = random.Random(SEED)
    archive = tmp_path / "image.tar"
    wanted: dict[str, str] = {}
    sums: dict[int, str] = {}

    def build(number: int, output: Path) -> list[str]:
        (context / "changing" / "round").write_text(f"round {number}\n")
        return [
            f"--build-arg=ROUND={number}",
            "-t",
            "test/crash",
            "-o",
            f"type=docker,dest={archive}",
            str(context),
        ]

    def whole(number: int) -> tuple[Path, float]:
        output = tmp_path / f"whole-{number}"
        begun = time.monotonic()
        process = builder.build(*build(number, output), output=output)
        assert process.wait(60) == 0, output.read_text()[-3000:]
        return output, time.monotonic() - begun

    builder.start()
    whole(0)
    _, seconds = whole(1_000_000)
    first = read_image(archive)
    wanted = _sane(first.tree, 1_000_000)
    rest = builder.all_gone(0)
    assert rest, "the builder itself is found where it is looked for"
    lost: list[str] = []
    kept = 0
    for number in range(1, MOMENTS + 1):
        killed = tmp_path / f"killed-{number}"
        process = builder.build(*build(number, killed), output=killed)
        # A client that has not been answered yet would start another builder.
        answered(killed)
        time.sleep(choice.uniform(0, seconds))
        builder.kill(shadow=choice.random() < 0.3)
        status = process.wait(30)
        assert b"Traceback" not in killed.read_bytes(), killed.read_text()[-3000:]
        assert builder.all_gone() == frozenset(), "processes or mounts are left"
        done = finished(killed)
        kept += len(done)
        output, _ = whole(number)
        again = {step.digest: step.name for step in ran(output)}
        lost += [f"moment {number}: {step.name}" for step in done if step.digest in again]
        image = read_image(archive)
        assert _sane(image.tree, number) == wanted, f"moment {number}, status {status}"
        sums[number] = image.tree["l/l.sum"]
        assert builder.temporary_files() == [], f"moment {number}"
    assert lost == []
    print(f"{MOMENTS} moments, {kept} finished steps kept")
    assert kept > MOMENTS, "the moments are no test: nothing had been finished"
    assert len(set(sums.values())) == MOMENTS, "a result of another round was used"
    _consistent(builder)


def _consistent(builder: Builder) -> None:
    """At rest every layer is known, and an emptied cache leaves nothing on disk."""
    pruned = builder.person.viaduct("prune", "--all", "--force", timeout=60)
    assert pruned.returncode == 0, pruned.stderr
    assert builder.temporary_files() == []
    left = sorted(path.name for path in (builder.root / "snapshots" / "layers").iterdir())
    assert left == []
    stopped = builder.person.viaduct("daemon", "stop", timeout=60)
    assert stopped.returncode == 0, stopped.stderr
    assert builder.all_gone() == frozenset()
