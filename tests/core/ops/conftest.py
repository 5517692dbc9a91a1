"""A step, a build and stores for operations that need no container."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.cache.database import Database
from core.cache.holds import Holds
from core.cache.layers import LayerRecords
from core.cache.stats import StatCache
from core.content.images import ImageStore
from core.content.sources import BlobSources
from core.content.store import ContentStore
from core.llb.ops import PassthroughOp
from core.llb.vertex import Vertex
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.index import Index
from core.oci.manifest import Manifest
from core.oci.platform import parse_platform
from core.ops.table import OpTable
from core.registry.client import RegistryClient
from core.snapshot.store import SnapshotStore


@dataclass
class FakeStep:
    """A ``Step`` that keeps what it was told."""

    contexts: tuple[object, ...] = ()
    vertex: Vertex = field(default_factory=lambda: Vertex(op=PassthroughOp(id="s", outputs=())))
    logs: list[bytes] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)

    def log(self, stream: int, data: bytes) -> None:
        self.logs.append(data)

    def status(self, id, *, current=0, total=0, name="", started=None, completed=None) -> None:
        self.statuses.append(id)

    def warn(self, short, *, detail=(), url="", ranges=()) -> None:
        self.logs.append(short.encode())


@dataclass
class FakeBuild:
    """A ``BuildContext`` whose client is on this machine."""

    client: RegistryClient
    directories: dict[str, Path] = field(default_factory=dict)
    secrets: dict[str, bytes] = field(default_factory=dict)
    resolved: dict[str, Descriptor] = field(default_factory=dict)
    session: object = None

    def local_dir(self, name: str) -> Path | None:
        return self.directories.get(name)


@dataclass
class Stores:
    root: Path
    database: Database
    content: ContentStore
    images: ImageStore
    snapshots: SnapshotStore
    holds: Holds
    records: LayerRecords
    stats: StatCache
    readers: ThreadPoolExecutor
    table: OpTable

    def add_image(self, name, layers, *, platforms=("linux/amd64",)) -> Descriptor:
        """An image in the local store; ``layers`` are dicts of path to bytes (None: removed)."""
        manifests = []
        for text in platforms:
            platform = parse_platform(text)
            tars = [make_tar(files) for files in layers]
            blobs = [Descriptor.of(media_types.OCI_LAYER, data) for data in tars]
            for data in tars:
                self.content.put(data)
            config = json.dumps(
                {
                    "architecture": platform.architecture,
                    "os": platform.os,
                    "config": {"Labels": {"platform": text}},
                    "rootfs": {
                        "type": "layers",
                        "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars],
                    },
                }
            ).encode()
            self.content.put(config)
            manifest = Manifest(
                config=Descriptor.of(media_types.OCI_CONFIG, config), layers=tuple(blobs)
            ).to_bytes()
            self.content.put(manifest)
            found = Descriptor.of(media_types.OCI_MANIFEST, manifest)
            manifests.append(
                Descriptor(
                    media_type=found.media_type,
                    digest=found.digest,
                    size=found.size,
                    platform=platform,
                )
            )
        index = Index(manifests=tuple(manifests)).to_bytes()
        self.content.put(index)
        descriptor = Descriptor.of(media_types.OCI_INDEX, index)
        if name:
            self.images.put(name, descriptor)
        return descriptor


def make_tar(files) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, data in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.fixture
def stores(tmp_path):
    root = tmp_path / "root"
    with (
        Database(None) as database,
        ThreadPoolExecutor(2, thread_name_prefix="context") as readers,
    ):
        content = ContentStore(root / "content")
        images = ImageStore(root / "images")
        snapshots = SnapshotStore(root / "snapshots", rootless=False)
        holds = Holds()
        with OpTable(
            root,
            database=database,
            snapshots=snapshots,
            content=content,
            images=images,
            holds=holds,
            native=parse_platform("linux/amd64"),
        ) as table:
            yield Stores(
                root,
                database,
                content,
                images,
                snapshots,
                holds,
                LayerRecords(database),
                StatCache(database),
                readers,
                table,
            )


@pytest.fixture
async def build(stores):
    async with RegistryClient(sources=BlobSources(stores.root / "sources")) as client:
        yield FakeBuild(client)


@pytest.fixture
def step(build):
    return FakeStep((build,))
