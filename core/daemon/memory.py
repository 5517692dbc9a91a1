"""Memory of the daemon's process: given back when builds are over."""

from __future__ import annotations

import ctypes
import gc

_M_ARENA_MAX = -8


def spare() -> None:
    """Call once when everything is made: what lives as long as the process is not looked at again.

    Threads share two arenas of the C library, so that what they free can be used by others.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Collect garbage and hand free memory to the system, as far as the C library can."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
