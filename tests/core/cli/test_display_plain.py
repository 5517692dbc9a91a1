"""Plain progress, line by line."""

from __future__ import annotations

import io

from core.cli.display_plain import PlainDisplay
from core.cli.failures import exit_code, source_excerpt
from core.errors import (
    BuilderError,
    CancelledBuildError,
    DockerfileError,
    Error,
    LineRange,
    OptionError,
)
from core.progress.messages import SolveStatus, Vertex, VertexLog, VertexStatus, VertexWarning
from core.progress.state import BuildState

A, B = "sha256:a", "sha256:b"
S = 10**9


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _display() -> tuple[PlainDisplay, io.StringIO, _Clock]:
    out, clock = io.StringIO(), _Clock()
    return PlainDisplay(BuildState(), out, clock), out, clock


def _vertex(digest: str, name: str, **values: object) -> SolveStatus:
    return SolveStatus(vertexes=(Vertex(digest=digest, name=name, **values),))  # type: ignore[arg-type]


def _log(digest: str, text: bytes, seconds: float) -> SolveStatus:
    return SolveStatus(logs=(VertexLog(vertex=digest, data=text, timestamp=int(seconds * S)),))


def test_a_step_is_named_its_output_numbered_its_end_told() -> None:
    display, out, _ = _display()
    display.show(_vertex(A, "[1/1] RUN make", started=S))
    display.show(_log(A, b"one\ntw", 1.5))
    display.show(_log(A, b"o\nthree", 2.25))
    display.show(_vertex(A, "[1/1] RUN make", started=S, completed=4 * S))
    display.close()
    assert out.getvalue() == (
        "#1 [1/1] RUN make\n#1 0.500 one\n#1 1.250 two\n#1 0.000 three\n#1 DONE 3.0s\n\n"
    )


def test_cached_cancelled_and_failed_steps_say_so() -> None:
    display, out, _ = _display()
    display.show(_vertex(A, "a", started=S, completed=S, cached=True))
    display.show(_vertex(B, "b", started=S, completed=S, error="context canceled"))
    display.show(_vertex("sha256:c", "c", started=S, completed=S, error="exit code: 1"))
    display.close()
    assert out.getvalue() == (
        "#1 a\n#1 CACHED\n\n#2 b\n#2 CANCELED\n\n#3 c\n#3 ERROR: exit code: 1\n\n"
    )


def test_output_of_two_steps_is_not_mixed_until_one_has_waited_long() -> None:
    display, out, clock = _display()
    display.show(_vertex(A, "a", started=S))
    display.show(_log(A, b"a1\n", 1))
    display.show(_vertex(B, "b", started=S))
    display.show(_log(B, b"b1\n", 1))
    display.show(_log(A, b"a2\n", 1))
    assert out.getvalue() == "#1 a\n#1 0.000 a1\n#1 0.000 a2\n"
    clock.now = 6.0
    display.tick()
    assert out.getvalue().endswith("#1 0.000 a2\n#1 ...\n\n#2 b\n#2 0.000 b1\n")


def test_transfers_are_told_at_their_start_and_end() -> None:
    display, out, _ = _display()
    display.show(_vertex(A, "a", started=S))
    for current in (0, 10, 11, 1000):
        display.show(
            SolveStatus(
                statuses=(
                    VertexStatus(
                        id="sha256:layer",
                        vertex=A,
                        current=current,
                        total=1000,
                        completed=S if current == 1000 else None,
                    ),
                )
            )
        )
    assert out.getvalue().splitlines() == [
        "#1 a",
        "#1 sha256:layer / 1.00kB",
        "#1 sha256:layer 1.00kB done",
    ]


def test_warnings_come_last() -> None:
    display, out, _ = _display()
    warning = VertexWarning(
        vertex=A, short="careful", source_name="Dockerfile", ranges=(LineRange(3, 3),)
    )
    nowhere = VertexWarning(vertex=A, short="on no line")
    display.show(SolveStatus(vertexes=(Vertex(digest=A, name="a"),), warnings=(warning, nowhere)))
    display.close()
    expected = "\n2 warnings found:\n - careful (Dockerfile:3)\n - on no line\n"
    assert out.getvalue().endswith(expected)


def test_the_lines_of_an_error_are_shown_among_their_neighbours() -> None:
    text = "FROM x\nENV a=b\nRUN what\nCMD y\nLABEL z=1\nUSER u\n"
    assert source_excerpt(text, "Dockerfile", [3]) == (
        "Dockerfile:3\n"
        "--------------------\n"
        "   1 |     FROM x\n"
        "   2 |     ENV a=b\n"
        "   3 | >>> RUN what\n"
        "   4 |     CMD y\n"
        "   5 |     LABEL z=1\n"
        "--------------------"
    )
    assert source_excerpt(text, "Dockerfile", []) == ""
    assert source_excerpt(text, "Dockerfile", [99]) == ""


def test_exit_codes_tell_whose_fault_it_was() -> None:
    errors: dict[Error, int] = {
        DockerfileError("x"): 1,
        OptionError("x"): 2,
        BuilderError("x"): 3,
        CancelledBuildError("x"): 130,
    }
    assert [exit_code(error) for error in errors] == list(errors.values())
