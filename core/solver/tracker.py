"""What builds hear of their steps: progress messages, output, reasons."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, Generic

from core.errors import LineRange
from core.llb.vertex import Vertex
from core.progress import messages
from core.solver.edges import EdgeNode, VertexNode
from core.solver.jobs import Job
from core.solver.protocol import R, RunsProgram
from core.solver.reasons import NOT_NEEDED, SAME_FILES, UNCHANGED, Book, gather

_PAUSE = 20_000_000
"""A wait of more nanoseconds than this between two parts of a step's work is told."""

CANCELLED = "context canceled"
"""BuildKit's word for it, which clients look for."""


class StepHandle(Generic[R]):
    """The ``Step`` of a vertex: passes on to every build that waits for it."""

    def __init__(self, node: VertexNode[R]) -> None:
        self._node = node

    @property
    def vertex(self) -> Vertex:
        return self._node.vertex

    @property
    def ignores_cache(self) -> bool:
        return self._node.ignore_cache

    @property
    def contexts(self) -> Sequence[object]:
        return tuple(job.context for job, _ in self._node.audience())

    def log(self, stream: int, data: bytes) -> None:
        moment = time.time_ns()
        for job, node in self._node.audience():
            job.tell(
                logs=(
                    messages.VertexLog(
                        vertex=str(node.vertex.digest), data=data, stream=stream, timestamp=moment
                    ),
                )
            )

    def status(
        self,
        id: str,
        *,
        current: int = 0,
        total: int = 0,
        name: str = "",
        started: int | None = None,
        completed: int | None = None,
    ) -> None:
        moment = time.time_ns()
        for job, node in self._node.audience():
            job.tell(
                statuses=(
                    messages.VertexStatus(
                        id=id,
                        vertex=str(node.vertex.digest),
                        name=name or id,
                        current=current,
                        total=total,
                        timestamp=moment,
                        started=started,
                        completed=completed,
                    ),
                )
            )

    def warn(
        self,
        short: str,
        *,
        detail: Sequence[str] = (),
        url: str = "",
        ranges: Iterable[LineRange] = (),
    ) -> None:
        for job, node in self._node.audience():
            where = tuple(ranges) or node.vertex.metadata.ranges
            job.tell(
                warnings=(
                    messages.VertexWarning(
                        vertex=str(node.vertex.digest),
                        short=short,
                        detail=tuple(detail),
                        url=url,
                        ranges=where,
                    ),
                )
            )


