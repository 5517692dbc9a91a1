"""One gateway build: what its client had solved, until it returns a result."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol, TypeVar

from core.daemon.build_run import BuildRun
from core.daemon.image_lookup import ImageLookup
from core.daemon.outcome import Outcome, outcome_of_result
from core.errors import BuildError, NotFoundError, OptionError
from core.frontend.inputs import ImageRequest
from core.linux.rooted import opened_in_root
from core.llb.definition import marshal, unmarshal
from core.llb.vertex import Edge
from core.oci.platform import Platform, host_platform
from core.oci.reference import parse_reference
from core.ops.refs import SCRATCH, Ref
from core.progress.codec import ranges_from_wire
from core.progress.messages import SolveStatus, VertexWarning
from core.wire.pb import fsutil_pb2, gateway_pb2, ops_pb2
from core.wire.tree import describe

T = TypeVar("T")


class Worker(Protocol):
    """What a bridge needs of the build: ``core.daemon.worker.BuildWorker``."""

    run: BuildRun
    lookup: ImageLookup

    async def of_frontend(
        self,
        frontend: str,
        attrs: Mapping[str, str],
        inputs: Mapping[str, ops_pb2.Definition],
    ) -> Outcome: ...

    async def results(self, edges: Sequence[Edge]) -> tuple[Ref, ...]: ...

    def files(self, ref: Ref, name: str) -> AbstractAsyncContextManager[Path]: ...


class Bridge:
    """Results are known to the client by ids; an id stands for an edge that need not be built."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._held: dict[str, Edge | None] = {}
        self.returned: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def close(self) -> None:
        """The build is over; a result that comes now is nobody's."""
        self.returned.cancel()

    async def solve(self, request: gateway_pb2.SolveRequest) -> gateway_pb2.SolveResponse:
        """Solve a definition or run a frontend; edges are built only when asked to evaluate."""
        result = gateway_pb2.Result()
        if request.Frontend:
            outcome = await self._worker.of_frontend(
                request.Frontend, dict(request.FrontendOpt), dict(request.FrontendInputs)
            )
            edges = {p.key: p.edge for p in outcome.platforms}
            for key, value in outcome.result_metadata().items():
                result.metadata[key] = value
            if outcome.multi_platform:
                for key, edge in edges.items():
                    result.refs.refs[key].CopyFrom(self._hold(edge))
            elif edges:
                result.ref.CopyFrom(self._hold(next(iter(edges.values()))))
        else:
            edge = unmarshal(request.Definition)
            edges = {"": edge}
            result.ref.CopyFrom(self._hold(edge))
        if request.Evaluate:
            await self._worker.results([e for e in edges.values() if e is not None])
        return gateway_pb2.SolveResponse(result=result)

    def _hold(self, edge: Edge | None) -> gateway_pb2.Ref:
        id = secrets.token_hex(12)
        self._held[id] = edge
        return gateway_pb2.Ref(id=id, **{"def": marshal(edge)})

    def _edge(self, id: str) -> Edge | None:
        if not id:
            return None
        if id not in self._held:
            raise NotFoundError(f"there is no result {id} in this build")
        return self._held[id]

    async def take_result(self, request: gateway_pb2.ReturnRequest) -> None:
        """The client is done: its result is what the build exports, or its error ends it."""
        if self.returned.done():
            raise OptionError("the result was returned before")
        if request.HasField("error"):
            self.returned.set_exception(BuildError(request.error.message or "the client failed"))
            return
        result = request.result
        multi = result.HasField("refs") or result.HasField("refsDeprecated")
        match result.WhichOneof("result"):
            case "refs":
                ids = {key: ref.id for key, ref in result.refs.refs.items()}
            case "refsDeprecated":
                ids = dict(result.refsDeprecated.refs)
            case "ref":
                ids = {"": result.ref.id}
            case "refDeprecated":
                ids = {"": result.refDeprecated}
            case _:
                ids = {"": ""}
        self.returned.set_result(
            outcome_of_result(
                {key: self._edge(id) for key, id in ids.items()},
                dict(result.metadata),
                multi_platform=multi,
                default=host_platform(),
            )
        )

    def inputs(self) -> dict[str, ops_pb2.Definition]:
        """The definitions that came with the request."""
        return dict(self._worker.run.request.FrontendInputs)

    async def evaluate(self, id: str) -> None:
        if (edge := self._edge(id)) is not None:
            await self._worker.results([edge])

    async def image_config(
        self, reference: str, platform: ops_pb2.Platform | None, mode: str
    ) -> tuple[str, str, bytes]:
        """Reference with digest, digest, config of an image."""
        wanted = host_platform()
        if platform is not None and platform.OS:
            wanted = Platform(
                os=platform.OS, architecture=platform.Architecture, variant=platform.Variant
            )
        request = ImageRequest(
            reference=str(parse_reference(reference).tagged()),
            platform=wanted,
            resolve_mode=mode or "default",
            log_name=f"load metadata for {reference}",
        )
        with self._worker.run.step(f"[internal] {request.log_name}"):
            found = await self._worker.lookup.find(request)
        digest = str(parse_reference(found.reference).digest)
        return found.reference, digest, found.config

    def warn(self, request: gateway_pb2.WarnRequest) -> None:
        self._worker.run.emit(
            SolveStatus(
                warnings=(
                    VertexWarning(
                        vertex=request.digest,
                        level=request.level,
                        short=request.short.decode(errors="replace"),
                        detail=tuple(line.decode(errors="replace") for line in request.detail),
                        url=request.url,
                        source_name=request.info.filename,
                        source_text=request.info.data.decode(errors="replace"),
                        ranges=ranges_from_wire(request.ranges),
                    ),
                )
            )
        )

    async def _with_root(self, id: str, use: Callable[[int], T]) -> T:
        edge = self._edge(id)
        ref = SCRATCH if edge is None else (await self._worker.results([edge]))[0]
        async with self._worker.files(ref, "[internal] read result") as path:

            def inside() -> T:
                root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    return use(root)
                finally:
                    os.close(root)

            try:
                return await asyncio.to_thread(inside)
            except FileNotFoundError as error:
                raise NotFoundError("there is no such file in the result") from error

    async def read_file(self, request: gateway_pb2.ReadFileRequest) -> bytes:
        def read(root: int) -> bytes:
            path = os.fsencode(request.FilePath)
            with opened_in_root(root, path, os.O_RDONLY | os.O_NONBLOCK) as fd:
                size = os.fstat(fd).st_size
                if request.HasField("Range"):
                    length = request.Range.Length or size
                    return os.pread(fd, length, request.Range.Offset)
                return b"".join(iter(lambda: os.read(fd, 1 << 20), b""))

        return await self._with_root(request.Ref, read)

    async def read_dir(self, request: gateway_pb2.ReadDirRequest) -> list[fsutil_pb2.Stat]:
        def read(root: int) -> list[fsutil_pb2.Stat]:
            flags = os.O_RDONLY | os.O_DIRECTORY
            with opened_in_root(root, os.fsencode(request.DirPath), flags) as fd:
                found = []
                for name in sorted(os.listdir(fd)):
                    if request.IncludePattern and not fnmatchcase(name, request.IncludePattern):
                        continue
                    info = os.stat(name, dir_fd=fd, follow_symlinks=False)
                    source = f"/proc/self/fd/{fd}/{name}"
                    found.append(describe(name, info, source, {}).stat)
                return found

        return await self._with_root(request.Ref, read)

    async def stat_file(self, request: gateway_pb2.StatFileRequest) -> fsutil_pb2.Stat:
        def read(root: int) -> fsutil_pb2.Stat:
            path = os.fsencode(request.Path)
            with opened_in_root(root, path, os.O_PATH) as fd:
                name = request.Path.rstrip("/").rpartition("/")[2] or "/"
                return describe(name, os.fstat(fd), f"/proc/self/fd/{fd}", {}).stat

        return await self._with_root(request.Ref, read)
