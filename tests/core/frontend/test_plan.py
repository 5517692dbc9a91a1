"""The plan that the window draws while one types."""

import pytest

from core.frontend.inputs import ImageRequest, ResolvedImage
from core.frontend.options import FrontendOptions
from core.frontend.plan import Machine, Plan, plan
from core.oci.platform import parse_platform
from core.progress.messages import Mode

AMD64 = parse_platform("linux/amd64")
ARM64 = parse_platform("linux/arm64")
MACHINE = Machine(native=(AMD64,), emulated={ARM64: "qemu-aarch64"})
CROSS = """FROM --platform=$BUILDPLATFORM golang AS build
COPY go.mod .
RUN go mod download
ARG TARGETARCH
RUN GOARCH=$TARGETARCH go build
FROM alpine AS spare
RUN never
FROM alpine
RUN apk add x
COPY --from=build /a /b
"""


def make(text: str, platforms: str = "linux/amd64,linux/arm64,linux/s390x", **attrs: str) -> Plan:
    options = FrontendOptions.from_attrs({"platform": platforms, **attrs}, build_platforms=[AMD64])
    return plan(text, options, machine=MACHINE)


def cells(made: Plan, name: str) -> dict[str, tuple[bool, Mode, bool]]:
    step = next(s for s in made.steps if s.name.startswith(name))
    return {p: (c.needed, c.mode, c.possible) for p, c in step.cells.items()}


def test_every_step_knows_how_it_runs_for_every_platform() -> None:
    made = make(CROSS)
    assert cells(made, "RUN go mod") == {
        "linux/amd64": (True, Mode.NATIVE, True),
        "linux/arm64": (True, Mode.CROSS, True),
        "linux/s390x": (True, Mode.CROSS, True),
    }
    assert cells(made, "RUN apk") == {
        "linux/amd64": (True, Mode.NATIVE, True),
        "linux/arm64": (True, Mode.EMULATED, True),
        "linux/s390x": (True, Mode.EMULATED, False),
    }
    assert cells(made, "COPY --from=build")["linux/arm64"] == (True, Mode.NONE, True)
    assert not any(needed for needed, _, _ in cells(made, "RUN never").values())


def test_a_platform_that_nothing_here_runs_is_warned_of_at_its_stage() -> None:
    (warning,) = make(CROSS).warnings
    assert warning.platforms == ("linux/s390x",)
    assert warning.range is not None
    assert warning.range.start == 8


def test_work_is_shared_until_something_differs() -> None:
    made = make(CROSS)
    shared = {s.name: len(s.cells["linux/amd64"].shared_with) for s in made.steps}
    assert shared["RUN go mod download"] == 2
    assert shared["RUN GOARCH=$TARGETARCH go build"] == 0
    assert shared["[internal] load build context"] == 2


def test_steps_stand_on_their_lines_and_know_their_inputs() -> None:
    made = make(CROSS)
    last = made.steps[-1]
    assert last.range is not None
    assert last.range.start == 10
    names = {s.id: s.name for s in made.steps}
    assert [names[i] for i in last.inputs] == ["RUN apk add x", "RUN GOARCH=$TARGETARCH go build"]


def test_a_base_that_depends_on_the_platform_is_needed_only_there() -> None:
    text = (
        "FROM alpine AS b-amd64\nRUN a\nFROM alpine AS b-arm64\nRUN b\nFROM b-$TARGETARCH\nRUN c\n"
    )
    made = make(text, "linux/amd64,linux/arm64")
    assert [c.needed for c in next(s for s in made.steps if s.name == "RUN a").cells.values()] == [
        True,
        False,
    ]
    last = made.steps[-1]
    assert last.cells["linux/arm64"].inputs == ("1.1",)
    assert set(last.inputs) == {"0.1", "1.1"}


def test_arguments_given_to_the_build_count() -> None:
    text = "ARG BASE=alpine\nFROM $BASE\nARG TARGETARCH\nCOPY $TARGETARCH /\n"
    made = make(text, **{"build-arg:BASE": "debian", "build-arg:TARGETARCH": "x"})
    assert made.stages[0].base == "debian"


def test_triggers_of_stages_and_known_images_are_steps() -> None:
    text = "FROM alpine AS a\nONBUILD RUN early\nFROM a\nRUN late\n"
    assert [s.name for s in make(text).steps][1:] == ["RUN early", "RUN late"]
    request = ImageRequest(reference="docker.io/library/p:latest", platform=AMD64)
    image = ResolvedImage(reference="p", config=b'{"config": {"OnBuild": ["RUN trigger"]}}')
    options = FrontendOptions.from_attrs({}, build_platforms=[AMD64])
    made = plan("FROM p\n", options, images={request: image}, machine=MACHINE)
    assert [s.name for s in made.steps] == ["FROM p", "RUN trigger"]
    assert made.steps[1].range is not None
    assert made.steps[1].range.start == 1


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", 0),
        ("RUN x\n", 0),
        ("FROM a\nRUN <<EOF\nnever ends\n", 0),
        ("FROM a\nWHAT\nRUN x\n", 2),
        ("FROM --platform=nope a\nRUN x\n", 2),
        ("FROM a AS a\nCOPY --from=a / /\n", 2),
        ("FROM a\nCOPY --from=7 / /\n", 2),
        ("FROM a\nRUN --mount=from=$x,target=/y z\n", 1),
        ("FROM ${x:?no}\nRUN x\n", 2),
    ],
)
def test_what_is_wrong_with_a_file_is_part_of_its_plan(text: str, steps: int) -> None:
    made = make(text)
    assert made.errors
    assert len(made.steps) == steps


def test_a_target_that_is_not_there_is_an_error_and_nothing_is_needed() -> None:
    made = make("FROM a AS x\nRUN y\n", target="z")
    assert "no stage called 'z'" in str(made.errors[0])
    assert not made.stages[0].needed
