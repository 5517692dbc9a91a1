"""A registry of handlers that belongs to one daemon and to nobody else.

binfmt_misc has one registry per user namespace since Linux 6.7 (``fs/binfmt_misc.c``,
``load_binfmt_misc``): a program looks its handler up in the innermost user namespace that has the
file system mounted. So the daemon makes a user namespace of its own in which every id maps to
itself, mounts binfmt_misc there, and lets the steps that need an interpreter of ours run inside.
Handlers of the machine stay as they are, for everybody else and for the daemon's other steps.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from core.linux.mounts import mount
from core.linux.namespaces import CLONE_NEWNS, CLONE_NEWUSER, unshare

BINFMT_MISC = Path("/proc/sys/fs/binfmt_misc")
_MOST_IDS = 0xFFFFFFFE


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateRegistry:
    """An open user namespace with a binfmt_misc of its own; the descriptors keep both."""

    user_namespace_fd: int
    directory_fd: int
    pid: int

    @property
    def directory(self) -> Path:
        """The registry's directory (``register``, ``status``, one file per handler)."""
        return Path(f"/proc/{self.pid}/fd/{self.directory_fd}")

    @property
    def user_namespace(self) -> Path:
        """A path that setns(2) and ``nsenter --user=`` take."""
        return Path(f"/proc/{self.pid}/fd/{self.user_namespace_fd}")

    def close(self) -> None:
        os.close(self.directory_fd)
        os.close(self.user_namespace_fd)


def create_private_registry() -> PrivateRegistry | None:
    """Make one, or None where the kernel has none to give. The caller has a single thread."""
    to_child, from_child = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        _hold_namespace(to_child, from_child)
    os.close(to_child[0])
    os.close(from_child[1])
    try:
        if os.read(from_child[0], 1) != b"u":
            return None
        try:
            _map_ids_to_themselves(child)
        except OSError:
            return None
        os.write(to_child[1], b"m")
        if os.read(from_child[0], 1) != b"m":
            return None
        namespace = os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        directory = os.open(
            f"/proc/{child}/root{BINFMT_MISC}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        )
        return PrivateRegistry(user_namespace_fd=namespace, directory_fd=directory, pid=os.getpid())
    finally:
        os.close(to_child[1])
        os.close(from_child[0])
        os.waitpid(child, 0)


def _hold_namespace(to_child: tuple[int, int], from_child: tuple[int, int]) -> None:
    """The child: unshare, mount once the ids are mapped, stay until the parent holds both."""
    status = 1
    try:
        os.close(to_child[1])
        os.close(from_child[0])
        unshare(CLONE_NEWUSER | CLONE_NEWNS)
        os.write(from_child[1], b"u")
        if os.read(to_child[0], 1) == b"m":
            mount("binfmt_misc", BINFMT_MISC, "binfmt_misc")
            os.write(from_child[1], b"m")
            os.read(to_child[0], 1)
            status = 0
    except OSError as error:
        status = error.errno or errno.EIO
    finally:
        os._exit(status)


def _map_ids_to_themselves(pid: int) -> None:
    for name in ("uid_map", "gid_map"):
        ranges = [line.split() for line in Path(f"/proc/self/{name}").read_text().splitlines()]
        # One id short of all, or runtimes take it for the machine's own namespace.
        text = "".join(
            f"{inside} {inside} {min(int(count), _MOST_IDS)}\n" for inside, _, count in ranges
        )
        # One write(2): the kernel takes a map only once.
        fd = os.open(f"/proc/{pid}/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
