"""One build inside its job: from the frontend's answer to results and exports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from core.daemon.bridge import Bridge
from core.daemon.build_run import BuildRun
from core.daemon.context import BuildContext
from core.daemon.dockerfile_frontend import DockerfileFrontend
from core.daemon.dockerfile_source import read_files
from core.daemon.explain import explain_failure
from core.daemon.failed_steps import FailedStep
from core.daemon.image_lookup import ImageLookup
from core.daemon.outcome import Outcome, PlatformOutcome, platform_to_json
from core.daemon.plan_document import plan_document
from core.daemon.view_step import OutsideStep, ResultViews, export_layer
from core.daemon.workshop import Workshop
from core.errors import Error, OptionError
from core.exporter.run import Exporter, export_all
from core.exporter.source import ExportLayer, ExportSource, PlatformImage
from core.frontend.options import FrontendOptions
from core.frontend.plan import Machine, plan
from core.llb.definition import source_file, unmarshal
from core.llb.metadata import Metadata
from core.llb.ops import SourceOp
from core.llb.vertex import Edge, Vertex
from core.ops.refs import SCRATCH, Layer, Ref, RemoteLayer
from core.solver.jobs import Job
from core.wire.failure import SourceText
from core.wire.pb import ops_pb2

_DOCKERFILE = ("dockerfile.v0", "gateway.v0")


class BuildWorker:
    """One build inside its job."""

    def __init__(
        self,
        shared: Workshop,
        run: BuildRun,
        job: Job[Ref],
        context: BuildContext,
        views: ResultViews,
    ) -> None:
        self._shared = shared
        self.run = run
        self._job = job
        self._context = context
        self._views = views
        self.lookup = ImageLookup(shared.finder, context)

    async def outcome(self) -> Outcome:
        """What the request's frontend, definition or gateway client makes of it."""
        request = self.run.request
        if request.HasField("Definition") and getattr(request.Definition, "def"):
            return self._of_definition(request.Definition)
        if request.Frontend:
            return await self.of_frontend(
                request.Frontend, dict(request.FrontendAttrs), dict(request.FrontendInputs)
            )
        bridge = Bridge(self)
        with self._shared.bridges.open(self.run.ref, bridge):
            return await bridge.returned

    async def of_frontend(
        self,
        frontend: str,
        attrs: Mapping[str, str],
        inputs: Mapping[str, ops_pb2.Definition],
    ) -> Outcome:
        """Run a frontend. Raises OptionError for one that is not built in."""
        if frontend not in _DOCKERFILE:
            raise OptionError(
                f'there is no frontend "{frontend}"',
                phrase=f"failed to find {frontend} frontend",
            )
        source = attrs.get("source", "")
        if frontend == "gateway.v0" and not _is_dockerfile_image(source):
            raise OptionError(
                f"the frontend image {source} cannot be run here: the Dockerfile frontend is "
                "built in, others are not",
            )
        dockerfile = DockerfileFrontend(
            run=self.run,
            context=self._context,
            lookup=self.lookup,
            platforms=self._shared.platforms(),
            scratch=self._shared.scratch,
            read_files=self.read_files,
            source_time=self._source_time,
        )
        try:
            return await dockerfile.outcome(attrs, inputs)
        finally:
            if dockerfile.text and dockerfile.options is not None:
                self._keep_documents(dockerfile.text, dockerfile.options)

    def _keep_documents(self, text: bytes, options: FrontendOptions) -> None:
        """The Dockerfile and the plan, for whoever opens the build again."""
        history, ref = self._shared.history, self.run.ref
        history.attach(ref, "Dockerfile", text)
        machine = Machine(native=tuple(self._shared.native()), emulated=self._shared.emulated())
        document = plan_document(plan(text, options, machine=machine))
        history.attach(ref, "plan.json", json.dumps(document).encode())

    def _of_definition(self, definition: ops_pb2.Definition) -> Outcome:
        source = source_file(definition)
        if source is not None:
            self.run.source = SourceText(name=source.filename, data=source.data)
        platform = self._shared.platforms()[0]
        return Outcome(
            platforms=(
                PlatformOutcome(
                    key=platform.format_all(),
                    platform=platform,
                    edge=unmarshal(definition),
                    config=platform_to_json(platform),
                ),
            )
        )

    async def build(self, outcome: Outcome) -> dict[str, Ref]:
        """The results by platform key. Raises the first failure, explained."""
        edges = {p.key: p.edge for p in outcome.platforms if p.edge is not None}
        built = await self.results(list(edges.values()))
        refs = dict(zip(edges, built, strict=True))
        return {p.key: refs.get(p.key, SCRATCH) for p in outcome.platforms}

    async def results(self, edges: Sequence[Edge]) -> tuple[Ref, ...]:
        try:
            return await self._job.build(edges) if edges else ()
        except Error as error:
            failure = self._job.failure
            if failure is None:
                raise
            self._shared.failed.keep(
                FailedStep(ref=self.run.ref, vertex=failure.vertex, inputs=failure.inputs)
            )
            name = self.run.source.name if self.run.source else "Dockerfile"
            raise explain_failure(error, failure.vertex, source_name=name) from error

    @asynccontextmanager
    async def files(self, ref: Ref, name: str) -> AsyncIterator[Path]:
        """The files of a result as a directory to read from."""
        with self.run.step(name) as step:
            self._views.step = OutsideStep(name, step, self._context)
            async with self._views.files(ref) as root:
                yield root

    async def read_files(
        self, edge: Edge, names: Sequence[str], *, head: int = 0
    ) -> dict[str, bytes]:
        """Build an edge and read files of its result, or their first bytes."""
        (ref,) = await self.results((edge,))
        async with self.files(ref, "[internal] read build context") as root:
            return await asyncio.to_thread(read_files, root, tuple(names), head)

    async def _source_time(self, op: SourceOp) -> int | None:
        """When a source was made: the newest time of its files, in seconds; None for local ones."""
        if op.scheme == "local":
            return None
        vertex = Vertex(op=op, metadata=Metadata(name=f"[internal] load {op.identifier}"))
        (ref,) = await self.results((Edge(vertex),))
        async with self.files(ref, "[internal] look at the time of the source") as root:
            return await asyncio.to_thread(_newest, root)

    async def export(
        self, outcome: Outcome, refs: Mapping[str, Ref], exporters: Sequence[Exporter]
    ) -> dict[str, str]:
        """Run the exporters, each a vertex of its own; their answers joined.

        A frontend's answer to a question has nothing to export: it is the answer.
        """
        if not outcome.platforms:
            return dict(outcome.metadata)
        if not exporters:
            return {}
        source = ExportSource(
            images=tuple([await self._image(p, refs[p.key]) for p in outcome.platforms]),
            multi_platform=outcome.multi_platform,
            epoch=outcome.epoch,
            metadata=outcome.metadata,
        )
        platforms = [p.key for p in outcome.platforms]
        response: dict[str, str] = {}
        with ExitStack() as steps:
            pairs = []
            for exporter in exporters:
                step = steps.enter_context(
                    self.run.step(exporter.name, kind="export", platforms=platforms)
                )
                self._views.step = OutsideStep(exporter.name, step, self._context)
                pairs.append((exporter, step))
            for exported in await export_all(pairs, source):
                response |= exported.response
        return response

    async def _image(self, outcome: PlatformOutcome, ref: Ref) -> PlatformImage:
        layers = ref.layers
        if ref.local is not None:
            # A client's directory as it is: an image needs it as a layer of its own.
            with self.run.step("[internal] copy build context") as step:
                outside = OutsideStep("copy build context", step, self._context)
                async with self._shared.puller.unpacked(ref, outside) as copied:
                    layers = copied
        image = PlatformImage(
            platform=outcome.platform,
            layers=tuple(self._layer(layer) for layer in layers),
            config=outcome.config,
            base_config=outcome.base_config,
        )
        return self._views.image(image, ref)

    def _layer(self, layer: Layer) -> ExportLayer:
        if isinstance(layer, RemoteLayer):
            return export_layer(layer)
        record = self._shared.records.get(layer)
        if record is None:
            return export_layer(layer)
        return export_layer(layer, created_by=record.step, created=record.created)


def _is_dockerfile_image(source: str) -> bool:
    name = source.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return not source or name in {"dockerfile", "dockerfile-upstream"}


def _newest(root: Path) -> int | None:
    times = [entry.lstat().st_mtime_ns for entry in root.rglob("*") if not entry.is_dir()]
    return max(times) // 10**9 if times else None
