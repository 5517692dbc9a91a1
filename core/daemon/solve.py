"""Builds from their requests to their exports."""

from __future__ import annotations

from contextlib import AsyncExitStack

from core.daemon.build_run import BuildRun
from core.daemon.client_outputs import SessionOutputs
from core.daemon.context import BuildContext, SessionCredentials
from core.daemon.sessions import Session
from core.daemon.view_step import ResultViews
from core.daemon.worker import BuildWorker
from core.daemon.workshop import Workshop
from core.errors import OptionError
from core.exporter.run import Exporter, ExporterFactory
from core.registry.client import RegistryClient
from core.wire.pb import control_pb2

_EMPTY_EXPORTER = ("", "cacheonly")


class Solve:
    """Does builds: the ``Work`` of ``core.daemon.builds.Builds``."""

    def __init__(self, shared: Workshop) -> None:
        self._shared = shared

    async def __call__(self, run: BuildRun) -> dict[str, str]:
        """The exporters' answers, joined."""
        request = run.request
        session = None
        if request.Session:
            session = await self._shared.sessions.get(request.Session)
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(
                self._shared.registry(SessionCredentials(session))
            )
            context = BuildContext(
                ref=run.ref,
                client=client,
                scratch=self._shared.scratch,
                session=session,
                local_dirs=dict(request.localDirs),
            )
            views = ResultViews(self._shared.puller, self._shared.snapshots)
            exporters = self._exporters(request, client, views, session)
            job = await stack.enter_async_context(
                self._shared.solver.job(progress=run.emit, context=context, scope=_scope(request))
            )
            for entry in request.Cache.Imports:
                name = entry.Attrs.get("ref") or entry.Attrs.get("src") or entry.Type
                with run.step(f"importing cache manifest from {name}") as step:
                    step.warn(
                        "this builder imports no caches; it uses what it built on this machine"
                    )
            worker = BuildWorker(self._shared, run, job, context, views)
            outcome = await worker.outcome()
            refs = await worker.build(outcome)
            return await worker.export(outcome, refs, exporters)

    def _exporters(
        self,
        request: control_pb2.SolveRequest,
        client: RegistryClient,
        views: ResultViews,
        session: Session | None,
    ) -> list[Exporter]:
        factory = ExporterFactory(
            store=self._shared.content,
            images=self._shared.images,
            blobs=self._shared.blobs,
            client=client,
            views=views,
        )
        wanted = [(e.Type, dict(e.Attrs)) for e in request.Exporters]
        if not wanted and request.ExporterDeprecated:
            wanted = [(request.ExporterDeprecated, dict(request.ExporterAttrsDeprecated))]
        for entry in request.Cache.Exports:
            if entry.Type != "inline":
                raise OptionError(
                    f"this builder cannot export its cache as {entry.Type}",
                    hint="Leave --cache-to out: the builder keeps its cache on this machine.",
                )
        return [
            factory.create(kind, attrs, SessionOutputs(session, number))
            for number, (kind, attrs) in enumerate(wanted)
            if kind not in _EMPTY_EXPORTER
        ]


def _scope(request: control_pb2.SolveRequest) -> str:
    """What a project is told by: its directory or remote context, its file and its target."""
    attrs = request.FrontendAttrs
    return "\n".join(
        (
            request.localDirs.get("context") or attrs.get("context", ""),
            attrs.get("filename", "Dockerfile"),
            attrs.get("target", ""),
        )
    )
