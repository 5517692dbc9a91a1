"""The exec operation: run a program in a container on the layers of the inputs."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.cache.layers import LayerRecords
from core.emulation.diagnosis import Failure, explain_failure
from core.emulation.machine import Machine
from core.errors import EmulationError, ExecError
from core.executor.executor import Executor
from core.executor.request import (
    DEFAULT_HOSTNAME,
    ExecRequest,
    ExitStatus,
    Network,
    Security,
    Ulimit,
)
from core.llb import ops as llb
from core.llb.vertex import Vertex
from core.oci.platform import Platform, host_platform
from core.ops.contenthash import Selector
from core.ops.contexts import secret
from core.ops.exec_mounts import MountMaker, Prepared, no_secret
from core.ops.file_inputs import FileInputs
from core.ops.refs import Ref
from core.ops.threads import in_thread
from core.progress.messages import Mode
from core.snapshot.ids import LayerId
from core.snapshot.store import SnapshotStore
from core.solver.protocol import CacheMap, Content, InputKey, Slot, Step

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NETWORKS = {
    llb.NetMode.UNSET: Network.DEFAULT,
    llb.NetMode.HOST: Network.HOST,
    llb.NetMode.NONE: Network.NONE,
}
_SECURITY = {
    llb.SecurityMode.SANDBOX: Security.SANDBOX,
    llb.SecurityMode.INSECURE: Security.INSECURE,
}
_DEFAULT_SHM = "/dev/shm"
_TAIL = 16 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of every step; 0 is none."""

    memory: int = 0
    pids: int = 0


class ExecOperations:
    """Makes the operations of exec vertices.

    ``machine`` is asked when a step starts: emulation may be switched while the daemon runs.
    """

    def __init__(
        self,
        *,
        executor: Executor,
        snapshots: SnapshotStore,
        records: LayerRecords,
        inputs: FileInputs,
        mounts: MountMaker,
        machine: Callable[[], Machine],
        limits: Limits | None = None,
    ) -> None:
        self.executor = executor
        self.snapshots = snapshots
        self.records = records
        self.inputs = inputs
        self.mounts = mounts
        self.machine = machine
        self.limits = limits or Limits()

    def operation(self, vertex: Vertex) -> ExecOperation:
        assert isinstance(vertex.op, llb.ExecOp)
        return ExecOperation(self, vertex, vertex.op)


