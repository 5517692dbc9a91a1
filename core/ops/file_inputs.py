"""Inputs of operations as trees of files, and the digests of parts of them."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from core.cache.notes import Notes
from core.errors import Error
from core.ops.contenthash import ContentDigest, Selector, content_digest
from core.ops.file_tree import ContextTree, SnapshotTree
from core.ops.puller import Puller
from core.ops.refs import Ref, RemoteLayer
from core.ops.threads import in_thread
from core.snapshot.ids import Layers
from core.snapshot.store import SnapshotStore
from core.solver.protocol import Content, Step

_REMEMBERED = 4096

T = TypeVar("T")


class FileInputs:
    """Digests of inputs, remembered: layers never change, and a directory's state has a digest."""

    def __init__(
        self,
        *,
        puller: Puller,
        snapshots: SnapshotStore,
        threads: ThreadPoolExecutor,
        notes: Notes,
    ) -> None:
        self._puller = puller
        self._snapshots = snapshots
        self._threads = threads
        self._notes = notes
        self._known: OrderedDict[str, str] = OrderedDict()

    async def content(self, ref: Ref, selectors: Sequence[Selector], step: Step) -> Content:
        """The digest of what ``selectors`` name. Raises NotFoundError for what is not there."""
        key = _key(ref, selectors)
        digest = self._known.get(key) or self._notes.get(key)
        files: Callable[[], Iterable[tuple[str, str]]] | None
        if digest is None:
            found = await self._digest(ref, selectors, step)
            digest, listed = found.digest, found.files
            self._notes.put(key, digest)
            files = lambda: listed  # noqa: E731
        else:
            files = self._listing(ref, selectors)
        self._known[key] = digest
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return Content(digest=digest, files=files)

    def _listing(
        self, ref: Ref, selectors: Sequence[Selector]
    ) -> Callable[[], Iterable[tuple[str, str]]] | None:
        """What lists the files again when they are asked for; None for layers not unpacked."""
        layers = ref.kept_layers
        if ref.local is None and len(layers) < len(ref.layers):
            return None

        def listed() -> Iterable[tuple[str, str]]:
            try:
                if ref.local is not None:
                    tree = ContextTree(ref.local)
                    return content_digest(tree, selectors, self._threads).files
                return self._layers_digest(layers, selectors).files
            except Error:
                # Files changed since. The list only serves to say what did.
                return ()

        return listed

    async def _digest(self, ref: Ref, selectors: Sequence[Selector], step: Step) -> ContentDigest:
        if ref.local is not None:
            tree = ContextTree(ref.local)
            return await in_thread(lambda: content_digest(tree, selectors, self._threads))
        async with self._puller.unpacked(ref, step) as layers:
            return await in_thread(lambda: self._layers_digest(layers, selectors))

    def _layers_digest(self, layers: Layers, selectors: Sequence[Selector]) -> ContentDigest:
        with self._snapshots.view(layers) as root:
            return content_digest(SnapshotTree(root), selectors, self._threads)


def _key(ref: Ref, selectors: Sequence[Selector]) -> str:
    if ref.local is not None:
        origin = f"local {ref.local.context} {ref.local.digest}"
    else:
        names = (x.chain_id if isinstance(x, RemoteLayer) else x for x in ref.layers)
        origin = f"layers {' '.join(names)}"
    text = "\n".join((origin, *(selector.text for selector in selectors)))
    return f"content {hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()}"


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
