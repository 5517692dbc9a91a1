"""The actions of a file operation as values (``FileAction`` and on in ``solver/pb/ops.proto``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedUser:
    """A user or group by name, looked up in the passwd or group file of input ``input``."""

    name: str
    input: int = -1


UserOpt: TypeAlias = NamedUser | int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChownOpt:
    """An owner; None leaves that half unset."""

    user: UserOpt | None = None
    group: UserOpt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyAction:
    """Copy ``src`` of the secondary input over the primary one at ``dest``.

    ``mode`` -1 keeps the source's; ``mode_str`` is a symbolic mode and wins when set. ``timestamp``
    is nanoseconds since the epoch, -1 to keep the source's.
    """

    src: str
    dest: str
    owner: ChownOpt | None = None
    mode: int = -1
    mode_str: str = ""
    follow_symlink: bool = False
    dir_copy_contents: bool = False
    attempt_unpack: bool = False
    create_dest_path: bool = False
    allow_wildcard: bool = False
    allow_empty_wildcard: bool = False
    timestamp: int = -1
    include_patterns: tuple[str, ...] = ()
    exclude_patterns: tuple[str, ...] = ()
    always_replace: bool = False
    required_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MkFileAction:
    """Write ``data`` to a new file."""

    path: str
    data: bytes
    mode: int = 0o644
    owner: ChownOpt | None = None
    timestamp: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class MkDirAction:
    """Make a directory."""

    path: str
    mode: int = 0o755
    make_parents: bool = False
    owner: ChownOpt | None = None
    timestamp: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class RmAction:
    """Remove a file or tree."""

    path: str
    allow_not_found: bool = False
    allow_wildcard: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SymlinkAction:
    """Make ``new_path`` a symbolic link that says ``old_path``."""

    old_path: str
    new_path: str
    owner: ChownOpt | None = None
    timestamp: int = -1


AnyAction: TypeAlias = CopyAction | MkFileAction | MkDirAction | RmAction | SymlinkAction


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAction:
    """One action and what it works on; numbers as in ``core.llb.ops.FileOp``."""

    action: AnyAction
    input: int = -1
    secondary_input: int = -1
    output: int = -1
