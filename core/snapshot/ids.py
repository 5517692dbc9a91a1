"""Names of layers.

A result's file system is ``Layers``: layer ids from the bottom to the top. Every layer is a
directory in overlayfs format: what it adds or changes, a character device 0:0 for what it
removes, and the ``overlay.opaque`` attribute on directories that hide what is below them.
Two results are merged by putting one's layers on the other's.
"""

from __future__ import annotations

import uuid
from typing import NewType

LayerId = NewType("LayerId", str)
Layers = tuple[LayerId, ...]


def new_layer_id() -> LayerId:
    return LayerId(uuid.uuid4().hex)
