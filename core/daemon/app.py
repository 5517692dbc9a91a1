"""The composition of the engine: every store and service made once, here, and closed here."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from core.cache.database import Database
from core.cache.gc import Pruner
from core.cache.holds import Holds
from core.cache.mounts import CacheMounts
from core.client.locations import Locations
from core.content.images import ImageStore
from core.content.sources import BlobSources
from core.content.store import ContentStore
from core.daemon.archive_service import ArchiveService
from core.daemon.bridge_service import BridgeService
from core.daemon.bridges import Bridges
from core.daemon.build_run import BuildRun
from core.daemon.builds import Builds
from core.daemon.cache_service import CacheKeeper
from core.daemon.control import Control
from core.daemon.emulation_service import EmulationService
from core.daemon.emulator_source import EmulatorSource
from core.daemon.engine_service import EngineFacts, EngineService
from core.daemon.failed_steps import FailedSteps
from core.daemon.history import History
from core.daemon.image_service import ImageService
from core.daemon.machine import Machine
from core.daemon.memory import give_back, spare
from core.daemon.namespace import Confinement
from core.daemon.operations import Operations
from core.daemon.options import DaemonOptions
from core.daemon.run_service import RunService
from core.daemon.server import EngineServer
from core.daemon.sessions import Sessions
from core.daemon.solve import Solve
from core.daemon.step_times import StepTimes
from core.daemon.workshop import Workshop
from core.emulation.settings import SettingsFile
from core.executor.executor import Executor
from core.executor.runtime import find_runtime
from core.exporter.layers import LayerBlobs
from core.ops.exec import Limits as StepLimits
from core.ops.table import OpTable
from core.registry.client import RegistryClient
from core.registry.credentials import CredentialSource
from core.snapshot.ids import LayerId
from core.snapshot.store import SnapshotStore
from core.solver.limits import Limits
from core.solver.solver import Solver
from core.version import VERSION
from core.wire.rpc import join

log = logging.getLogger(__name__)


class Engine:
    """Made by ``open``; serves from ``listen`` on until it is told to leave or is idle."""

    def __init__(
        self, server: EngineServer, builds: Builds, options: DaemonOptions, stop: asyncio.Event
    ) -> None:
        self._server = server
        self._builds = builds
        self._options = options
        self._stop = stop

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        places: Locations,
        confinement: Confinement,
        options: DaemonOptions,
        *,
        stop: asyncio.Event,
    ) -> AsyncIterator[Engine]:
        """Everything the daemon is made of, what a killed one left behind cleared away first.

        Raises MachineError, StorageError.
        """
        root = places.root
        async with AsyncExitStack() as stack:
            database = stack.enter_context(Database(root / "cache.db"))
            snapshots = SnapshotStore(root / "snapshots", rootless=confinement.rootless)
            content = ContentStore(root / "content")
            images = ImageStore(root / "images")
            mounts = CacheMounts(database, root / "mounts")
            holds = Holds()
            pruner = Pruner(
                database,
                mounts,
                remove_layer=lambda layer: snapshots.remove(LayerId(layer)),
                holds=holds,
                free=lambda: shutil.disk_usage(root).free,
            )
            scratch = root / "scratch"
            scratch.mkdir(parents=True, exist_ok=True)
            runtime = await asyncio.to_thread(find_runtime, in_user_namespace=confinement.rootless)
            emulation = SettingsFile(root)
            machine = await asyncio.to_thread(Machine, confinement, scratch, emulation.load())
            executor = Executor(
                root / "executor",
                runtime,
                rootless=confinement.rootless,
                cgroups=confinement.cgroups,
            )
            stack.callback(executor.close)
            table = stack.enter_context(
                OpTable(
                    root / "sources",
                    database=database,
                    snapshots=snapshots,
                    content=content,
                    images=images,
                    holds=holds,
                    native=machine.native()[0],
                )
            )
            await asyncio.to_thread(_recover, snapshots, content, mounts, pruner, table, scratch)
            operations = stack.enter_context(
                Operations(
                    table=table,
                    snapshots=snapshots,
                    mounts=mounts,
                    executor=executor,
                    machine=machine,
                    rootless=confinement.rootless,
                    limits=StepLimits(memory=options.step_memory, pids=options.step_processes),
                )
            )
            table.use(exec_op=operations.exec_op, file_op=operations.file_op)
            blobs = LayerBlobs(snapshots, content, table.records)
            stack.callback(blobs.close)
            sources = BlobSources(root / "blob-sources")

            def registry(credentials: CredentialSource) -> RegistryClient:
                return RegistryClient(credentials, sources=sources)

            cpus = os.cpu_count() or 1
            solver = await stack.enter_async_context(
                Solver(
                    database=database,
                    codec=table.results,
                    resolve=table.resolve,
                    limits=Limits(
                        options.parallel or max(4, 2 * cpus),
                        options.parallel_emulated or max(2, cpus),
                    ),
                )
            )
            history = History(root / "builds")
            await asyncio.to_thread(history.open)
            sessions = Sessions()
            bridges = Bridges()
            failed = FailedSteps(table.results)
            keeper = CacheKeeper(
                pruner=pruner, records=table.records, content=content, images=images, disk=root
            )
            solve = Solve(
                Workshop(
                    solver=solver,
                    puller=table.puller,
                    snapshots=snapshots,
                    content=content,
                    images=images,
                    finder=table.images,
                    blobs=blobs,
                    records=table.records,
                    history=history,
                    sessions=sessions,
                    bridges=bridges,
                    failed=failed,
                    scratch=scratch,
                    platforms=machine.platforms,
                    native=machine.native,
                    emulated=machine.emulated,
                    registry=registry,
                )
            )

            async def work(run: BuildRun) -> dict[str, str]:
                try:
                    return await solve(run)
                finally:
                    asyncio.get_running_loop().call_soon(wake_keeper.set)

            wake_keeper = asyncio.Event()
            tidying = asyncio.create_task(
                _tidy_after_builds(wake_keeper, keeper, history, database)
            )
            stack.push_async_callback(_end, tidying)
            builds = Builds(history, sessions, work, at_once=options.parallel_builds)
            stack.push_async_callback(builds.aclose)
            control = Control(
                builds=builds,
                history=history,
                sessions=sessions,
                cache=keeper,
                worker_id=_worker_id(root),
                labels={
                    "org.mobyproject.buildkit.worker.executor": "oci",
                    "org.mobyproject.buildkit.worker.hostname": os.uname().nodename,
                    "org.mobyproject.buildkit.worker.network": "host",
                    "org.mobyproject.buildkit.worker.snapshotter": "overlayfs",
                },
                platforms=machine.platforms,
                version=VERSION,
            )
            notes = machine.notes
            if not executor.limits_available:
                notes = (*notes, "Limits on memory and processes have no effect on this machine.")
            engine = EngineService(
                facts=EngineFacts(
                    version=VERSION,
                    root=root,
                    log_file=places.log_file,
                    rootless=confinement.rootless,
                    runtime=f"{runtime.name} {runtime.version}".strip(),
                    notes=notes,
                ),
                machine=machine,
                builds=builds,
                history=history,
                idle=lambda: server.idle_for,
                stop=stop.set,
            )
            image_service = ImageService(
                content=content, images=images, sessions=sessions, registry=registry
            )
            run_service = RunService(
                executor=executor,
                images=table.images,
                puller=table.puller,
                snapshots=snapshots,
                operations=operations,
                machine=machine,
                sessions=sessions,
                failed=failed,
                registry=registry,
                scratch=scratch,
            )
            archive_service = ArchiveService(
                content=content, images=images, service=image_service, scratch=scratch
            )
            emulation_service = EmulationService(
                machine=machine,
                settings=emulation,
                source=EmulatorSource(
                    directory=emulation.programs,
                    content=content,
                    sessions=sessions,
                    registry=registry,
                ),
                builds=lambda: len(builds),
                scratch=scratch,
                history=StepTimes(history),
            )
            server = EngineServer(
                join(
                    emulation_service.routes(),
                    control.routes(),
                    BridgeService(bridges, control.worker_record).routes(),
                    engine.routes(),
                    image_service.routes(),
                    archive_service.routes(),
                    run_service.routes(),
                )
            )
            stack.push_async_callback(server.aclose)
            if database.damage is not None:
                log.warning("%s", database.damage)
            spare()
            yield cls(server, builds, options, stop)

    async def listen(self, socket: Path) -> None:
        await self._server.listen(socket)

    async def serve_until_told(self) -> None:
        """Return when the daemon is to end: told so, or idle for long enough."""
        told = asyncio.create_task(self._stop.wait())
        waiting = {told}
        if self._options.idle_seconds > 0:
            waiting.add(
                asyncio.create_task(
                    self._server.wait_idle(  # type: ignore[arg-type]
                        self._options.idle_seconds, lambda: len(self._builds) > 0
                    )
                )
            )
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def _recover(
    snapshots: SnapshotStore,
    content: ContentStore,
    mounts: CacheMounts,
    pruner: Pruner,
    table: OpTable,
    scratch: Path,
) -> None:
    """Clear away what a daemon that was killed left; what was finished stays."""
    snapshots.recover()
    content.recover()
    mounts.recover()
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    on_disk = set(snapshots.layers())
    known = {LayerId(record.id) for record in table.records.all()}
    pruner.forget_layers(known - on_disk)
    for layer in on_disk - known:
        snapshots.remove(layer)


async def _tidy_after_builds(
    wake: asyncio.Event, keeper: CacheKeeper, history: History, database: Database
) -> None:
    while True:
        await wake.wait()
        # Several builds in a row are tidied up after once.
        await asyncio.sleep(5)
        wake.clear()
        await keeper.tidy()
        history.trim()
        await asyncio.to_thread(database.give_back)
        await asyncio.to_thread(give_back)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _worker_id(root: Path) -> str:
    """The same for as long as the data lives."""
    path = root / "worker-id"
    try:
        return path.read_text().strip() or uuid.uuid4().hex
    except FileNotFoundError:
        new = uuid.uuid4().hex
        path.write_text(new)
        return new