class ExecOperation:
    """One exec vertex (``core.solver.protocol.Op``)."""

    def __init__(self, services: ExecOperations, vertex: Vertex, op: llb.ExecOp) -> None:
        self._services = services
        self._vertex = vertex
        self._op = op
        self._platform = vertex.platform or host_platform()

    @property
    def slot(self) -> Slot:
        interpreter = self._services.machine().interpreter(self._platform)
        return Slot.NATIVE if interpreter is None else Slot.EMULATED

    @property
    def manner(self) -> tuple[Mode, str]:
        """How this machine runs it (``core.solver.protocol.RunsProgram``)."""
        interpreter = self._services.machine().interpreter(self._platform)
        if interpreter is None:
            return Mode.NATIVE, ""
        return Mode.EMULATED, interpreter.title

    def cache_map(self, step: Step) -> CacheMap[Ref]:
        """Program, environment, mounts and platform; neither proxies nor addresses of hosts."""
        op = self._op
        meta = replace(
            op.meta,
            proxy_env=None,
            extra_hosts=tuple(replace(host, ip="") for host in op.meta.extra_hosts),
        )
        counted = replace(op, meta=meta, mounts=tuple(_counted(mount) for mount in op.mounts))
        text = f"exec\0{self._platform.format_all()}\0{counted!r}"
        return CacheMap(
            digest=hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest(),
            inputs=tuple(self._key(number) for number in range(len(self._vertex.inputs))),
            explain=_explanation(op, self._platform),
        )

    async def execute(self, inputs: Sequence[Ref], step: Step) -> Sequence[Ref]:
        """Run it. Raises ExecError for its status, EmulationError when it cannot run here."""
        services = self._services
        async with services.mounts.prepared(self._op, inputs, step) as prepared:
            output = _Output(step)
            machine = services.machine()
            request = await self.request(prepared, machine, step)
            status = await services.executor.run(request, output.stdout, output.stderr)
            valid = self._op.meta.valid_exit_codes or (0,)
            if status.code not in valid:
                raise await in_thread(lambda: self._error(status, request, machine, output))
            results = []
            for number in sorted(prepared.outputs):
                active, below = prepared.outputs[number]
                if active is None:
                    results.append(Ref(layers=below))
                    continue
                layer = active.commit()
                results.append(Ref(layers=(*below, layer)))
                await self._record(layer, step)
        return results

    async def _record(self, layer: LayerId, step: Step) -> None:
        size = await in_thread(lambda: self._services.snapshots.usage(layer))
        name = step.vertex.name
        self._services.records.add(layer, size=size, description=name, step=name)

    def _key(self, number: int) -> InputKey[Ref]:
        """Inputs count by content where that is safe and cheap: all that is not the root."""
        mounts = [
            mount
            for mount in self._op.mounts
            if mount.input == number
            and mount.mount_type in (llb.MountType.BIND, llb.MountType.CACHE)
        ]
        paths = sorted({f"/{mount.selector.strip('/')}" for mount in mounts})
        selector = "\n".join(paths)
        if not mounts or not all(_by_content(mount) for mount in mounts):
            return InputKey(selector=selector)
        selectors = [Selector(path=path, follow=True) for path in paths]

        async def content(ref: Ref, step: Step) -> Content:
            return await self._services.inputs.content(ref, selectors, step)

        return InputKey(selector=selector, content=content)

    def _memory_limit(self) -> int:
        """The smaller one of what the build asked for and what every step has."""
        asked = self._vertex.metadata.resources
        limits = (self._services.limits.memory, 0 if asked is None else asked.memory)
        return min((limit for limit in limits if limit > 0), default=0)

    async def request(self, prepared: Prepared, machine: Machine, step: Step) -> ExecRequest:
        """What the executor is asked for; also for looking into a failed step."""
        op, meta = self._op, self._op.meta
        shm = next(
            (
                mount.tmpfs_size
                for mount in op.mounts
                if mount.mount_type is llb.MountType.TMPFS and mount.dest == _DEFAULT_SHM
            ),
            None,
        )
        mounts = tuple(
            mount for mount in prepared.mounts if not (shm and mount.target == _DEFAULT_SHM)
        )
        request = ExecRequest(
            args=meta.args,
            root=prepared.root,
            env=(*_with_path(meta.env), *_proxies(meta.proxy_env), *await self._secrets(step)),
            cwd=meta.cwd or "/",
            user=meta.user,
            mounts=mounts,
            network=_NETWORKS[op.network],
            security=_SECURITY[op.security],
            hostname=meta.hostname or DEFAULT_HOSTNAME,
            extra_hosts=tuple((host.host, host.ip) for host in meta.extra_hosts),
            ulimits=tuple(
                Ulimit(name=one.name, soft=one.soft, hard=one.hard) for one in meta.ulimits
            ),
            memory_limit=self._memory_limit(),
            pids_limit=self._services.limits.pids,
            platform=self._platform,
            emulator=machine.emulator(self._platform),
            read_only=prepared.read_only,
        )
        return replace(request, shm_size=shm) if shm else request

    async def _secrets(self, step: Step) -> list[str]:
        found = []
        for wanted in self._op.secret_env:
            data = await secret(step, wanted.id)
            if data is None and not wanted.optional:
                raise no_secret(wanted.id)
            if data is not None:
                found.append(f"{wanted.name}={data.decode(errors='surrogateescape')}")
        return found

    def _error(
        self, status: ExitStatus, request: ExecRequest, machine: Machine, output: _Output
    ) -> ExecError | EmulationError:
        if status.start_failure:
            output.stderr(f"{status.start_failure}\n".encode())
        found = explain_failure(
            Failure(
                root=request.root,
                args=request.args,
                env=request.env,
                cwd=request.cwd,
                platform=self._platform,
                code=status.code,
                output=bytes(output.tail),
                start_failure=status.start_failure,
            ),
            machine,
        )
        command = shlex.join(request.args) if len(request.args) == 1 else " ".join(request.args)
        phrase = f'process "{command}" did not complete successfully: exit code: {status.code}'
        ranges = self._vertex.metadata.ranges
        hint = found.hint if found is not None else ""
        if status.out_of_memory:
            message = f"The step was killed for lack of memory: {command}"
            hint = "Give the machine or the builder more memory, or run fewer steps at once."
        elif status.out_of_processes:
            message = f"The step had as many processes as a step may have: {command}"
            hint = f"The limit is {request.pids_limit}; the builder's --step-processes sets it."
        elif found is not None:
            message = f"{found.message} ({command})"
        else:
            message = f"The step ended with exit code {status.code}: {command}"
        return ExecError(
            message,
            exit_code=status.code,
            vertex=str(self._vertex.digest),
            out_of_memory=status.out_of_memory,
            hint=hint,
            ranges=ranges,
            phrase=phrase,
        )


class _Output:
    """Hands output on and keeps the end of it."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self.tail = bytearray()

    def stdout(self, data: bytes) -> None:
        self._take(1, data)

    def stderr(self, data: bytes) -> None:
        self._take(2, data)

    def _take(self, stream: int, data: bytes) -> None:
        self._step.log(stream, data)
        self.tail += data[-_TAIL:]
        if len(self.tail) > 2 * _TAIL:
            del self.tail[:-_TAIL]


def _counted(mount: llb.Mount) -> llb.Mount:
    """What of a mount is part of the cache key: not what the input key says, nor a cache's id."""
    cache = mount.cache
    default = cache is not None and cache.sharing is llb.CacheSharing.SHARED
    if cache is not None and not (default and cache.id.endswith(mount.dest)):
        cache = llb.CacheOpt(id="")
    return replace(mount, selector="", cache=cache)


def _by_content(mount: llb.Mount) -> bool:
    if mount.content_cache is llb.ContentCache.OFF:
        return False
    whole = not mount.selector.strip("/")
    safe = mount.output == llb.SKIP_OUTPUT or mount.readonly or whole
    if mount.content_cache is llb.ContentCache.ON:
        return safe
    # Hashing a whole root file system is dear and rarely tells anything.
    return safe and mount.dest != "/"


def _with_path(env: tuple[str, ...]) -> tuple[str, ...]:
    return env if any(item.startswith("PATH=") for item in env) else (*env, _PATH)


def _proxies(proxy: llb.ProxyEnv | None) -> list[str]:
    if proxy is None:
        return []
    found = []
    for name in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"):
        value = getattr(proxy, name)
        if value:
            found += [f"{name.upper()}={value}", f"{name}={value}"]
    return found


def _explanation(op: llb.ExecOp, platform: Platform) -> tuple[tuple[str, str], ...]:
    meta = op.meta
    parts = [("command", " ".join(meta.args)), ("platform", str(platform))]
    for item in meta.env:
        name, _, value = item.partition("=")
        parts.append((f"env {name}", value))
    parts += [("user", meta.user), ("workdir", meta.cwd), ("network", op.network.name.lower())]
    parts += [(f"mount {mount.dest}", mount.mount_type.name.lower()) for mount in op.mounts]
    return tuple(parts)
