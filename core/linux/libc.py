"""Calling into the C library with errno turned into ``OSError``."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from functools import cache


@cache
def libc() -> ctypes.CDLL:
    """The C library of this process; ctypes releases the GIL during its calls."""
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "this part of the builder runs on Linux only")
    return ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> int:
    """``result`` of a C call, or the ``OSError`` that errno stands for, naming ``what``."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{os.strerror(number)} ({what})")
    return result


def syscall(name: str, number: int, *arguments: object) -> int:
    """System call ``number``; integers are passed as C longs so that none is cut to 32 bits."""
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return check(int(libc().syscall(ctypes.c_long(number), *converted)), name)
