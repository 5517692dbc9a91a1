"""unshare(2), setns(2), prctl(2) and what /proc says about the namespaces of this process."""

from __future__ import annotations

import os
import signal

from core.linux.libc import check, libc

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

_PR_SET_PDEATHSIG = 1
# PROC_USER_INIT_INO of include/linux/proc_ns.h: the inode number of the first user namespace.
_INITIAL_USER_NAMESPACE = 0xEFFFFFFD


def unshare(flags: int) -> None:
    """Enter new namespaces; CLONE_NEWUSER needs a process with a single thread."""
    check(libc().unshare(flags), "unshare")


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent's thread ends."""
    check(libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "PR_SET_PDEATHSIG")


def in_initial_user_namespace() -> bool:
    return os.stat("/proc/self/ns/user").st_ino == _INITIAL_USER_NAMESPACE


def bounding_capabilities() -> int:
    """The set that this process can have and give, one bit a capability (capabilities(7))."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith("CapBnd:"):
                return int(line.split()[1], 16)
    return 0


def kernel_version() -> tuple[int, int]:
    """``(6, 7)`` for Linux 6.7.anything."""
    major, minor = os.uname().release.split(".")[:2]
    return int(major), int("".join(c for c in minor if c.isdigit()) or "0")
