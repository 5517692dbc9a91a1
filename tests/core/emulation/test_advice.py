import pytest

from core.emulation.advice import StepRun, advise, runs_of, times_of
from core.emulation.calibration import SlowDown, StepTime, from_history
from core.errors import LineRange
from core.oci.platform import parse_platform
from core.progress.messages import Mode, Vertex

ARM64, AMD64 = parse_platform("linux/arm64"), parse_platform("linux/amd64")


def run(
    instruction: str, seconds: float, *, stage: str = "build", emulated: bool = True
) -> StepRun:
    return StepRun(
        stage=stage, instruction=instruction, platform=ARM64 if emulated else AMD64,
        emulated=emulated, seconds=seconds, ranges=(LineRange(3, 3),),
    )  # fmt: skip


def test_a_slow_emulated_compilation_is_worth_an_advice() -> None:
    (found,) = advise([run("RUN go build ./...", 80.0), run("RUN apt-get install -y git", 30.0)])
    assert found.stage == "build"
    assert found.step == "RUN go build ./..."
    assert found.ranges == (LineRange(3, 3),)
    assert found.seconds == 80.0
    assert 60 < found.saved < 80
    assert "linux/arm64" in found.message
    assert "$BUILDPLATFORM" in found.how[0]
    assert any("GOARCH" in line for line in found.how)


def test_measured_slow_downs_make_the_estimate() -> None:
    (found,) = advise([run("RUN make", 40.0)], {ARM64: SlowDown(factor=4.0)})
    assert found.saved == 30.0


def test_nothing_is_said_where_it_would_not_pay() -> None:
    assert advise([run("RUN go build", 1.0)]) == ()
    assert advise([run("RUN go build", 100.0, emulated=False)]) == ()
    assert advise([run("RUN apt-get update && apt-get install -y make gcc", 100.0)]) == ()
    assert advise([run("RUN pip install numpy", 100.0)]) == ()
    assert advise([run("RUN make", 100.0)], {ARM64: SlowDown(factor=1.1)}) == ()


def test_the_stage_that_saves_most_comes_first() -> None:
    found = advise([run("RUN make", 10, stage="a"), run("RUN cargo build", 90, stage="b")])
    assert [one.stage for one in found] == ["b", "a"]
    assert "Rust" in found[0].message


@pytest.mark.parametrize(
    ("instruction", "name"),
    [
        ("RUN --mount=type=cache,target=/c CGO_ENABLED=0 go build .", "Go"),
        ("RUN cd /src && /usr/local/go/bin/go build .", "Go"),
        ("RUN ./configure && make -j4", "C or C++"),
        ("RUN cd x; ./mvnw package", "Java"),
        ('RUN ["cargo", "build"]', ""),
        ("RUN <<EOF\nset -e\ncargo build --release\nEOF", "Rust"),
        ("RUN npm ci", "JavaScript"),
        ("RUN make-something", ""),
        ("COPY make /", ""),
    ],
)
def test_compilers_are_known_by_the_command_that_starts_them(instruction: str, name: str) -> None:
    found = advise([run(instruction, 100.0)])
    assert [f"compile {name} natively" in one.message for one in found] == [True] * bool(name)


def vertex(platform: str, mode: Mode, seconds: int, **more: object) -> Vertex:
    return Vertex(
        digest=f"sha256:{platform}", stage="build", instruction="RUN make", platforms=(platform,),
        mode=mode, started=0, completed=seconds * 10**9, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_steps_that_ran_are_taken_from_vertices() -> None:
    vertices = [
        vertex("linux/arm64", Mode.EMULATED, 8),
        vertex("linux/amd64", Mode.NATIVE, 2),
        vertex("linux/386", Mode.NATIVE, 2, cached=True),
        vertex("linux/arm/v7", Mode.EMULATED, 2, error="exit code: 1"),
        vertex("linux/s390x", Mode.CROSS, 2),
    ]
    assert [(r.platform, r.emulated, r.seconds) for r in runs_of(vertices)] == [
        (ARM64, True, 8.0),
        (AMD64, False, 2.0),
    ]
    assert {t.step for t in times_of(vertices)} == {"build\0RUN make"}


def test_the_slow_down_is_the_median_over_steps_that_ran_both_ways() -> None:
    times = []
    for number, factor in enumerate((4, 6, 20)):
        times.append(StepTime(step=f"s{number}", platform="linux/amd64", emulated=False, seconds=1))
        times.append(
            StepTime(step=f"s{number}", platform="linux/arm64", emulated=True, seconds=factor)
        )
    found = from_history(times)
    assert found[ARM64].factor == 6
    assert found[ARM64].steps == 3
    assert from_history(times[:4]) == {}


def test_steps_too_short_to_tell_are_left_out() -> None:
    times = []
    for number in range(5):
        times.append(
            StepTime(step=str(number), platform="linux/amd64", emulated=False, seconds=0.01)
        )
        times.append(StepTime(step=str(number), platform="linux/arm64", emulated=True, seconds=1))
    assert from_history(times) == {}
