"""An emulated first process that cannot die of its crash.

QEMU ends a program that crashed by raising the program's signal on itself, with every other signal
blocked. The first process of a PID namespace is spared by signals that have no handler
(pid_namespaces(7)), so there QEMU waits for ever. That mask is how it can be told.
"""

from __future__ import annotations

import signal
from pathlib import Path

_FATAL = (
    signal.SIGILL,
    signal.SIGTRAP,
    signal.SIGABRT,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGSEGV,
)
# Nobody can block the first two; the C library keeps the others for its threads.
_UNBLOCKABLE = (signal.SIGKILL, signal.SIGSTOP, 32, 33)
_ALL = (1 << 64) - 1


def waits_to_die_of(pid: int) -> int:
    """The signal that process ``pid`` waits for in vain, 0 while it does anything else."""
    for task in Path(f"/proc/{pid}/task").glob("*/status"):
        try:
            lines = task.read_text().splitlines()
        except OSError:
            continue
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        if fields.get("State", "").strip()[:1] != "S":
            continue
        open_to = _ALL & ~int(fields.get("SigBlk", "0"), 16) & ~_bits(_UNBLOCKABLE)
        for number in _FATAL:
            if open_to == _bits((number,)):
                return int(number)
    return 0


def _bits(numbers: tuple[int, ...]) -> int:
    return sum(1 << (number - 1) for number in numbers)
