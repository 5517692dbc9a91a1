"""Usage and pruning, as BuildKit's API words them, over the cache."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path

from core.cache.gc import Policy, Pruner, default_policies
from core.cache.layers import LayerRecords
from core.cache.usage import UsageRecord
from core.content.images import ImageStore
from core.content.reachable import reachable
from core.content.store import ContentStore
from core.errors import Error, OptionError
from core.oci.digest import Digest
from core.progress.codec import timestamp
from core.wire.pb import control_pb2

log = logging.getLogger(__name__)

_TERM = re.compile(r"\s*(?P<field>[a-z]+)\s*(?:(?P<operator>==|!=|~=)\s*(?P<value>.*))?")


class CacheKeeper:
    """Tells what the cache holds and makes room. One prune runs at a time."""

    def __init__(
        self,
        *,
        pruner: Pruner,
        records: LayerRecords,
        content: ContentStore,
        images: ImageStore,
        disk: Path,
    ) -> None:
        self._pruner = pruner
        self._records = records
        self._content = content
        self._images = images
        self._disk = disk
        self._turn = asyncio.Lock()

    async def usage(self, filters: Sequence[str]) -> list[control_pb2.UsageRecord]:
        keep = record_filter(filters)
        records = await asyncio.to_thread(self._pruner.usage)
        return [to_message(record) for record in records if keep(record)]

    async def prune(
        self, request: control_pb2.PruneRequest
    ) -> AsyncIterator[control_pb2.UsageRecord]:
        """What was deleted, or would be."""
        keep = record_filter(request.filter)
        policy = Policy(
            everything=request.all,
            keep_for=request.keepDuration,
            reserved=request.reservedSpace,
            max_used=request.maxUsedSpace,
            min_free=request.minFreeSpace,
        )
        async with self._turn:
            chosen = await asyncio.to_thread(self._pruner.preview, [policy])
            wanted = [record for record in chosen if keep(record)]
            if not request.preview:
                ids = {record.id for record in wanted}
                wanted = list(await asyncio.to_thread(self._pruner.prune, [policy], only=ids))
                await asyncio.to_thread(self._collect, grace=0.0)
        for record in wanted:
            yield to_message(record)

    async def tidy(self) -> None:
        """After a build: keep within the default bounds. Problems are for the log."""
        if self._turn.locked():
            return
        async with self._turn:
            try:
                await asyncio.to_thread(self._tidy)
            except (Error, OSError):
                log.exception("the cache could not be tidied")

    def _tidy(self) -> None:
        disk = shutil.disk_usage(self._disk)
        removed = self._pruner.prune(default_policies(disk.total))
        if removed:
            log.info("%d cache records made room", len(removed))
            self._collect()

    def _collect(self, grace: float = 3600.0) -> None:
        """Remove blobs that no image and no layer needs."""
        roots = [image.descriptor for image in self._images.list()]
        known = {Digest(digest) for digest in self._records.blob_digests()}
        self._content.collect(reachable(self._content, roots) | known, grace=grace)


def to_message(record: UsageRecord) -> control_pb2.UsageRecord:
    return control_pb2.UsageRecord(
        ID=record.id,
        Mutable=record.mutable,
        InUse=record.in_use,
        Size=record.size,
        CreatedAt=timestamp(record.created),
        LastUsedAt=timestamp(record.last_used or None),
        UsageCount=record.uses,
        Description=record.description or record.step,
        RecordType=record.kind.value,
        Shared=record.shared,
        Parents=record.parents,
    )


def record_filter(filters: Iterable[str]) -> Callable[[UsageRecord], bool]:
    """BuildKit's filters: terms joined by commas must all hold, of several filters any.

    Fields: id, parents, description, type, inuse, mutable, shared, private. Raises OptionError.
    """
    tests = [[_term(text) for text in one.split(",") if text.strip()] for one in filters if one]
    if not tests:
        return lambda record: True
    return lambda record: any(all(test(record) for test in terms) for terms in tests)


def _term(text: str) -> Callable[[UsageRecord], bool]:
    match = _TERM.fullmatch(text)
    if match is None:
        raise OptionError(f"the filter {text!r} is not understood")
    field, operator, value = match["field"], match["operator"], match["value"] or ""
    read = _FIELDS.get(field)
    if read is None:
        raise OptionError(
            f"there is no field {field!r} to filter by",
            hint=f"Fields are {', '.join(_FIELDS)}.",
        )
    value = value.strip().strip('"')
    match operator:
        case None:
            return lambda record: any(v not in {"", "false"} for v in read(record))
        case "==":
            return lambda record: value in read(record)
        case "!=":
            return lambda record: value not in read(record)
        case _:
            try:
                pattern = re.compile(value)
            except re.error as error:
                raise OptionError(f"{value!r} is no regular expression: {error}") from error
            return lambda record: any(pattern.search(v) for v in read(record))


def _flag(value: bool) -> tuple[str, ...]:
    return ("true",) if value else ("false",)


_FIELDS: dict[str, Callable[[UsageRecord], tuple[str, ...]]] = {
    "id": lambda r: (r.id,),
    "parents": lambda r: r.parents,
    "description": lambda r: (r.description or r.step,),
    "type": lambda r: (r.kind.value,),
    "inuse": lambda r: _flag(r.in_use),
    "mutable": lambda r: _flag(r.mutable),
    "shared": lambda r: _flag(r.shared),
    "private": lambda r: _flag(not r.shared),
}
