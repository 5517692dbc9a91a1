"""Programs that somebody types to: in an image, or in the state of a failed step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from core.daemon.build_run import RunStep
from core.daemon.context import BuildContext, SessionCredentials
from core.daemon.failed_steps import FailedSteps
from core.daemon.machine import Machine
from core.daemon.operations import Operations
from core.daemon.sessions import Sessions
from core.daemon.view_step import OutsideStep
from core.errors import EmulationError, OptionError
from core.executor.executor import Executor
from core.executor.request import ExecRequest, Network
from core.llb.ops import ExecOp
from core.oci.image_config import ImageConfig
from core.oci.platform import Platform, host_platform, parse_platform
from core.oci.reference import parse_reference
from core.ops.images import Images
from core.ops.puller import Puller, image_layers
from core.ops.refs import Ref
from core.progress.messages import SolveStatus
from core.registry.client import RegistryClient
from core.registry.credentials import CredentialSource
from core.snapshot.store import SnapshotStore
from core.wire.pb import engine_pb2, ops_pb2
from core.wire.rpc import Incoming, Routes, route
from core.wire.services import Engine as Methods

_NETWORKS = {
    ops_pb2.UNSET: Network.DEFAULT,
    ops_pb2.HOST: Network.HOST,
    ops_pb2.NONE: Network.NONE,
}
_SHELL = ("/bin/sh",)

Call = Incoming[engine_pb2.RunInput, engine_pb2.RunOutput]


class RunService:
    def __init__(
        self,
        *,
        executor: Executor,
        images: Images,
        puller: Puller,
        snapshots: SnapshotStore,
        operations: Operations,
        machine: Machine,
        sessions: Sessions,
        failed: FailedSteps,
        registry: Callable[[CredentialSource], RegistryClient],
        scratch: Path,
    ) -> None:
        self._executor = executor
        self._images = images
        self._puller = puller
        self._snapshots = snapshots
        self._operations = operations
        self._machine = machine
        self._sessions = sessions
        self._failed = failed
        self._registry = registry
        self._scratch = scratch

    def routes(self) -> Routes:
        return route(Methods.RUN, self._serve)

    async def _serve(self, call: Call) -> None:
        first = await call.request()
        if first.WhichOneof("input") != "start":
            raise OptionError("the first message of a run says what to run")
        start = first.start
        async with AsyncExitStack() as stack:
            prepare = self._failed_step if start.ref else self._image
            request = await stack.enter_async_context(prepare(start))
            await call.start()
            await self._run(call, start, request)

    async def _run(self, call: Call, start: engine_pb2.RunStart, request: ExecRequest) -> None:
        output: asyncio.Queue[bytes] = asyncio.Queue()
        size = (start.rows or 24, start.columns or 80)
        async with self._executor.interactive(
            request, output.put_nowait, tty=start.tty, size=size
        ) as process:

            async def typing() -> None:
                async for message in call:
                    match message.WhichOneof("input"):
                        case "stdin":
                            process.write(message.stdin)
                        case "end_of_input":
                            process.close_input()
                        case "resize":
                            process.resize(message.resize.rows, message.resize.columns)
                        case _:
                            continue
                process.close_input()

            async def showing() -> None:
                while True:
                    await call.send(engine_pb2.RunOutput(stdout=await output.get()))

            tasks = [asyncio.create_task(typing()), asyncio.create_task(showing())]
            try:
                status = await process.wait()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        while not output.empty():
            await call.send(engine_pb2.RunOutput(stdout=output.get_nowait()))
        if status.start_failure:
            await call.send(engine_pb2.RunOutput(stderr=f"{status.start_failure}\n".encode()))
        await call.send(engine_pb2.RunOutput(exit_code=status.code))

    @asynccontextmanager
    async def _image(self, start: engine_pb2.RunStart) -> AsyncIterator[ExecRequest]:
        """The image's program on a layer that is thrown away."""
        platform = parse_platform(start.platform) if start.platform else host_platform()
        self._require(platform)
        async with AsyncExitStack() as stack:
            context = await self._context(start, stack)
            reference = parse_reference(start.image).tagged()
            image = await self._images.image(context, reference, platform)
            config = ImageConfig.parse(image.config)
            layers = image_layers(reference, image.manifest.layers, config.diff_ids)
            step = _quiet_step(f"run {reference.familiar()}", context)
            unpacked = await stack.enter_async_context(
                self._puller.unpacked(Ref(layers=layers), step)
            )
            active = stack.enter_context(self._snapshots.create(unpacked))
            runtime = config.runtime
            entrypoint = _words(runtime.get("Entrypoint"))
            command = list(start.args) or _words(runtime.get("Cmd"))
            if start.entrypoint_set:
                entrypoint = [start.entrypoint] if start.entrypoint else []
                command = list(start.args)
            env = dict(entry.partition("=")[::2] for entry in config.environment)
            env |= dict(entry.partition("=")[::2] for entry in start.env)
            if start.tty:
                env.setdefault("TERM", "xterm")
            yield ExecRequest(
                args=(*entrypoint, *command) or _SHELL,
                root=active.path,
                env=tuple(f"{key}={value}" for key, value in env.items()),
                cwd=start.cwd or str(runtime.get("WorkingDir") or "/"),
                user=start.user or str(runtime.get("User") or ""),
                network=_NETWORKS.get(start.network, Network.DEFAULT),
                platform=platform,
                emulator=self._machine.current.emulator(platform),
            )

    @asynccontextmanager
    async def _failed_step(self, start: engine_pb2.RunStart) -> AsyncIterator[ExecRequest]:
        """A shell where a failed step ran: its inputs, mounts, environment and user."""
        async with AsyncExitStack() as stack:
            failed = stack.enter_context(self._failed.get(start.ref, start.vertex))
            op = failed.vertex.op
            if not isinstance(op, ExecOp):
                raise OptionError(f"{failed.vertex.name} runs no program, so it has no shell")
            context = await self._context(start, stack)
            step = _quiet_step(failed.vertex.name, context)
            prepared = await stack.enter_async_context(
                self._operations.execs.mounts.prepared(op, failed.inputs, step)
            )
            operation = self._operations.execs.operation(failed.vertex)
            request = await operation.request(prepared, self._machine.current, step)
            env = request.env if not start.tty else (*request.env, "TERM=xterm")
            yield ExecRequest(
                args=tuple(start.args) or _SHELL,
                root=request.root,
                env=(*env, *start.env),
                cwd=start.cwd or request.cwd,
                user=start.user or request.user,
                mounts=request.mounts,
                network=request.network,
                security=request.security,
                extra_hosts=request.extra_hosts,
                platform=request.platform,
                emulator=request.emulator,
            )

    async def _context(self, start: engine_pb2.RunStart, stack: AsyncExitStack) -> BuildContext:
        session = await self._sessions.get(start.session) if start.session else None
        client = await stack.enter_async_context(self._registry(SessionCredentials(session)))
        return BuildContext(ref="", client=client, scratch=self._scratch, session=session)

    def _require(self, platform: Platform) -> None:
        if not self._machine.current.runs(platform):
            raise EmulationError(
                f"programs for {platform} cannot be run here",
                hint=f"Enable emulation with `viaduct emulation enable {platform}`.",
            )


def _quiet_step(name: str, context: BuildContext) -> OutsideStep:
    def nowhere(status: SolveStatus) -> None:
        """Nobody watches the pull of an image that is run."""

    return OutsideStep(name, RunStep("sha256:run", nowhere), context)


def _words(value: object) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list) else []
