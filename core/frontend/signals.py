"""Signals by name, as STOPSIGNAL takes them (Linux)."""

from __future__ import annotations

import re
from typing import Final

_NAMES: Final = frozenset(
    (
        *("ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT"),
        *("KILL", "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM"),
        *("TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU"),
        *("XFSZ", "RTMIN", "RTMAX"),
        *(f"RTMIN+{n}" for n in range(1, 16)),
        *(f"RTMAX-{n}" for n in range(1, 15)),
    )
)
_NUMBER: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)


def is_signal(text: str) -> bool:
    """Whether ``text`` names a signal: ``9``, ``KILL``, ``SIGKILL``, in either case."""
    if _NUMBER.fullmatch(text):
        return int(text) != 0
    return text.upper().removeprefix("SIG") in _NAMES
