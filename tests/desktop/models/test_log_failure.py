from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import AuthenticationError, ExecError, LineRange
from core.progress.messages import Mode, SolveStatus, Vertex, VertexLog
from core.progress.state import BuildState
from desktop.models.graph import BuildGraph
from desktop.models.log_failure import Cause, Remedy, failure

DOCKERFILE = (Path(__file__).parent.parent / "recordings" / "Dockerfile.fail").read_text()


def failed(error: str, output: bytes = b"", **more: object) -> BuildState:
    state = BuildState(platforms=("linux/arm64",))
    values: dict[str, object] = {
        "digest": "d", "name": "[linux/arm64 build 2/4] RUN ./install.sh", "kind": "run",
        "started": 1, "completed": 2, "error": error,
    }  # fmt: skip
    vertex = Vertex(**(values | more))  # type: ignore[arg-type]
    logs = (VertexLog(vertex="d", data=output),) if output else ()
    state.apply(SolveStatus(vertexes=(vertex,), logs=logs))
    return state


def test_a_recorded_failure_is_placed_and_explained(graph_of: Callable[..., BuildGraph]) -> None:
    state = graph_of("fail").state
    assert state is not None
    found = failure(state, None, DOCKERFILE)
    assert (found.cause, found.subject) == (Cause.EXIT_STATUS, "101")
    assert [e.number for e in found.excerpt if e.marked] == [21]
    assert found.output[-1] == "assertion failed: left == right"
    assert [r for r, _ in found.remedies] == [
        Remedy.OPEN_SHELL, Remedy.RETRY, Remedy.RETRY_WITHOUT_CACHE,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "output", "cause", "subject"),
    [
        ("exit code: 126", b"sh: ./tool: cannot execute binary file: Exec format error\n",
         Cause.EXEC_FORMAT, "./tool"),
        ("exec /bin/sh: exec format error", b"", Cause.EXEC_FORMAT, "/bin/sh"),
        ("exit code: 139", b"qemu: uncaught target signal 11 (Segmentation fault)\n",
         Cause.EMULATOR, "11"),
        ("exit code: 137", b"", Cause.MEMORY, "137"),
        ("exit code: 127", b"/bin/sh: 1: curl: not found\n", Cause.COMMAND_NOT_FOUND, "curl"),
        ("exit code: 1", b"cp: No space left on device\n", Cause.DISK_FULL, ""),
        ('failed to compute cache key: "/src/app" not found: "/src/app": not found', b"",
         Cause.NOT_FOUND_IN_CONTEXT, "/src/app"),
        ("open secret.key: permission denied", b"", Cause.CONTEXT_UNREADABLE, "secret.key"),
        ("pull access denied, repository ghcr.io/team/app does not exist", b"",
         Cause.CREDENTIALS, "ghcr.io"),
        ("dial tcp: lookup example.org: no such host", b"", Cause.NETWORK, ""),
        ("exit code: 3", b"", Cause.EXIT_STATUS, "3"),
        ("something else", b"", Cause.OTHER, ""),
    ],
)  # fmt: skip
def test_causes_are_recognised(error: str, output: bytes, cause: Cause, subject: str) -> None:
    found = failure(failed(error, output), None, "")
    assert (found.cause, found.subject) == (cause, subject)


def test_what_a_program_prints_is_not_taken_for_the_builders_word() -> None:
    found = failure(failed("exit code: 1", b"test: 401 Unauthorized is handled\n"), None, "")
    assert found.cause is Cause.EXIT_STATUS


def test_a_crash_under_emulation_is_the_emulators() -> None:
    state = failed("exit code: 139", mode=Mode.EMULATED, interpreter="/usr/bin/qemu-aarch64")
    found = failure(state, None, "")
    assert (found.cause, found.interpreter) == (Cause.EMULATOR, "qemu-aarch64")
    assert found.remedies[0] == (Remedy.ENABLE_EMULATION, "linux/arm64")


def test_an_error_of_ours_keeps_its_words_and_place() -> None:
    error = ExecError("./install.sh ended with status 4", exit_code=4, vertex="d",
                      hint="It says why.", ranges=[LineRange(2, 2)])  # fmt: skip
    found = failure(failed("exit code: 4"), error, "FROM x\nRUN ./install.sh\n")
    assert (found.hint, found.subject) == ("It says why.", "4")
    assert [e.text for e in found.excerpt if e.marked] == ["RUN ./install.sh"]


def test_refused_credentials_ask_for_a_sign_in_at_their_host() -> None:
    error = AuthenticationError("https://registry.example.com/v2/ refused the credentials")
    found = failure(BuildState(), error, "")
    assert found.remedies[0] == (Remedy.SIGN_IN, "registry.example.com")


def test_a_refused_push_names_the_registry_of_the_tag() -> None:
    error = AuthenticationError("localhost:5000 wants you to sign in to push me/app", hint="Do.")
    found = failure(failed(str(error)), error, "", pushed_to=("localhost:5000",))
    assert (Remedy.SIGN_IN, "localhost:5000") in found.remedies
