"""What to run, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from core.emulation.emulator import Emulator
from core.oci.platform import Platform

DEFAULT_HOSTNAME = "buildkitsandbox"
DEFAULT_SHM_SIZE = 64 << 20


class Network(Enum):
    """``DEFAULT`` is the machine's own network: the builder sets up no bridge."""

    DEFAULT = "default"
    HOST = "host"
    NONE = "none"


class Security(Enum):
    """``INSECURE``: every capability, no seccomp, nothing masked (``--security=insecure``)."""

    SANDBOX = "sandbox"
    INSECURE = "insecure"


@dataclass(frozen=True, slots=True, kw_only=True)
class BindMount:
    """``source`` (a file, directory or socket here) at the absolute path ``target`` inside."""

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TmpfsMount:
    """``size`` in bytes, 0 for the kernel's default of half the memory."""

    target: str
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretMount:
    """A file with ``data`` that exists in memory only."""

    target: str
    data: bytes = field(repr=False)
    uid: int = 0
    gid: int = 0
    mode: int = 0o400


Mount = BindMount | TmpfsMount | SecretMount


@dataclass(frozen=True, slots=True, kw_only=True)
class Ulimit:
    """``name`` as setrlimit(2) spells it without ``RLIMIT_``, any case."""

    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecRequest:
    """One program in a container.

    ``root`` is a directory that may be written to, usually ``ActiveLayer.path``; what the
    container needs there only for itself (mount points, resolv.conf) is gone afterwards, times
    included. ``user`` is ``name|uid[:group|gid]`` in the root's /etc/passwd and /etc/group, ""
    for root. ``env`` entries are ``NAME=value``. ``mounts`` are made in order.
    ``extra_hosts`` are (host, address). Limits of 0 are none. ``terminal`` is (rows, columns).
    """

    args: tuple[str, ...]
    root: Path
    env: tuple[str, ...] = ()
    cwd: str = "/"
    user: str = ""
    mounts: tuple[Mount, ...] = ()
    network: Network = Network.DEFAULT
    security: Security = Security.SANDBOX
    hostname: str = DEFAULT_HOSTNAME
    extra_hosts: tuple[tuple[str, str], ...] = ()
    shm_size: int = DEFAULT_SHM_SIZE
    ulimits: tuple[Ulimit, ...] = ()
    memory_limit: int = 0
    pids_limit: int = 0
    platform: Platform | None = None
    emulator: Emulator | None = None
    read_only: bool = False
    terminal: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitStatus:
    """``code`` as a shell would say it: 128 + ``signal`` when a signal ended the program.

    ``start_failure`` is the runtime's sentence when the program could not be started at all
    (not found, not executable, a format the machine does not know): ``code`` is 127 or 126 then.
    """

    code: int
    signal: int = 0
    out_of_memory: bool = False
    out_of_processes: bool = False
    start_failure: str = ""
