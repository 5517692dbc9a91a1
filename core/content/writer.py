"""Taking in a blob."""

from __future__ import annotations

import hashlib
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

from core.content.files import storage_errors
from core.errors import StorageError
from core.oci.digest import Digest

if TYPE_CHECKING:
    from core.content.store import ContentStore

_CHUNK: Final = 1 << 20


class DigestMismatchError(StorageError):
    """Bytes arrived that are not those that were asked for."""

    code = "digest-mismatch"


class ContentWriter:
    """Bytes on their way to become a blob; made by ``ContentStore.writer``.

    ``offset`` is how many bytes are there already. One thread at a time.
    """

    def __init__(
        self,
        store: ContentStore,
        file: FileIO,
        expected: Digest | None,
        total: int | None,
        *,
        keep: bool,
    ) -> None:
        self._store = store
        self._file = file
        self._path = Path(file.name)
        self._expected = expected
        self._total = total
        self._keep = keep
        self._hash = hashlib.sha256()
        self._done = False
        self.offset = 0
        self._take_up()

    def _take_up(self) -> None:
        """Hash what an earlier writer left; start over when it is too long to be a beginning."""
        self._file.seek(0)
        while data := self._file.read(_CHUNK):
            self._hash.update(data)
            self.offset += len(data)
        if self._total is not None and self.offset > self._total:
            self.restart()

    def restart(self) -> None:
        """Drop every byte written so far."""
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.sha256()
        self.offset = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append; StorageError when the disk refuses."""
        with storage_errors("a blob cannot be written"):
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]
        self._hash.update(data)
        self.offset += len(data)

    def commit(self) -> Digest:
        """Verify, and make the blob appear. Idempotent for a blob that is there already.

        DigestMismatchError when size or digest differ; the bytes are dropped then.
        """
        digest = Digest.sha256(self._hash.hexdigest())
        if self._total is not None and self.offset != self._total:
            if self.offset > self._total:
                self._discard()
            raise DigestMismatchError(
                f"a blob of {self._total} bytes was expected and {self.offset} bytes came",
                temporary=True,
            )
        if self._expected is not None and digest != self._expected:
            self._discard()
            raise DigestMismatchError(
                f"the bytes of blob {self._expected} have the digest {digest}",
                hint="Something between here and there changes data; try again.",
                temporary=True,
            )
        with storage_errors("a blob cannot be written"):
            if self._store.has(digest, self.offset):
                self._store.touch(digest)
                self._discard()
            else:
                self._store.adopt(self._path, digest, fd=self._file.fileno())
        self._done = True
        self._file.close()
        return digest

    def _discard(self) -> None:
        self._done = True
        self._path.unlink(missing_ok=True)
        self._file.close()

    def __enter__(self) -> ContentWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave; without a commit before, a writer with a ref keeps what it has."""
        if self._done:
            return
        if self._keep and self.offset:
            self._done = True
            self._file.close()
        else:
            self._discard()
