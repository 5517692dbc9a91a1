"""How the daemon is started."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_IDLE_SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonOptions:
    """``idle_seconds`` 0 stays for ever. ``ready_fd`` -1 tells nobody. Limits of 0 are chosen
    by the machine's processors."""

    ready_fd: int = -1
    background: bool = False
    idle_seconds: float = DEFAULT_IDLE_SECONDS
    parallel: int = 0
    """Steps at once."""
    parallel_emulated: int = 0
    """Of them, emulated ones."""
    parallel_builds: int = 8
    step_memory: int = 0
    """Bytes that one step may use, 0 for no limit of its own."""
    step_processes: int = 0
    """Processes and threads that one step may have at once, 0 for no limit. A limit costs every
    step some milliseconds: the kernel is slow to move a process into a control group."""
