"""Results to export, without containers: layers are folders."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.cache.layers import BlobRecord
from core.content.images import ImageStore
from core.content.store import ContentStore
from core.errors import NotFoundError
from core.exporter.layers import LayerBlobs
from core.exporter.outputs import (
    FileOutput,
    LayoutOutput,
    PathFile,
    PathLayout,
    PathTree,
    TreeOutput,
)
from core.exporter.run import ExporterFactory
from core.exporter.source import ExportLayer, ExportSource, PlatformImage
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.platform import parse_platform
from core.oci.reference import Reference
from core.registry.transfers import OnTransfer, silent
from core.snapshot.ids import LayerId, Layers
from core.snapshot.layer_tar import LayerTarWriter


class FolderTars:
    """Layers that are plain folders below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.written: list[tuple[LayerId, Layers]] = []
        self.alone: set[LayerId] = set()

    def make(self, name: str, files: Mapping[str, bytes]) -> LayerId:
        for path, data in files.items():
            target = self.root / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            os.utime(target, (1_700_000_000, 1_700_000_000))
            os.utime(target.parent, (1_700_000_000, 1_700_000_000))
        (self.root / name).mkdir(exist_ok=True, parents=True)
        return LayerId(name)

    def stands_alone(self, layer: LayerId) -> bool:
        return layer in self.alone

    def write_tar(
        self,
        layer: LayerId,
        below: Layers,
        out: Callable[[bytes | bytearray], object],
        *,
        epoch: int | None = None,
    ) -> None:
        self.written.append((layer, below))
        upper = os.fsencode(self.root / layer)
        LayerTarWriter(upper, None, out, rootless=False, epoch=epoch).write()


class Records:
    """Blobs of layers, in memory."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], BlobRecord] = {}

    def blob(self, layer: str, variant: str) -> BlobRecord | None:
        return self.known.get((layer, variant))

    def set_blob(self, layer: str, blob: BlobRecord) -> None:
        self.known[layer, blob.variant] = blob


@dataclass
class Push:
    reference: str
    tags: tuple[str, ...]
    digest: Digest
    by_digest: bool
    insecure: bool
    origins: dict[Digest, str]


class FakeClient:
    """Remembers pushes; gives blobs that it was handed."""

    def __init__(self) -> None:
        self.pushes: list[Push] = []
        self.blobs: dict[Digest, bytes] = {}
        self.fetched: list[Digest] = []

    async def fetch(
        self,
        reference: Reference,
        descriptor: Descriptor,
        store: ContentStore,
        on_transfer: OnTransfer = silent,
    ) -> None:
        self.fetched.append(descriptor.digest)
        if descriptor.digest not in self.blobs:
            raise NotFoundError(f"no blob {descriptor.digest}")
        store.put(self.blobs[descriptor.digest])

    async def push(
        self,
        reference: Reference,
        root: Descriptor,
        store: ContentStore,
        on_transfer: OnTransfer = silent,
        *,
        tags: Sequence[str] = (),
        by_digest: bool = False,
        insecure: bool = False,
        origins: Mapping[Digest, Reference] | None = None,
    ) -> None:
        self.pushes.append(
            Push(
                reference=str(reference),
                tags=tuple(tags),
                digest=root.digest,
                by_digest=by_digest,
                insecure=insecure,
                origins={d: str(r) for d, r in (origins or {}).items()},
            )
        )


class FolderViews:
    """The files of a result whose layers do not overlap: its last layer's folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @asynccontextmanager
    async def view(self, image: PlatformImage) -> AsyncIterator[Path]:
        layer = image.layers[-1].id
        assert layer is not None
        yield self._root / layer


@dataclass
class Notes:
    """A reporter."""

    ids: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def status(self, id: str, **rest: Any) -> None:
        self.ids.append(id)

    def warn(self, short: str) -> None:
        self.warnings.append(short)


@dataclass
class PathOutputs:
    path: Path

    def file(self) -> FileOutput:
        return PathFile(self.path)

    def tree(self) -> TreeOutput:
        return PathTree(self.path)

    def layout(self) -> LayoutOutput:
        return PathLayout(self.path)


@dataclass
class Workbench:
    """Everything that exporters need."""

    tars: FolderTars
    store: ContentStore
    images: ImageStore
    records: Records
    blobs: LayerBlobs
    client: FakeClient
    factory: ExporterFactory
    notes: Notes
    path: Path

    def exporter(self, kind: str, dest: str = "out", **attrs: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in attrs.items()}
        return self.factory.create(kind, named, PathOutputs(self.path / dest))

    async def export(
        self, kind: str, source: ExportSource, dest: str = "out", **attrs: str
    ) -> dict[str, str]:
        exported = await self.exporter(kind, dest, **attrs).export(source, self.notes)
        if exported.finish is not None:
            await exported.finish()
        return dict(exported.response)

    def source(
        self,
        *platforms: str,
        files: Mapping[str, bytes] | None = None,
        multi: bool | None = None,
        base: tuple[ExportLayer, ...] = (),
        config: Mapping[str, Any] | None = None,
        **rest: Any,
    ) -> ExportSource:
        """One layer for each platform, on the layers of ``base``."""
        found = []
        for text in platforms or ("linux/amd64",):
            platform = parse_platform(text)
            content = dict(files or {"bin/app": b"program of "}) | {"platform": text.encode()}
            name = f"{text.replace('/', '-')}-{Digest.of(repr(content).encode()).hex[:8]}"
            layer = self.tars.make(name, content)
            value = {
                "os": platform.os,
                "architecture": platform.architecture,
                "config": {"Env": ["PATH=/bin"]},
                "history": [{"created_by": "RUN make"}],
            } | dict(config or {})
            found.append(
                PlatformImage(
                    platform=platform,
                    layers=(*base, ExportLayer(id=layer, created=1_700_000_000_500_000_000)),
                    config=value,
                    base_config=rest.get("base_config"),
                )
            )
        rest.pop("base_config", None)
        return ExportSource(
            images=tuple(found),
            multi_platform=len(found) > 1 if multi is None else multi,
            **rest,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    tars = FolderTars(tmp_path / "layers")
    store = ContentStore(tmp_path / "content")
    images = ImageStore(tmp_path / "images")
    records = Records()
    blobs = LayerBlobs(tars, store, records, workers=2)
    client = FakeClient()
    factory = ExporterFactory(
        store=store,
        images=images,
        blobs=blobs,
        client=client,
        views=FolderViews(tars.root),
    )
    yield Workbench(
        tars=tars,
        store=store,
        images=images,
        records=records,
        blobs=blobs,
        client=client,
        factory=factory,
        notes=Notes(),
        path=tmp_path,
    )
    blobs.close()
