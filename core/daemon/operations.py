"""The operations of exec and file vertices, and the threads they share."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from core.cache.mounts import CacheMounts
from core.daemon.machine import Machine
from core.executor.executor import Executor
from core.llb.vertex import Vertex
from core.ops.exec import ExecOperations, Limits
from core.ops.exec_mounts import MountMaker
from core.ops.file import FileOperations
from core.ops.file_inputs import FileInputs
from core.ops.refs import Ref
from core.ops.table import OpTable
from core.snapshot.store import SnapshotStore
from core.solver.protocol import Op


class Operations:
    """One for the daemon; closing it waits for the threads."""

    def __init__(
        self,
        *,
        table: OpTable,
        snapshots: SnapshotStore,
        mounts: CacheMounts,
        executor: Executor,
        machine: Machine,
        rootless: bool,
        limits: Limits,
    ) -> None:
        workers = max(4, 2 * (os.cpu_count() or 1))
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="files")
        inputs = FileInputs(
            puller=table.puller, snapshots=snapshots, threads=self._threads, notes=table.notes
        )
        self._files = FileOperations(
            puller=table.puller,
            snapshots=snapshots,
            records=table.records,
            inputs=inputs,
            threads=self._threads,
            rootless=rootless,
            notes=table.notes,
            workers=table.workers,
        )
        self.execs = ExecOperations(
            executor=executor,
            snapshots=snapshots,
            records=table.records,
            inputs=inputs,
            mounts=MountMaker(
                puller=table.puller, snapshots=snapshots, caches=mounts, threads=self._threads
            ),
            machine=lambda: machine.current,
            limits=limits,
        )

    def file_op(self, vertex: Vertex) -> Op[Ref]:
        return self._files.operation(vertex)

    def exec_op(self, vertex: Vertex) -> Op[Ref]:
        return self.execs.operation(vertex)

    def __enter__(self) -> Operations:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._threads.shutdown()
