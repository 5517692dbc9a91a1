"""The local source: a directory of the client."""

from __future__ import annotations

import asyncio
import hashlib
import json
import stat
import uuid
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from core.cache.stats import StatCache
from core.errors import OptionError
from core.llb.ops import SourceOp
from core.ops.contexts import BuildContext, DirectoryRequest, build_of
from core.ops.file_workers import FileWorkers
from core.ops.local_scan import scan
from core.ops.local_tree import LocalTree
from core.ops.puller import Puller
from core.ops.refs import Ref
from core.ops.threads import in_thread
from core.solver.protocol import CacheMap, Slot, Step

_PARTS = ("local.followpaths", "local.includepattern", "local.excludepatterns")


class LocalDirectories:
    """Directories of clients: those of this machine where they are, others under ``root``."""

    def __init__(
        self,
        root: Path,
        *,
        stats: StatCache,
        readers: Executor,
        puller: Puller,
        workers: FileWorkers | None = None,
    ) -> None:
        self._root = root
        self._stats = stats
        self._readers = readers
        self._workers = workers
        self._puller = puller
        self._locks: dict[str, asyncio.Lock] = {}
        root.mkdir(parents=True, exist_ok=True)

    async def get(self, build: BuildContext, request: DirectoryRequest, step: Step) -> Ref:
        """The part of the client's directory that ``request`` asks for."""
        path = build.local_dir(request.name)
        if path is not None:
            tree = await in_thread(lambda: self._look(path, request))
            _tell(tree, step)
            return Ref(local=tree)
        return await self._receive(build, request, step)

    def _look(self, path: Path, request: DirectoryRequest) -> LocalTree:
        entries, digest = scan(path, request)
        return LocalTree(
            root=path,
            entries=entries,
            digest=digest,
            context=str(path.resolve()),
            stats=self._stats,
            readers=self._readers,
            workers=self._workers,
        )

    async def _receive(self, build: BuildContext, request: DirectoryRequest, step: Step) -> Ref:
        """Bring the copy of last time up to date, and take a layer of it as it is then."""
        session = build.session
        if session is None:
            raise OptionError(
                f"the build needs the directory {request.name!r}, and its client sent none",
                phrase="no active sessions",
            )
        key = f"{session.shared_key}\0{request.name}"
        copy = self._root / hashlib.sha256(key.encode()).hexdigest()[:32]
        async with self._locks.setdefault(str(copy), asyncio.Lock()):
            copy.mkdir(exist_ok=True)
            size = await session.receive_directory(
                request.name,
                copy,
                includes=request.include_patterns,
                excludes=request.exclude_patterns,
                follow=request.follow_paths,
            )
            step.status("transferring", current=size, total=size)
            everything = DirectoryRequest(name=request.name)
            tree = await in_thread(lambda: self._look(copy, everything))
            async with self._puller.unpacked(Ref(local=tree), step) as layers:
                return Ref(layers=layers)


class LocalOp:
    """``local://NAME``: looked at anew by every build, known by its content to what uses it."""

    slot = Slot.NONE

    def __init__(self, op: SourceOp, directories: LocalDirectories) -> None:
        self._op = op
        self._directories = directories
        follow, include, exclude = (_patterns(op.attr(key), key) for key in _PARTS)
        self._request = DirectoryRequest(
            name=op.identifier.partition("://")[2],
            session=op.attr("local.session"),
            follow_paths=follow,
            include_patterns=include,
            exclude_patterns=exclude,
        )

    def cache_map(self, step: Step) -> CacheMap[Ref]:
        """Nothing that lasts; one client's directory is one for all steps that run now."""
        session = self._request.session or uuid.uuid4().hex
        text = json.dumps([session, self._op.identifier, self._op.attrs])
        return CacheMap(digest=hashlib.sha256(text.encode()).hexdigest(), lasting=False)

    async def execute(self, inputs: Sequence[Ref], step: Step) -> Sequence[Ref]:
        """Walk the directory, or have it sent."""
        return [await self._directories.get(build_of(step), self._request, step)]


def _tell(tree: LocalTree, step: Step) -> None:
    sizes = [e[1][0] for e in tree.entries.values() if e[0] & 0o170000 == stat.S_IFREG]
    total = sum(sizes)
    step.status(f"{len(sizes)} files", current=total, total=total)


def _patterns(text: str, name: str) -> tuple[str, ...]:
    if not text:
        return ()
    try:
        values = json.loads(text)
    except ValueError as error:
        raise OptionError(f"{name} of a local source is no JSON list") from error
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise OptionError(f"{name} of a local source is no list of texts")
    return tuple(values)
