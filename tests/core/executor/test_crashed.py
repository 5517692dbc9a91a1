"""A process that waits to die of a signal is told from one that waits for anything else."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from core.executor.crashed import waits_to_die_of

SCRIPT = """
import signal, sys
signal.pthread_sigmask(signal.SIG_SETMASK, set(signal.valid_signals()) - set({}))
print("masked", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("open_to", "expected"),
    [
        ([signal.SIGSEGV], signal.SIGSEGV),
        ([signal.SIGILL], signal.SIGILL),
        ([signal.SIGTERM], 0),
        ([signal.SIGSEGV, signal.SIGTERM], 0),
        ([], 0),
    ],
)
def test_the_mask_of_signals_tells(open_to: list[signal.Signals], expected: int) -> None:
    script = SCRIPT.format([int(number) for number in open_to])
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"masked\n"
        # It may not have fallen asleep yet.
        found = 0
        for _ in range(100_000):
            found = waits_to_die_of(process.pid)
            if found or not expected:
                break
        process.stdin.close()
    assert found == expected


def test_a_process_that_is_gone_waits_for_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert waits_to_die_of(process.pid) == 0
