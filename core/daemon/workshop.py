"""What every build of the daemon shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.cache.layers import LayerRecords
from core.content.images import ImageStore
from core.content.store import ContentStore
from core.daemon.bridges import Bridges
from core.daemon.failed_steps import FailedSteps
from core.daemon.history import History
from core.daemon.sessions import Sessions
from core.exporter.layers import LayerBlobs
from core.oci.platform import Platform
from core.ops.images import Images
from core.ops.puller import Puller
from core.ops.refs import Ref
from core.registry.client import RegistryClient
from core.registry.credentials import CredentialSource
from core.snapshot.store import SnapshotStore
from core.solver.solver import Solver


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """``platforms`` are the machine's as of now, native ones first."""

    solver: Solver[Ref]
    puller: Puller
    snapshots: SnapshotStore
    content: ContentStore
    images: ImageStore
    finder: Images
    blobs: LayerBlobs
    records: LayerRecords
    history: History
    sessions: Sessions
    bridges: Bridges
    failed: FailedSteps
    scratch: Path
    platforms: Callable[[], Sequence[Platform]]
    native: Callable[[], Sequence[Platform]]
    emulated: Callable[[], Mapping[Platform, str]]
    registry: Callable[[CredentialSource], RegistryClient]
