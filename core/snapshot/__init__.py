"""Layers as directories: overlay mounts, and layers to and from tars."""

from core.snapshot.ids import LayerId, Layers
from core.snapshot.store import ActiveLayer, SnapshotStore

__all__ = ["ActiveLayer", "LayerId", "Layers", "SnapshotStore"]