class Tracker(Generic[R]):
    """Tells the builds about their steps; changes of one look are told in one message."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._changed: dict[VertexNode[R], None] = {}
        self._handles: dict[VertexNode[R], StepHandle[R]] = {}
        self._finished: dict[EdgeNode[R], None] = {}

    def step(self, node: VertexNode[R]) -> StepHandle[R]:
        """The handle that the operation of ``node`` gets."""
        found = self._handles.get(node)
        if found is None:
            found = self._handles[node] = StepHandle(node)
        return found

    def forget(self, node: VertexNode[R]) -> None:
        """No build has ``node`` any more."""
        self._handles.pop(node, None)
        self._changed.pop(node, None)

    def introduce(self, job: Job[R], node: VertexNode[R]) -> None:
        """Let ``job`` hear of ``node`` for the first time."""
        if node not in job.said:
            job.say(node, _message(node, node, job))

    def reason(self, edge: EdgeNode[R]) -> str:
        """Why ``edge`` has to be executed, as the first build that waits for it sees it."""
        for job, _ in edge.node.audience():
            return job.reasons.why(edge)
        return ""

    def started(self, node: VertexNode[R]) -> None:
        """Something is done for ``node`` that takes time."""
        idle, node.idle_since = node.idle_since, None
        if idle is not None and node.completed is None and time.time_ns() - idle > _PAUSE:
            # What it waited for others is no part of its own time.
            node.completed = idle
            self._changed[node] = None
            self.flush()
        if node.started is None or node.completed is not None:
            node.started = time.time_ns()
            node.completed = None
            self._changed[node] = None

    def idle(self, node: VertexNode[R]) -> None:
        """A part of what is done for ``node`` has ended, perhaps all of it for now."""
        if not any(node.tasks()):
            node.idle_since = time.time_ns()

    def executing(self, node: VertexNode[R], reason: str) -> None:
        """The operation itself begins."""
        node.reason = reason
        self._changed[node] = None
        self.started(node)
        self.flush()

    def executed(self, edge: EdgeNode[R]) -> None:
        """The operation gave its result."""
        self._complete(edge.node)
        if edge.saved_key is not None:
            self._note(edge)
            self._book.keep(str(edge.saved_key), gather(edge))

    def cached(self, edge: EdgeNode[R]) -> None:
        """The result was found in the cache."""
        node = edge.node
        if not node.executed:
            node.cached = True
            by_content = any(d.content is not None for d in edge.dependencies)
            node.reason = SAME_FILES if by_content else UNCHANGED
        self._note(edge)
        self._complete(node)

    def failed(self, edge: EdgeNode[R], error: BaseException) -> None:
        """``edge`` failed by itself."""
        node = edge.node
        node.error = error
        if node.started is None:
            node.started = time.time_ns()
        self._complete(node)

    def finished(self, edge: EdgeNode[R]) -> None:
        """``edge`` has its result or its error: whoever wants it can be answered."""
        if edge.jobs:
            self._finished[edge] = None

    def merged(self, edge: EdgeNode[R], twin: EdgeNode[R]) -> None:
        """``edge`` turned out to be the same as ``twin``, which goes on for both."""
        if edge.node not in twin.node.aliases and edge.node is not twin.node:
            twin.node.aliases.append(edge.node)
            for keeper in tuple(edge.node.keepers):
                keeper.adopt(twin.node)
        self._changed[twin.node] = None

    def skipped(self, job: Job[R], nodes: Iterable[VertexNode[R]]) -> None:
        """``job`` is done: those of ``nodes`` that it did not need count as cached for it."""
        for node in nodes:
            said = job.said.get(node)
            if said is not None and said.completed is not None:
                continue
            moment = node.idle_since or time.time_ns()
            started = node.started or moment
            job.say(
                node,
                _message(node, node, job, started=started, completed=max(moment, started)),
                cached=True,
                reason=node.reason or NOT_NEEDED,
            )

    def cancelled(self, job: Job[R]) -> None:
        """``job`` ends early: what it had running is cancelled for it."""
        self.flush()
        for node, said in list(job.said.items()):
            if said.started is not None and said.completed is None:
                job.say(
                    node,
                    _message(node, node, job, started=said.started, completed=time.time_ns()),
                    error=CANCELLED,
                )
        job.flush()

    def note_all(self, edges: Iterable[EdgeNode[R]]) -> None:
        """Take note of the keys of edges that were found cached on the way."""
        for edge in edges:
            if edge.saved_key is None and edge.keys:
                self._note(edge)

    def flush(self) -> None:
        """Tell what changed, then answer those whose wishes were met."""
        changed, self._changed = self._changed, {}
        jobs: dict[Job[R], None] = {}
        for node in changed:
            for job, known in node.audience():
                jobs[job] = None
                job.say(known, _message(node, known, job))
        for job in jobs:
            job.flush()
        finished, self._finished = self._finished, {}
        for edge in finished:
            for job in tuple(edge.jobs):
                job.check()

    def _complete(self, node: VertexNode[R]) -> None:
        node.completed = time.time_ns()
        if node.started is None:
            node.started = node.completed
        self._changed[node] = None

    def _note(self, edge: EdgeNode[R]) -> None:
        key = edge.saved_key if edge.saved_key is not None else next(iter(edge.keys))
        for job, _ in edge.node.audience():
            job.reasons.note(edge, key)


def _message(
    node: VertexNode[R], known: VertexNode[R], job: Job[R], **times: int
) -> messages.Vertex:
    """What is to be said of ``node`` to ``job``, which knows it as ``known``."""
    metadata = job.metadata.get(known, known.vertex.metadata)
    values: dict[str, Any] = {
        "started": node.started,
        "completed": node.completed,
        "cached": node.cached and node.completed is not None,
        "error": _text(node.error) if node.error is not None else "",
        "reason": node.reason,
        **times,
    }
    mode, interpreter = metadata.mode, metadata.interpreter
    if mode is not messages.Mode.NONE and isinstance(node.op, RunsProgram):
        # What the frontend said was a guess by platforms alone.
        how, interpreter = node.op.manner
        if messages.Mode.EMULATED in (how, mode):
            mode = how
    return messages.Vertex(
        digest=str(known.vertex.digest),
        name=known.vertex.name if not metadata.name else metadata.name,
        inputs=tuple(str(source.vertex.digest) for source, _ in known.inputs),
        progress_group=metadata.progress_group,
        platforms=tuple(platform.format_all() for platform in metadata.platforms),
        stage=metadata.stage,
        mode=mode,
        interpreter=interpreter,
        ranges=metadata.ranges,
        kind=metadata.kind,
        instruction=metadata.instruction,
        **values,
    )


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__
