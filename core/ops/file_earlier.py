"""What earlier copies left in layers, so that the next one need not copy it again.

A layer that was copied from this machine has a list beside its files: ``copied``, with what every
file was made of by the path that it was copied from. Nothing of it is in memory but while something
is copied.
"""

from __future__ import annotations

import hashlib
import marshal
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.cache.notes import Notes
from core.llb.files import CopyAction
from core.snapshot.ids import LayerId
from core.snapshot.store import SnapshotStore

LIST = "copied"


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierFiles:
    """By source path: what the file was made of.

    ``base`` is a path of the source, and what it was copied to below ``root``.
    """

    root: str = ""
    base: tuple[str, str] = ("", "")
    files: Mapping[str, bytes] = field(default_factory=dict)

    def path(self, source: str) -> str:
        """Where the copy of ``source`` is."""
        top, place = self.base
        inside = source.removeprefix(top)
        return f"{self.root}{place}{inside if top or not inside else f'/{inside}'}"


class EarlierCopies:
    """The last copy of each kind: same source and destination, owner and mode. Thread-safe."""

    def __init__(self, notes: Notes, snapshots: SnapshotStore) -> None:
        self._notes = notes
        self._snapshots = snapshots

    def of(self, action: CopyAction) -> EarlierFiles:
        """What may be linked to; nothing when the layer is gone."""
        layer = self._notes.get(_key(action))
        if layer is None:
            return EarlierFiles()
        root = self._snapshots.layer_path(LayerId(layer))
        try:
            data = root.with_name(LIST).read_bytes()
            top, place, files = marshal.loads(zlib.decompress(data))
        except (OSError, zlib.error, ValueError, EOFError, TypeError):
            return EarlierFiles()
        return EarlierFiles(root=str(root), base=(top, place), files=files)

    def write(self, done: Mapping[str, bytes], base: tuple[str, str], root: Path) -> None:
        """Put the list beside ``root``, the directory of a layer in the making."""
        root.with_name(LIST).write_bytes(zlib.compress(marshal.dumps((*base, dict(done)), 2), 1))

    def keep(self, action: CopyAction, layer: LayerId) -> None:
        """``layer`` is the last copy of this kind from now on."""
        self._notes.put(_key(action), layer)


def _key(action: CopyAction) -> str:
    text = repr(action).encode(errors="surrogateescape")
    return f"copied {hashlib.sha256(text).hexdigest()}"
