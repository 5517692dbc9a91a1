"""The http source: a file that is downloaded when the server has another one than last time."""

from __future__ import annotations

import asyncio
import email.utils
import hashlib
import os
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import aiohttp

from core.cache.downloads import Downloads
from core.cache.layers import LayerRecords
from core.content.store import ContentStore
from core.errors import BuilderError, NotFoundError, OptionError
from core.llb.ops import SourceOp
from core.oci.digest import Digest
from core.ops.contexts import secret
from core.ops.refs import Ref
from core.ops.threads import in_thread
from core.snapshot.ids import LayerId
from core.snapshot.store import SnapshotStore
from core.solver.protocol import CacheMap, Slot, Step

_PIECE: Final = 1 << 20
_CONNECT_SECONDS: Final = 20.0
_SILENCE_SECONDS: Final = 60.0
_HEADER: Final = "http.header."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Download:
    """What a server sent; ``modified`` in seconds since the epoch, 0 for unknown.

    ``named`` is the digest by the algorithm that a checksum was asked for in.
    """

    digest: Digest
    named: Digest
    size: int
    etag: str = ""
    modified: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "digest": self.digest,
            "named": self.named,
            "size": self.size,
            "etag": self.etag,
            "modified": self.modified,
        }


class HttpOp:
    """``https://...``: one file, named by the URL, mode 0600 unless told otherwise."""

    slot = Slot.NONE

    def __init__(
        self,
        op: SourceOp,
        downloads: Downloads,
        content: ContentStore,
        snapshots: SnapshotStore,
        records: LayerRecords,
    ) -> None:
        self._op = op
        self._url = op.identifier
        self._downloads = downloads
        self._content = content
        self._snapshots = snapshots
        self._records = records
        self._filename = op.attr("http.filename") or _filename(self._url)
        self._mode = _number(op, "http.perm", 0o600, base=8)
        self._uid = _number(op, "http.uid", 0)
        self._gid = _number(op, "http.gid", 0)
        checksum = op.attr("http.checksum")
        self._checksum = Digest.parse(checksum) if checksum else None
        self._found: _Download | None = None

    def cache_map(self, step: Step) -> CacheMap[Ref] | Awaitable[CacheMap[Ref]]:
        """The checksum, where it is given; else what the server says now."""
        noted = _noted(self._downloads.get(self._note_key))
        if self._checksum is not None and noted is not None and noted.named == self._checksum:
            self._found = noted
            return self._map(noted)
        return self._ask(step)

    async def execute(self, inputs: Sequence[Ref], step: Step) -> Sequence[Ref]:
        """A layer with the file."""
        if self._found is None or not self._content.has(self._found.digest, self._found.size):
            self._found = await self._download(step, None)
        found = self._found
        with self._content.lease(found.digest):
            layer = await in_thread(lambda: self._layer(found), self._snapshots.remove)
        self._records.add(
            layer, size=found.size, description=f"download {self._url}", step=step.vertex.name
        )
        return [Ref(layers=(layer,))]

    @property
    def _note_key(self) -> str:
        headers = [pair for pair in self._op.attrs if pair[0].startswith(_HEADER)]
        return " ".join([self._url, *(f"{name}={value}" for name, value in headers)])

    def _map(self, found: _Download) -> CacheMap[Ref]:
        parts = (self._filename, self._mode, self._uid, self._gid, found.digest, found.modified)
        return CacheMap(
            digest=hashlib.sha256(repr(("http", *parts)).encode()).hexdigest(),
            explain=(("content", str(found.digest)), ("last modified", str(found.modified))),
        )

    async def _ask(self, step: Step) -> CacheMap[Ref]:
        self._found = await self._download(step, _noted(self._downloads.get(self._note_key)))
        return self._map(self._found)

    async def _download(self, step: Step, noted: _Download | None) -> _Download:
        """What the server has now, in the content store unless it is as ``noted``."""
        headers = await self._headers(step)
        if noted is not None and noted.etag:
            headers["If-None-Match"] = noted.etag
        elif noted is not None and noted.modified:
            headers["If-Modified-Since"] = email.utils.formatdate(noted.modified, usegmt=True)
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS
        )
        try:
            async with (
                aiohttp.ClientSession(
                    timeout=timeout, trust_env=True, auto_decompress=False
                ) as session,
                session.get(self._url, headers=headers) as response,
            ):
                if response.status == 304 and noted is not None:
                    return noted
                self._check_status(response.status, response.reason or "")
                found = await self._receive(response, step)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            text = str(error) or "the server did not answer in time"
            raise BuilderError(f"Cannot download {self._url}: {text}.", temporary=True) from error
        if self._checksum is not None and found.named != self._checksum:
            raise BuilderError(
                f"{self._url} has the digest {found.named}, not {self._checksum}.",
                hint="Check what the server offers, then correct --checksum.",
                phrase=f"digest mismatch {found.named}: {self._checksum}",
            )
        self._downloads.put(self._note_key, found.to_json())
        return found

    async def _receive(self, response: aiohttp.ClientResponse, step: Step) -> _Download:
        began, size = time.time_ns(), 0
        total = response.content_length or 0
        algorithm = self._checksum.algorithm if self._checksum else "sha256"
        hasher = hashlib.new(algorithm)
        ref = f"http {hashlib.sha256(self._url.encode()).hexdigest()}-{id(self):x}"
        with self._content.writer(ref) as writer:
            writer.restart()
            async for data in response.content.iter_chunked(_PIECE):
                await asyncio.to_thread(writer.write, data)
                hasher.update(data)
                size += len(data)
                step.status("download", current=size, total=total, started=began)
            digest = await asyncio.to_thread(writer.commit)
        step.status("download", current=size, total=size, started=began, completed=time.time_ns())
        return _Download(
            digest=digest,
            named=Digest(f"{algorithm}:{hasher.hexdigest()}"),
            size=size,
            etag=response.headers.get("ETag", ""),
            modified=_seconds(response.headers.get("Last-Modified", "")),
        )

    async def _headers(self, step: Step) -> dict[str, str]:
        headers = {
            name.removeprefix(_HEADER): value
            for name, value in self._op.attrs
            if name.startswith(_HEADER)
        }
        name = self._op.attr("http.authheadersecret")
        if name:
            value = await secret(step, name)
            if value is not None:
                headers["Authorization"] = value.decode(errors="replace").strip()
        return headers

    def _check_status(self, status: int, reason: str) -> None:
        if status < 400:
            return
        message = f"{self._url} answered {status} {reason}.".replace(" .", ".")
        if status in (404, 410):
            raise NotFoundError(message, phrase=f"invalid response status {status}")
        raise BuilderError(
            message, temporary=status >= 500, phrase=f"invalid response status {status}"
        )

    def _layer(self, found: _Download) -> LayerId:
        with self._snapshots.create(()) as made, self._content.open(found.digest) as blob:
            path = made.path / self._filename
            with path.open("xb") as target:
                while data := blob.read(_PIECE):
                    target.write(data)
            os.chown(path, self._uid, self._gid)
            os.chmod(path, self._mode)
            os.utime(path, (found.modified, found.modified))
            return made.commit()


def _noted(value: Mapping[str, Any] | None) -> _Download | None:
    if value is None:
        return None
    return _Download(
        digest=Digest(value["digest"]),
        named=Digest(value["named"]),
        size=value["size"],
        etag=value["etag"],
        modified=value["modified"],
    )


def _seconds(text: str) -> int:
    try:
        return int(email.utils.parsedate_to_datetime(text).timestamp())
    except (ValueError, TypeError):
        return 0


def _filename(url: str) -> str:
    name = unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]
    return "download" if name in ("", ".", "..") or "/" in name or "\0" in name else name


def _number(op: SourceOp, key: str, default: int, base: int = 10) -> int:
    text = op.attr(key)
    try:
        return int(text, base) if text else default
    except ValueError as error:
        raise OptionError(f"{key} {text!r} is no number") from error
