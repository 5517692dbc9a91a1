"""How long the steps of the last builds took, for learning what emulation costs."""

from __future__ import annotations

from collections.abc import Iterator

from core.daemon.history import History
from core.daemon.journal import read_journal
from core.emulation.advice import times_of
from core.emulation.calibration import StepTime
from core.errors import Error
from core.progress.codec import status_from_wire
from core.progress.messages import Vertex
from core.wire.pb import control_pb2

_BUILDS = 30


class StepTimes:
    """Reads each build's journal once, in the thread that asks."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._known: dict[str, tuple[StepTime, ...]] = {}

    def __call__(self) -> Iterator[StepTime]:
        """The times of the last builds that are over."""
        records = sorted(
            (record for record in list(self._history.records()) if record.phase.over),
            key=lambda record: record.created,
        )[-_BUILDS:]
        refs = {record.ref for record in records}
        for gone in set(self._known) - refs:
            del self._known[gone]
        for ref in refs:
            if ref not in self._known:
                self._known[ref] = tuple(self._read(ref))
            yield from self._known[ref]

    def _read(self, ref: str) -> Iterator[StepTime]:
        vertices: dict[str, Vertex] = {}
        try:
            for message in read_journal(self._history.directory(ref) / "events.pb"):
                status = status_from_wire(control_pb2.StatusResponse.FromString(message))
                vertices.update((vertex.digest, vertex) for vertex in status.vertexes)
        except (OSError, Error):
            return
        yield from times_of(vertices.values())
