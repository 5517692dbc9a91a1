from __future__ import annotations

import json
from collections.abc import AsyncIterator
from types import SimpleNamespace

from core.daemon.plan_document import plan_document
from core.frontend.options import FrontendOptions
from core.frontend.plan import plan
from core.progress.codec import timestamp
from core.wire.pb import control_pb2
from desktop.builds import BuildStatus
from desktop.models.history import BuildSummary
from desktop.models.history_bounds import beyond, tidy
from desktop.models.history_plan import plan_from_json

DAY = 24 * 3600 * 10**9
TEXT = """FROM --platform=$BUILDPLATFORM busybox AS build
ARG TARGETARCH
RUN echo $TARGETARCH > /a
FROM busybox
COPY --from=build /a /a
RUN cat /a
"""


def test_a_kept_plan_is_read_as_it_was_made() -> None:
    options = FrontendOptions.from_attrs({"platform": "linux/amd64,linux/arm64"})
    made = plan(TEXT, options)
    assert made.steps
    assert plan_from_json(json.dumps(plan_document(made)).encode()) == made


def test_a_plan_with_errors_keeps_their_sentences() -> None:
    made = plan("FROM busybox\nCOPY --from=nope:: /a /b\nRUN\n", FrontendOptions.from_attrs({}))
    read = plan_from_json(json.dumps(plan_document(made)).encode())
    assert read is not None
    assert [e.message for e in read.errors] == [str(e) for e in made.errors]
    assert [s.id for s in read.steps] == [s.id for s in made.steps]


def test_no_plan_and_a_damaged_one_are_none() -> None:
    assert plan_from_json(b"") is None
    assert plan_from_json(b"{") is None
    assert plan_from_json(b"[]") is None
    assert plan_from_json(b'{"platforms": [], "stages": [{}]}') is None


def build(
    ref: str, age: float, status: BuildStatus = BuildStatus.DONE, *, pinned: bool = False
) -> BuildSummary:
    created = 1000 * DAY - int(age * DAY)
    return BuildSummary(ref=ref, title=ref, status=status, created=created, pinned=pinned)


def test_the_newest_builds_stay_and_pinned_and_running_ones_do_not_count() -> None:
    builds = (
        build("old", 100),
        build("pinned", 200, pinned=True),
        build("running", 300, BuildStatus.RUNNING),
        build("c", 3),
        build("b", 2, BuildStatus.FAILED),
        build("a", 1),
    )
    now = 1000 * DAY
    assert [b.ref for b in beyond(builds, keep=9, days=90, now=now)] == ["old"]
    assert [b.ref for b in beyond(builds, keep=2, days=90, now=now)] == ["c", "old"]
    assert beyond(builds, keep=9, days=365, now=now) == ()


class Builder:
    """A builder with three builds of long ago."""

    def __init__(self, *, embedded: bool) -> None:
        self.embedded = embedded
        self.deleted: list[str] = []

    async def history(self) -> AsyncIterator[SimpleNamespace]:
        for n in range(3):
            record = control_pb2.BuildHistoryRecord(
                Ref=f"b{n}", state="done", CreatedAt=timestamp(n), CompletedAt=timestamp(n + 1)
            )
            yield SimpleNamespace(record=record)

    async def call(self, _method: object, request: control_pb2.UpdateBuildHistoryRequest) -> None:
        assert request.Delete
        self.deleted.append(request.Ref)


async def test_the_embedded_builder_forgets_and_others_are_left_alone() -> None:
    own, foreign = Builder(embedded=True), Builder(embedded=False)
    assert await tidy(own, keep=200, days=90) == 3  # type: ignore[arg-type]
    assert sorted(own.deleted) == ["b0", "b1", "b2"]
    assert await tidy(foreign, keep=200, days=90) == 0  # type: ignore[arg-type]
    assert foreign.deleted == []
