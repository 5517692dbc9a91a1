"""What every operation gives: a file system, as far as it is here yet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.reference import Reference
from core.ops.local_tree import LocalTree
from core.snapshot.ids import LayerId


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteLayer:
    """A layer of an image that need not be here: fetched and unpacked when its files are wanted.

    ``reference`` is a repository that has the blob. ``parent`` is the layer below it in its image.
    ``created`` is nanoseconds since the epoch, 0 for unknown.
    """

    reference: Reference
    descriptor: Descriptor
    diff_id: Digest
    parent: RemoteLayer | None = None
    created: int = 0

    @property
    def chain_id(self) -> Digest:
        """The identity of this layer on top of those below it (OCI config.md, "Layer ChainID")."""
        chain: Digest | None = None
        for layer in self.lineage():
            if chain is None:
                chain = layer.diff_id
            else:
                text = f"{chain} {layer.diff_id}".encode()
                chain = Digest.sha256(hashlib.sha256(text).hexdigest())
        assert chain is not None
        return chain

    def lineage(self) -> tuple[RemoteLayer, ...]:
        """The layers of the image from the bottom up to this one."""
        found: list[RemoteLayer] = []
        layer: RemoteLayer | None = self
        while layer is not None:
            found.append(layer)
            layer = layer.parent
        return tuple(reversed(found))


Layer = LayerId | RemoteLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """The result of an operation: ``layers`` from the bottom to the top, none for scratch.

    ``local`` instead is a directory of this machine that was not copied. ``Files`` in
    ``core.ops.files`` makes either into layers that can be mounted.
    """

    layers: tuple[Layer, ...] = ()
    local: LocalTree | None = None

    @property
    def kept_layers(self) -> tuple[LayerId, ...]:
        """The layers that are in the snapshot store."""
        return tuple(layer for layer in self.layers if not isinstance(layer, RemoteLayer))

    @property
    def remote_layers(self) -> Iterator[RemoteLayer]:
        """The layers that may have to be fetched."""
        return (layer for layer in self.layers if isinstance(layer, RemoteLayer))


SCRATCH = Ref()


def stacked(refs: Sequence[Ref]) -> tuple[Layer, ...]:
    """The layers of ``refs`` on top of each other, the first at the bottom."""
    return tuple(layer for ref in refs for layer in ref.layers)
