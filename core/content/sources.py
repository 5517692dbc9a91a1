"""Which repositories are known to hold a blob, for mounting it instead of uploading it.

Layout: ``<root>/<hex>``, one ``domain/path`` a line, the latest last. It is a hint: a wrong line
costs one request.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from core.content.files import storage_errors
from core.oci.digest import Digest

_KEPT: Final = 8


class BlobSources:
    """Remembers where blobs were pulled from and pushed to."""

    def __init__(self, root: Path) -> None:
        self._root = root
        with storage_errors("the list of blob sources cannot be made"):
            root.mkdir(parents=True, exist_ok=True)

    def note(self, digest: Digest, domain: str, path: str) -> None:
        """The repository ``domain/path`` holds the blob."""
        known = self._read(digest)
        name = f"{domain}/{path}"
        if known[-1:] == [name]:
            return
        lines = [*(line for line in known if line != name), name][-_KEPT:]
        target = self._root / digest.hex
        temporary = target.with_suffix(f".{os.getpid()}-{id(lines):x}")
        with storage_errors("a blob's source cannot be noted"):
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
            os.rename(temporary, target)

    def of(self, digest: Digest, domain: str) -> tuple[str, ...]:
        """Paths of repositories of ``domain`` that hold the blob, the latest first."""
        prefix = f"{domain}/"
        return tuple(
            line.removeprefix(prefix)
            for line in reversed(self._read(digest))
            if line.startswith(prefix)
        )

    def forget(self, digest: Digest) -> None:
        """The blob is gone from the local store."""
        (self._root / digest.hex).unlink(missing_ok=True)

    def _read(self, digest: Digest) -> list[str]:
        try:
            return (self._root / digest.hex).read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, UnicodeDecodeError):
            return []
