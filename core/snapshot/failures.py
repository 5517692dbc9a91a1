"""What the system says when files cannot be written, as errors for people."""

from __future__ import annotations

import errno

from core.errors import StorageError


def storage_error(error: OSError, doing: str) -> StorageError:
    """``error`` while ``doing`` something, an infinitive; a full disk is told apart."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            f"The disk is full: cannot {doing}.",
            hint="Free space with `viaduct prune`, or move the builder's state elsewhere.",
            temporary=True,
        )
    return StorageError(f"Cannot {doing}: {error}.")
