"""How results are kept in the cache (``core.solver.protocol.Results`` of ``Ref``)."""

from __future__ import annotations

import json
from typing import Any

from core.cache.holds import Holds
from core.cache.layers import LayerRecords
from core.cache.results import StoredResult
from core.errors import StorageError
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.reference import parse_reference
from core.ops.refs import Layer, Ref, RemoteLayer
from core.snapshot.ids import LayerId
from core.snapshot.store import SnapshotStore


class RefResults:
    """Keeps layers by id and layers of images by what is needed to fetch them.

    A directory of this machine is not kept: its content is what counts.
    """

    def __init__(self, snapshots: SnapshotStore, records: LayerRecords, holds: Holds) -> None:
        self._snapshots = snapshots
        self._records = records
        self._holds = holds

    def encode(self, result: Ref) -> StoredResult | None:
        """See ``core.solver.protocol.Results``."""
        if result.local is not None:
            return None
        if not any(True for _ in result.remote_layers):
            return StoredResult(layers=result.kept_layers)
        return StoredResult(
            layers=result.kept_layers, value=json.dumps([_plain(x) for x in result.layers])
        )

    def decode(self, stored: StoredResult) -> Ref | None:
        """See ``core.solver.protocol.Results``."""
        kept = tuple(LayerId(layer) for layer in stored.layers)
        if not self._holds.take(kept):
            return None
        if not all(self._snapshots.has(layer) for layer in kept):
            self._holds.give_back(kept)
            return None
        self._records.touch(kept)
        if not stored.value:
            return Ref(layers=kept)
        return Ref(layers=_layers(json.loads(stored.value)))

    def hold(self, result: Ref) -> None:
        """See ``core.solver.protocol.Results``."""
        if not self._holds.take(result.kept_layers):
            raise StorageError(
                "The result of a step was pruned as the step ended.",
                hint="Build again.",
                temporary=True,
            )

    def release(self, result: Ref) -> None:
        """See ``core.solver.protocol.Results``."""
        self._holds.give_back(result.kept_layers)


def _plain(layer: Layer) -> dict[str, Any]:
    if not isinstance(layer, RemoteLayer):
        return {"layer": layer}
    return {
        "remote": [
            {
                "reference": str(part.reference),
                "descriptor": part.descriptor.to_json(),
                "diff_id": part.diff_id,
            }
            for part in layer.lineage()
        ]
    }


def _layers(values: list[dict[str, Any]]) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    for value in values:
        if "layer" in value:
            layers.append(LayerId(value["layer"]))
            continue
        remote: RemoteLayer | None = None
        for part in value["remote"]:
            remote = RemoteLayer(
                reference=parse_reference(part["reference"]),
                descriptor=Descriptor.from_json(part["descriptor"]),
                diff_id=Digest(part["diff_id"]),
                parent=remote,
            )
        assert remote is not None
        layers.append(remote)
    return tuple(layers)
