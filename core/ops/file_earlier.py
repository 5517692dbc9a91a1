"""What earlier copies left in layers, so that the next one need not copy it again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace

from core.llb.files import CopyAction
from core.ops.file_copy import Copied

# Files of all copies together, each some 400 bytes.
_REMEMBERED = 150_000


class EarlierCopies:
    """The last copy of each kind: same source and destination, owner and mode. Thread-safe."""

    def __init__(self) -> None:
        self._copies: OrderedDict[CopyAction, Mapping[str, Copied]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def of(self, action: CopyAction) -> Mapping[str, Copied]:
        """By source path; layers may have gone meanwhile."""
        with self._lock:
            return self._copies.get(action, {})

    def keep(
        self, action: CopyAction, done: Mapping[str, Copied], made_at: str, now_at: str
    ) -> None:
        """Remember ``done``, whose files were made below ``made_at`` and lie below ``now_at``."""
        moved = {
            source: replace(copied, path=now_at + copied.path.removeprefix(made_at))
            for source, copied in done.items()
        }
        with self._lock:
            self._size += len(moved) - len(self._copies.pop(action, {}))
            self._copies[action] = moved
            while self._size > _REMEMBERED and len(self._copies) > 1:
                _, dropped = self._copies.popitem(last=False)
                self._size -= len(dropped)
