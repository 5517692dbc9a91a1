"""Digests of files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_PIECE = 1 << 18


def sha256_of_file(path: Path) -> tuple[str, os.stat_result]:
    """The SHA-256 (hex) of a file's bytes, and its status after they were read.

    Never follows a symbolic link at ``path`` itself; raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        data = os.read(descriptor, _PIECE)
        hasher = hashlib.sha256(data)
        if len(data) == _PIECE:
            while data := os.read(descriptor, _PIECE):
                hasher.update(data)
        return hasher.hexdigest(), os.fstat(descriptor)
    finally:
        os.close(descriptor)
