"""What a vertex does: the operations of LLB as values.

Field for field the messages of BuildKit's ``solver/pb/ops.proto`` under our names. Attributes that
are maps on the wire are tuples of ``(key, value)`` sorted by key, so that equal operations compare
and hash equal. Input numbers index the inputs of the vertex that carries the operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from core.llb.files import FileAction

EMPTY_INPUT = -1
"""An input number that means an empty file system (scratch)."""

SKIP_OUTPUT = -1
"""An output number that means "not kept"."""

Pairs: TypeAlias = tuple[tuple[str, str], ...]


def pairs(values: Mapping[str, str]) -> Pairs:
    """``values`` as tuples sorted by key."""
    return tuple(sorted(values.items()))


class NetMode(IntEnum):
    """The network of a step; UNSET is the sandbox's default network."""

    UNSET = 0
    HOST = 1
    NONE = 2


class SecurityMode(IntEnum):
    """The confinement of a step."""

    SANDBOX = 0
    INSECURE = 1


class MountType(IntEnum):
    """What is mounted."""

    BIND = 0
    SECRET = 1
    SSH = 2
    CACHE = 3
    TMPFS = 4


class ContentCache(IntEnum):
    """Whether a mount's input may be identified by its content; DEFAULT leaves it to the solver."""

    DEFAULT = 0
    ON = 1
    OFF = 2


class CacheSharing(IntEnum):
    """What a second writer of a cache mount meets: the same directory, another one, or a wait."""

    SHARED = 0
    PRIVATE = 1
    LOCKED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOp:
    """Something from outside the build: an image, a directory, a repository, a download."""

    identifier: str
    attrs: Pairs = ()

    def attr(self, key: str, default: str = "") -> str:
        """The attribute ``key``, or ``default``."""
        return next((value for name, value in self.attrs if name == key), default)

    @property
    def scheme(self) -> str:
        """``docker-image``, ``local``, ``git``, ``http``, ``https``, ``oci-layout`` ..."""
        return self.identifier.partition("://")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostIP:
    """A line of /etc/hosts."""

    host: str
    ip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ulimit:
    """A resource limit; -1 is unlimited."""

    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyEnv:
    """Proxy variables: given to the program, no part of the cache key."""

    http_proxy: str = ""
    https_proxy: str = ""
    ftp_proxy: str = ""
    no_proxy: str = ""
    all_proxy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """The program of an exec: ``env`` holds ``NAME=value``, the last of equal names wins."""

    args: tuple[str, ...]
    env: tuple[str, ...] = ()
    cwd: str = "/"
    user: str = ""
    proxy_env: ProxyEnv | None = None
    extra_hosts: tuple[HostIP, ...] = ()
    hostname: str = ""
    ulimits: tuple[Ulimit, ...] = ()
    cgroup_parent: str = ""
    remove_mount_stubs_recursive: bool = False
    valid_exit_codes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheOpt:
    """A cache mount."""

    id: str
    sharing: CacheSharing = CacheSharing.SHARED


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretOpt:
    """A secret as a file."""

    id: str
    uid: int = 0
    gid: int = 0
    mode: int = 0o400
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SSHOpt:
    """An agent socket."""

    id: str
    uid: int = 0
    gid: int = 0
    mode: int = 0o600
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """An input, or something else, put at ``dest`` for a program.

    ``output`` >= 0 keeps what the program wrote there as that output. ``selector`` is a path
    inside the input. ``tmpfs_size`` is in bytes, 0 for the kernel's default.
    """

    dest: str
    input: int = EMPTY_INPUT
    selector: str = ""
    output: int = SKIP_OUTPUT
    readonly: bool = False
    mount_type: MountType = MountType.BIND
    tmpfs_size: int | None = None
    cache: CacheOpt | None = None
    secret: SecretOpt | None = None
    ssh: SSHOpt | None = None
    result_id: str = ""
    content_cache: ContentCache = ContentCache.DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretEnv:
    """A secret as an environment variable."""

    id: str
    name: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CDIDevice:
    """A device by its qualified CDI name."""

    name: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecOp:
    """Run a program in a container."""

    meta: Meta
    mounts: tuple[Mount, ...]
    network: NetMode = NetMode.UNSET
    security: SecurityMode = SecurityMode.SANDBOX
    secret_env: tuple[SecretEnv, ...] = ()
    cdi_devices: tuple[CDIDevice, ...] = ()

    @property
    def outputs(self) -> int:
        """How many results the program leaves."""
        return sum(1 for mount in self.mounts if mount.output != SKIP_OUTPUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOp:
    """Copy, make and remove files.

    The inputs of an action are numbers of the vertex' inputs or, from ``len(inputs)`` on, the
    actions before it. An action with ``output`` >= 0 gives that result.
    """

    actions: tuple[FileAction, ...]

    @property
    def outputs(self) -> int:
        """How many results the actions leave."""
        return sum(1 for action in self.actions if action.output != SKIP_OUTPUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeOp:
    """The layers of all inputs on top of each other, the first at the bottom."""

    inputs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffOp:
    """What ``upper`` changes over ``lower``; EMPTY_INPUT stands for an empty file system."""

    lower: int
    upper: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOp:
    """A definition, given as the bytes of a ``pb.Definition`` or in an input's file, in place."""

    builder: int = EMPTY_INPUT
    inputs: tuple[tuple[str, int], ...] = ()
    definition: bytes = b""
    attrs: Pairs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PassthroughOp:
    """Inputs handed on as outputs under a name of their own."""

    id: str
    outputs: tuple[int, ...]


Op: TypeAlias = SourceOp | ExecOp | FileOp | MergeOp | DiffOp | BuildOp | PassthroughOp
