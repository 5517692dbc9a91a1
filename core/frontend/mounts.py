"""The mounts of a RUN: directories, caches, memory, secrets and agents."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import Final

from core.dockerfile.mounts import Mount as RunMount
from core.dockerfile.mounts import MountType, Sharing
from core.errors import DockerfileError
from core.frontend.conversion import Scope
from core.frontend.draft import Output
from core.frontend.fileops import mkdir_output
from core.frontend.outline import AccessInfo
from core.frontend.paths import clean, join
from core.frontend.stage import StageState, Step
from core.llb import ops
from core.llb.metadata import Metadata

CACHE_DIRECTORY: Final = "/cache"
_SHARING: Final = {
    None: ops.CacheSharing.SHARED,
    Sharing.SHARED: ops.CacheSharing.SHARED,
    Sharing.PRIVATE: ops.CacheSharing.PRIVATE,
    Sharing.LOCKED: ops.CacheSharing.LOCKED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MountSpec:
    """A file system mounted for a program; what it writes is kept of one mount, the root."""

    target: str
    source: Output | None = None
    selector: str = ""
    readonly: bool = False
    keeps: bool = False
    cache_id: str = ""
    sharing: ops.CacheSharing = ops.CacheSharing.SHARED
    tmpfs_size: int | None = None


@dataclass(slots=True, kw_only=True)
class ExecParts:
    """What a RUN adds to the program it runs."""

    network: ops.NetMode
    security: ops.SecurityMode = ops.SecurityMode.SANDBOX
    mounts: list[MountSpec] = field(default_factory=list)
    secrets: list[ops.Mount] = field(default_factory=list)
    secret_env: list[ops.SecretEnv] = field(default_factory=list)
    agents: list[ops.Mount] = field(default_factory=list)
    devices: tuple[ops.CDIDevice, ...] = ()


def add_mount(
    parts: ExecParts, mount: RunMount, stage: StageState, step: Step, number: int, scope: Scope
) -> None:
    """Add ``mount``, the one of that ``number`` in its RUN, to ``parts``."""
    from_ = mount.from_ or ("scratch" if mount.type is MountType.CACHE else "")
    source = scope.context
    if from_:
        named = step.sources[number]
        if not named.dispatched:
            raise DockerfileError(
                f"{from_} is mounted before its stage is defined",
                hint="Move the stage above this one.",
                phrase=f'cannot mount from stage "{from_}" to "{mount.target}", '
                "stage needs to be defined before current command",
            )
        source = named.state.output
    match mount.type:
        case MountType.SECRET:
            _add_secret(parts, mount, stage, step)
        case MountType.SSH:
            _add_agent(parts, mount, stage, step)
        case _:
            _add_directory(parts, mount, source, stage, scope)
            path = join("/", mount.source)
            if from_:
                step.sources[number].paths.add(path)
            else:
                stage.context_paths.add(path)


def _add_directory(
    parts: ExecParts, mount: RunMount, source: Output | None, stage: StageState, scope: Scope
) -> None:
    target = mount.target
    if not posixpath.normpath(target or ".").startswith("/"):
        target = join("/", stage.state.directory, target)
    if target == "/":
        raise DockerfileError(
            "a mount cannot take the place of the whole file system",
            hint="Give it a target below /.",
            phrase='invalid mount target "/"',
        )
    if mount.type is MountType.TMPFS:
        source = None
    cache_id = ""
    if mount.type is MountType.CACHE:
        cache_id = f"{scope.options.cache_namespace}/{mount.id or clean(mount.target)}"
    selector = join("/", mount.source)
    if selector == "/":
        selector = ""
        if (mount.uid, mount.gid, mount.mode) != (None, None, None):
            source = _owned_cache(mount, source)
            selector = CACHE_DIRECTORY
    parts.mounts.append(
        MountSpec(
            target=target,
            source=source,
            selector=selector,
            readonly=mount.read_only,
            cache_id=cache_id,
            sharing=_SHARING[mount.sharing],
            tmpfs_size=mount.size if mount.type is MountType.TMPFS else None,
        )
    )


def _owned_cache(mount: RunMount, source: Output | None) -> Output:
    return mkdir_output(
        source,
        CACHE_DIRECTORY,
        Metadata(name="[internal] setting cache mount permissions", kind="cache"),
        mode=0o755 if mount.mode is None else mount.mode,
        parents=False,
        owner=f"{mount.uid or 0}:{mount.gid or 0}",
    )


def _add_secret(parts: ExecParts, mount: RunMount, stage: StageState, step: Step) -> None:
    name = mount.source or mount.id or posixpath.basename(clean(mount.target))
    known = stage.outline.secrets
    known.setdefault(name, AccessInfo(required=mount.required, ranges=step.ranges))
    optional = not mount.required
    target = mount.target
    if mount.env is not None:
        parts.secret_env.append(ops.SecretEnv(id=name, name=mount.env, optional=optional))
    elif not target:
        target = f"/run/secrets/{posixpath.basename(clean(name))}"
    if target:
        parts.secrets.append(
            ops.Mount(
                dest=target,
                mount_type=ops.MountType.SECRET,
                secret=ops.SecretOpt(
                    id=name,
                    uid=mount.uid or 0,
                    gid=mount.gid or 0,
                    mode=0o400 if mount.mode is None else mount.mode,
                    optional=optional,
                ),
            )
        )


def _add_agent(parts: ExecParts, mount: RunMount, stage: StageState, step: Step) -> None:
    if mount.source:
        raise DockerfileError("an ssh mount has no source", phrase="ssh does not support source")
    known = stage.outline.ssh
    known.setdefault(mount.id or "default", AccessInfo(required=mount.required, ranges=step.ranges))
    parts.agents.append(
        ops.Mount(
            dest=mount.target,
            mount_type=ops.MountType.SSH,
            ssh=ops.SSHOpt(
                id=mount.id,
                uid=mount.uid or 0,
                gid=mount.gid or 0,
                mode=0o600 if mount.mode is None else mount.mode,
                optional=not mount.required,
            ),
        )
    )
