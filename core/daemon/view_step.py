"""Work outside of the solver's graph that still needs a step: exports, reading a context."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from core.daemon.build_run import RunStep
from core.errors import LineRange
from core.exporter.source import ExportLayer, PlatformImage, RemoteBlob
from core.llb.metadata import Metadata
from core.llb.ops import SourceOp
from core.llb.vertex import Vertex
from core.ops.puller import Puller
from core.ops.refs import Layer, Ref, RemoteLayer
from core.snapshot.store import SnapshotStore


class OutsideStep:
    """``core.solver.protocol.Step`` whose progress goes to a vertex of the builder's own."""

    def __init__(self, name: str, step: RunStep, context: object) -> None:
        self._step = step
        self.vertex = Vertex(
            op=SourceOp(identifier=f"viaduct://{name}"), metadata=Metadata(name=name)
        )
        self.contexts: Sequence[object] = (context,)
        self.ignores_cache = False

    def log(self, stream: int, data: bytes) -> None:
        self._step.log(stream, data)

    def status(
        self,
        id: str,
        *,
        current: int = 0,
        total: int = 0,
        name: str = "",
        started: int | None = None,
        completed: int | None = None,
    ) -> None:
        self._step.status(
            id, current=current, total=total, name=name, started=started, completed=completed
        )

    def warn(
        self,
        short: str,
        *,
        detail: Sequence[str] = (),
        url: str = "",
        ranges: Iterable[LineRange] = (),
    ) -> None:
        self._step.warn(short, detail=detail, url=url, ranges=ranges)


class ResultViews:
    """Shows the files of results: ``core.exporter.source.Views`` for one build."""

    def __init__(self, puller: Puller, snapshots: SnapshotStore) -> None:
        self._puller = puller
        self._snapshots = snapshots
        self._refs: dict[int, Ref] = {}
        self.step: OutsideStep | None = None
        """Where the progress of pulls goes."""

    def image(self, image: PlatformImage, ref: Ref) -> PlatformImage:
        """Remember which result an image stands for."""
        self._refs[id(image)] = ref
        return image

    @asynccontextmanager
    async def view(self, image: PlatformImage) -> AsyncIterator[Path]:
        async with self.files(self._refs[id(image)]) as root:
            yield root

    @asynccontextmanager
    async def files(self, ref: Ref) -> AsyncIterator[Path]:
        """A directory to read from, with everything fetched and unpacked."""
        assert self.step is not None
        async with self._puller.unpacked(ref, self.step) as layers:
            with self._snapshots.view(layers) as root:
                yield root


def export_layer(layer: Layer, created_by: str = "", created: int = 0) -> ExportLayer:
    """A result's layer as exporters see it."""
    if isinstance(layer, RemoteLayer):
        blob = RemoteBlob(
            reference=layer.reference, descriptor=layer.descriptor, diff_id=layer.diff_id
        )
        return ExportLayer(remote=blob, created=layer.created, created_by=created_by)
    return ExportLayer(id=layer, created=created, created_by=created_by)
