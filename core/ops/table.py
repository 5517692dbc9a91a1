"""The table of operations: from a vertex to what executes it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from core.cache.database import Database
from core.cache.downloads import Downloads
from core.cache.holds import Holds
from core.cache.layers import LayerRecords
from core.cache.notes import Notes
from core.cache.stats import StatCache
from core.content.images import ImageStore
from core.content.store import ContentStore
from core.errors import OptionError
from core.llb.ops import (
    BuildOp,
    DiffOp,
    ExecOp,
    FileOp,
    MergeOp,
    PassthroughOp,
    SourceOp,
)
from core.llb.vertex import Vertex
from core.oci.platform import Platform
from core.ops.file_workers import FileWorkers
from core.ops.git import GitOp, GitRepositories
from core.ops.http import HttpOp
from core.ops.image import ImageOp, LayoutOp
from core.ops.images import Images
from core.ops.layering import Diff, Merge, Passthrough
from core.ops.local import LocalDirectories, LocalOp
from core.ops.puller import Puller
from core.ops.refs import Ref
from core.ops.results import RefResults
from core.ops.tree_sync import LocalCopier
from core.snapshot.store import SnapshotStore
from core.solver.protocol import Op

_READERS = 4

MakeOp = Callable[[Vertex], Op[Ref]]


class OpTable:
    """The operations of one daemon and what they share. Close it when no build runs.

    ``root`` gets directories for received contexts and git repositories. ``exec_op`` and
    ``file_op`` make the operations of exec and file vertices. ``native`` is the platform of
    sources that name none.
    """

    def __init__(
        self,
        root: Path,
        *,
        database: Database,
        snapshots: SnapshotStore,
        content: ContentStore,
        images: ImageStore,
        holds: Holds,
        native: Platform,
    ) -> None:
        self.records = LayerRecords(database)
        self.puller = Puller(
            snapshots=snapshots,
            content=content,
            records=self.records,
            holds=holds,
            copier=LocalCopier(snapshots),
        )
        self.images = Images(content, images)
        self.results = RefResults(snapshots, self.records, holds)
        self.workers = FileWorkers()
        self.notes = Notes(database)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="context")
        self._directories = LocalDirectories(
            root / "contexts",
            stats=StatCache(database),
            readers=self._readers,
            workers=self.workers,
            puller=self.puller,
        )
        self._git = GitRepositories(root / "git", snapshots, self.records)
        self._downloads = Downloads(database)
        self._snapshots = snapshots
        self._content = content
        self._native = native
        self._exec_op: MakeOp | None = None
        self._file_op: MakeOp | None = None

    def use(self, *, exec_op: MakeOp, file_op: MakeOp) -> None:
        """Set what makes the operations of exec and file vertices."""
        self._exec_op, self._file_op = exec_op, file_op

    def close(self) -> None:
        """End the threads and processes."""
        self._readers.shutdown()
        self.workers.close()

    def __enter__(self) -> OpTable:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def resolve(self, vertex: Vertex) -> Op[Ref]:
        """The operation of ``vertex``; OptionError for one that this builder does not have."""
        op, inputs = vertex.op, len(vertex.inputs)
        match op:
            case SourceOp():
                return self._source(op, vertex.platform or self._native)
            case ExecOp() if self._exec_op is not None:
                return self._exec_op(vertex)
            case FileOp() if self._file_op is not None:
                return self._file_op(vertex)
            case MergeOp():
                return Merge(op, inputs, self.puller)
            case DiffOp():
                return Diff(op, inputs, self.puller, self._snapshots, self.records)
            case PassthroughOp():
                return Passthrough(op, inputs)
            case BuildOp() | ExecOp() | FileOp():
                raise OptionError(f"{vertex.name}: this builder cannot do that.")

    def _source(self, op: SourceOp, platform: Platform) -> Op[Ref]:
        match op.scheme:
            case "docker-image":
                return ImageOp(op, platform, self.images)
            case "oci-layout":
                return LayoutOp(op, platform, self._content, self.puller)
            case "local":
                return LocalOp(op, self._directories)
            case "http" | "https":
                return HttpOp(op, self._downloads, self._content, self._snapshots, self.records)
            case "git":
                return GitOp(op, self._git)
            case _:
                raise OptionError(
                    f"{op.identifier!r} is no source that this builder knows.",
                    hint="It knows docker-image, oci-layout, local, http, https and git.",
                )
