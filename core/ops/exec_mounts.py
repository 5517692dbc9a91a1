"""The mounts of an exec vertex, made real for as long as the program runs."""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from core.cache.mounts import CacheMounts, Sharing
from core.errors import BuildError, NotFoundError
from core.executor.request import BindMount, Mount, SecretMount, TmpfsMount
from core.linux.rooted import resolve_in_root
from core.llb import ops as llb
from core.ops.contexts import secret
from core.ops.file_copy import Copier, CopyRules
from core.ops.file_tree import SnapshotTree, resolve
from core.ops.puller import Puller
from core.ops.refs import Ref
from core.snapshot.ids import Layers
from core.snapshot.store import ActiveLayer, SnapshotStore
from core.solver.protocol import Step

_SHARING = {
    llb.CacheSharing.SHARED: Sharing.SHARED,
    llb.CacheSharing.PRIVATE: Sharing.PRIVATE,
    llb.CacheSharing.LOCKED: Sharing.LOCKED,
}
_DEFAULT_AGENT = "default"


@runtime_checkable
class AgentSession(Protocol):
    """A client that forwards ssh agents."""

    async def check_agent(self, id: str) -> bool: ...

    async def forward_agent(
        self, id: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None: ...


@dataclass(slots=True, kw_only=True)
class Prepared:
    """``root`` is where ``/`` is; ``outputs`` are layers to be committed, by output number."""

    root: Path = Path("/")
    read_only: bool = False
    mounts: list[Mount] = field(default_factory=list)
    outputs: dict[int, tuple[ActiveLayer | None, Layers]] = field(default_factory=dict)


class MountMaker:
    """Makes mounts; one for a daemon."""

    def __init__(
        self,
        *,
        puller: Puller,
        snapshots: SnapshotStore,
        caches: CacheMounts,
        threads: ThreadPoolExecutor,
    ) -> None:
        self._puller = puller
        self._snapshots = snapshots
        self._caches = caches
        self._threads = threads

    @asynccontextmanager
    async def prepared(
        self, op: llb.ExecOp, inputs: Sequence[Ref], step: Step
    ) -> AsyncIterator[Prepared]:
        """Everything mounted; layers that were not committed are discarded in the end."""
        async with AsyncExitStack() as stack:
            prepared = Prepared()
            for mount in sorted(op.mounts, key=lambda one: one.dest):
                await self._add(mount, inputs, step, prepared, stack)
            yield prepared

    async def _add(
        self,
        mount: llb.Mount,
        inputs: Sequence[Ref],
        step: Step,
        prepared: Prepared,
        stack: AsyncExitStack,
    ) -> None:
        match mount.mount_type:
            case llb.MountType.BIND:
                await self._bind(mount, inputs, step, prepared, stack)
            case llb.MountType.CACHE:
                path = await self._cache(mount, inputs, step, stack)
                bind = BindMount(source=path, target=mount.dest, read_only=mount.readonly)
                prepared.mounts.append(bind)
            case llb.MountType.TMPFS:
                size = mount.tmpfs_size or 0
                prepared.mounts.append(TmpfsMount(target=mount.dest, size=size))
            case llb.MountType.SECRET:
                found = await _secret(mount, step)
                if found is not None:
                    prepared.mounts.append(found)
            case llb.MountType.SSH:
                socket = await _agent(mount, step, stack)
                if socket is not None:
                    prepared.mounts.append(BindMount(source=socket, target=mount.dest))

    async def _bind(
        self,
        mount: llb.Mount,
        inputs: Sequence[Ref],
        step: Step,
        prepared: Prepared,
        stack: AsyncExitStack,
    ) -> None:
        below: Layers = ()
        if mount.input != llb.EMPTY_INPUT:
            ref = inputs[mount.input]
            below = await stack.enter_async_context(self._puller.unpacked(ref, step))
        kept = mount.output != llb.SKIP_OUTPUT
        active: ActiveLayer | None = None
        if mount.readonly:
            path = stack.enter_context(self._snapshots.view(below))
        else:
            active = stack.enter_context(self._snapshots.create(below))
            path = active.path
        if kept:
            prepared.outputs[mount.output] = (active, below)
        if mount.dest == "/":
            prepared.root, prepared.read_only = path, mount.readonly
            return
        source = _inside(path, mount.selector)
        prepared.mounts.append(
            BindMount(source=source, target=mount.dest, read_only=mount.readonly)
        )

    async def _cache(
        self, mount: llb.Mount, inputs: Sequence[Ref], step: Step, stack: AsyncExitStack
    ) -> Path:
        assert mount.cache is not None
        name = mount.cache.id or mount.dest
        fill: Callable[[Path], None] | None = None
        if mount.input != llb.EMPTY_INPUT:
            ref = inputs[mount.input]
            layers = await stack.enter_async_context(self._puller.unpacked(ref, step))
            # What a cache begins with is part of its identity.
            name = f"{name}:{layers[-1] if layers else ''}:{mount.selector}"

            def fill(path: Path) -> None:
                self._seed(path, layers, mount.selector)

        sharing = _SHARING[mount.cache.sharing]
        description = f"{mount.dest} of {step.vertex.name}"
        # --no-cache empties the mount, once in a build.
        fresh_for = step.contexts[0] if step.ignores_cache and step.contexts else None
        used = self._caches.use(
            name, sharing, description=description, fill=fill, fresh_for=fresh_for
        )
        return await stack.enter_async_context(used)

    def _seed(self, path: Path, layers: Layers, selector: str) -> None:
        with self._snapshots.view(layers) as root:
            tree = SnapshotTree(root)
            source = resolve(tree, selector)
            node = tree.node(source)
            if node is None:
                raise _no_source(selector)
            if not node.is_directory:
                raise BuildError(f"A cache mount cannot begin with {selector!r}, a file.")
            copier = Copier(tree=tree, rules=CopyRules(), threads=self._threads)
            try:
                copier.copy(source, str(path))
            finally:
                copier.finish()
            os.chown(path, node.uid, node.gid)
            os.chmod(path, stat.S_IMODE(node.mode))


def _inside(root: Path, selector: str) -> Path:
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found = root / os.fsdecode(resolve_in_root(fd, os.fsencode(selector)))
    finally:
        os.close(fd)
    if not os.path.lexists(found):
        raise _no_source(selector)
    return found


def _no_source(selector: str) -> NotFoundError:
    return NotFoundError(
        f"The source {selector!r} of a mount is not there.",
        hint="Check `source=` of --mount and the stage that `from=` names.",
        phrase=f'"{selector}": not found',
    )


async def _secret(mount: llb.Mount, step: Step) -> SecretMount | None:
    wanted = mount.secret
    assert wanted is not None
    data = await secret(step, wanted.id)
    if data is None:
        if wanted.optional:
            return None
        raise no_secret(wanted.id)
    return SecretMount(
        target=mount.dest, data=data, uid=wanted.uid, gid=wanted.gid, mode=wanted.mode & 0o777
    )


def no_secret(name: str) -> NotFoundError:
    return NotFoundError(
        f"The step needs the secret {name!r}, which was not given.",
        hint=f"Give it with --secret id={name},src=FILE.",
        phrase=f"secret {name}: not found",
    )


async def _agent(mount: llb.Mount, step: Step, stack: AsyncExitStack) -> Path | None:
    wanted = mount.ssh
    assert wanted is not None
    name = wanted.id or _DEFAULT_AGENT
    session = await _session_with_agent(step, name)
    if session is None:
        if wanted.optional:
            return None
        raise NotFoundError(
            f"The step needs the ssh agent {name!r}, which was not forwarded.",
            hint=f"Forward it with --ssh {name}.",
            phrase=f'no SSH key "{name}" forwarded from the client',
        )
    agent = session

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await agent.forward_agent(name, reader, writer)
        finally:
            writer.close()

    # Short, since addresses of Unix sockets are.
    home = stack.enter_context(tempfile.TemporaryDirectory(prefix="viaduct-ssh-"))
    path = Path(home) / "agent"
    server = await asyncio.start_unix_server(serve, path)
    stack.callback(server.close)
    os.chown(path, wanted.uid, wanted.gid)
    os.chmod(path, wanted.mode & 0o777)
    return path


async def _session_with_agent(step: Step, name: str) -> AgentSession | None:
    for context in step.contexts:
        session = getattr(context, "session", None)
        if isinstance(session, AgentSession) and await session.check_agent(name):
            return session
    return None
