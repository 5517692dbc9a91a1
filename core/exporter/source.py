"""What is exported, and what exporters need of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from core.cache.layers import BlobRecord
from core.content.store import ContentStore
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.platform import Platform
from core.oci.reference import Reference
from core.registry.transfers import OnTransfer, silent
from core.snapshot.ids import LayerId, Layers


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteBlob:
    """A layer of a base image, as the registry has it."""

    reference: Reference
    descriptor: Descriptor
    diff_id: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportLayer:
    """One layer of a result: unpacked here (``id``), or only known as a blob (``remote``), or both.

    ``created`` is in nanoseconds since the epoch, 0 for unknown; ``created_by`` describes the
    step, for layers that the image config has no history of.
    """

    id: LayerId | None = None
    remote: RemoteBlob | None = None
    created: int = 0
    created_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformImage:
    """One platform's result. ``config`` is an image config as a JSON value, without layers."""

    platform: Platform
    layers: tuple[ExportLayer, ...]
    config: Mapping[str, Any]
    base_config: bytes | None = None

    @property
    def key(self) -> str:
        """The name under which results of this platform are kept."""
        return self.platform.format_all()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSource:
    """A whole result, platforms in the order of the request.

    ``epoch`` is the build's SOURCE_DATE_EPOCH in seconds; ``metadata`` holds the frontend's
    annotations (``annotation...``) and name (``image.name``).
    """

    images: tuple[PlatformImage, ...]
    multi_platform: bool = False
    epoch: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


class LayerTars(Protocol):
    """Layers as tars: ``core.snapshot.SnapshotStore``."""

    def write_tar(
        self,
        layer: LayerId,
        below: Layers,
        out: Callable[[bytes | bytearray], object],
        *,
        epoch: int | None = None,
    ) -> None: ...

    def stands_alone(self, layer: LayerId) -> bool:
        """Whether the layer was made on nothing, so that its tar never depends on others."""
        ...


class BlobRecords(Protocol):
    """Which blobs a layer is known as: ``core.cache.layers.LayerRecords``."""

    def blob(self, layer: str, variant: str) -> BlobRecord | None: ...

    def set_blob(self, layer: str, blob: BlobRecord) -> None: ...


class Fetcher(Protocol):
    """Gets a blob of a repository: ``core.registry.client.RegistryClient``."""

    async def fetch(
        self,
        reference: Reference,
        descriptor: Descriptor,
        store: ContentStore,
        on_transfer: OnTransfer = silent,
    ) -> None: ...


class Views(Protocol):
    """Shows the files of a result."""

    def view(self, image: PlatformImage) -> AbstractAsyncContextManager[Path]:
        """A folder to read from, with everything that is not here yet fetched and unpacked."""
        ...


class Reporter(Protocol):
    """Where progress goes: the exporter's vertex. Times are nanoseconds since the epoch."""

    def status(
        self,
        id: str,
        *,
        current: int = 0,
        total: int = 0,
        name: str = "",
        started: int | None = None,
        completed: int | None = None,
    ) -> None: ...

    def warn(self, short: str) -> None: ...
