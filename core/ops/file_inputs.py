"""Inputs of operations as trees of files, and the digests of parts of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from core.ops.contenthash import ContentDigest, Selector, content_digest
from core.ops.file_tree import ContextTree, SnapshotTree
from core.ops.puller import Puller
from core.ops.refs import Ref
from core.ops.threads import in_thread
from core.snapshot.ids import Layers
from core.snapshot.store import SnapshotStore
from core.solver.protocol import Content, Step

# Files in all remembered digests together, each some 200 bytes; digests count as one more.
_REMEMBERED = 100_000

T = TypeVar("T")


class FileInputs:
    """Digests of inputs, remembered as long as the daemon lives: layers never change."""

    def __init__(
        self, *, puller: Puller, snapshots: SnapshotStore, threads: ThreadPoolExecutor
    ) -> None:
        self._puller = puller
        self._snapshots = snapshots
        self._threads = threads
        self._known: OrderedDict[tuple[object, ...], ContentDigest] = OrderedDict()
        self._size = 0

    async def content(self, ref: Ref, selectors: Sequence[Selector], step: Step) -> Content:
        """The digest of what ``selectors`` name. Raises NotFoundError for what is not there."""
        origin: object = ref.layers if ref.local is None else ref.local.digest
        key = (origin, *(selector.text for selector in selectors))
        found = self._known.get(key)
        if found is None:
            found = await self._digest(ref, selectors, step)
            self._known[key] = found
            self._size += 1 + len(found.files)
            while self._size > _REMEMBERED and len(self._known) > 1:
                _, dropped = self._known.popitem(last=False)
                self._size -= 1 + len(dropped.files)
        else:
            self._known.move_to_end(key)
        files = found.files
        return Content(digest=found.digest, files=lambda: files)

    async def _digest(self, ref: Ref, selectors: Sequence[Selector], step: Step) -> ContentDigest:
        if ref.local is not None:
            tree = ContextTree(ref.local)
            return await in_thread(lambda: content_digest(tree, selectors, self._threads))
        async with self._puller.unpacked(ref, step) as layers:
            return await in_thread(lambda: self._layers_digest(layers, selectors))

    def _layers_digest(self, layers: Layers, selectors: Sequence[Selector]) -> ContentDigest:
        with self._snapshots.view(layers) as root:
            return content_digest(SnapshotTree(root), selectors, self._threads)


async def stoppable_thread(
    work: Callable[[], T], stop: Callable[[], object], undo: Callable[[T], object]
) -> T:
    """Run ``work`` in a thread; when cancelled, call ``stop``, wait for its end, ``undo`` it."""
    loop = asyncio.get_running_loop()
    future = loop.run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait([future])
        if not future.cancelled() and future.exception() is None:
            await loop.run_in_executor(None, undo, future.result())
        raise
