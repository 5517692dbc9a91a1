"""Builds that another builder made, entered into this one's history."""

from __future__ import annotations

from collections.abc import AsyncIterator

from core.daemon.history import Change, History
from core.daemon.records import BuildPhase, BuildRecord
from core.errors import OptionError
from core.progress.codec import nanoseconds, status_from_wire
from core.wire.pb import control_pb2, engine_pb2


async def import_build(
    history: History, messages: AsyncIterator[engine_pb2.ImportBuildRequest]
) -> str:
    """Enter the build that the first message describes, with the events of the others; its ref.

    It is pinned, since it may be older than what the history keeps. Raises OptionError for a ref
    that is taken or unusable; a build whose events end early is not kept.
    """
    first = await anext(messages, None)
    if first is None or not first.HasField("build"):
        raise OptionError("an imported build begins with its record")
    build = first.build
    record = record_from(build)
    journal = history.start(record)
    try:
        try:
            async for message in messages:
                journal.put(status_from_wire(message.event))
                journal.flush()
        finally:
            journal.close()
    except BaseException:
        history.delete(record.ref)
        raise
    if build.dockerfile:
        history.attach(record.ref, "Dockerfile", build.dockerfile)
    if build.plan:
        history.attach(record.ref, "plan.json", build.plan)
    history.update(record, Change.COMPLETE)
    return record.ref


def record_from(build: engine_pb2.GetBuildResponse) -> BuildRecord:
    """The record of a build that is over, whatever the message says."""
    message = build.record
    created = nanoseconds(message.CreatedAt) or 0
    return BuildRecord(
        ref=message.Ref,
        created=created,
        title=message.title,
        frontend=message.Frontend,
        attrs=dict(message.FrontendAttrs),
        exporters=tuple((exporter.Type, dict(exporter.Attrs)) for exporter in message.Exporters),
        local_dirs=dict(message.localDirs),
        phase=_phase(message),
        completed=nanoseconds(message.CompletedAt) or created,
        response=dict(message.ExporterResponse),
        failure=build.failure.SerializeToString().hex() if build.HasField("failure") else "",
        pinned=True,
        generation=message.Generation,
        steps=message.numTotalSteps,
        cached_steps=message.numCachedSteps,
        completed_steps=message.numCompletedSteps,
        warnings=message.numWarnings,
        dockerfile_name=build.dockerfile_name,
    )


def _phase(message: control_pb2.BuildHistoryRecord) -> BuildPhase:
    """BuildKit's own records tell no state, only an error."""
    if message.state in {phase.value for phase in BuildPhase if phase.over}:
        return BuildPhase(message.state)
    if not message.error.message:
        return BuildPhase.DONE
    return BuildPhase.CANCELLED if message.error.code == 1 else BuildPhase.FAILED
