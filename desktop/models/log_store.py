"""The lines of a build's log: text in a file, an index in memory.

A build may print gigabytes; what stays in memory is 8 bytes a line and some per run of lines of
one step. The file is unlinked as soon as it is open: it ends with the store, whatever happens.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.progress.messages import SolveStatus

_PARTIAL_LIMIT = 64 * 1024
_RUN_NANOSECONDS = 200_000_000
_BUFFER = 256 * 1024


@dataclass(frozen=True, slots=True)
class LineInfo:
    """Where a line comes from. ``time`` is nanoseconds since the epoch, exact to a fifth of a
    second."""

    vertex: str
    stream: int
    time: int


class LineStore:
    """Append-only lines, numbered from 0 in the order in which they were completed.

    A chunk may end within a line: the rest of that line is waited for, by vertex and stream, until
    ``finish(vertex)`` or until it is longer than any reader would want.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._file = tempfile.TemporaryFile(dir=directory, buffering=0)  # noqa: SIM115
        self._written = 0
        self._buffer = bytearray()
        self._starts = array("Q")
        self._end = 0
        self._run_lines = array("Q")
        self._run_sources = array("L")
        self._run_times = array("Q")
        self._sources: dict[tuple[str, int], int] = {}
        self._source_list: list[tuple[str, int]] = []
        self._partial: dict[tuple[str, int], bytes] = {}

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def size(self) -> int:
        """Bytes of text."""
        return self._end

    def close(self) -> None:
        """Idempotent. The store is empty afterwards and takes nothing more."""
        self._file.close()
        self._buffer.clear()
        del self._starts[:], self._run_lines[:], self._run_sources[:], self._run_times[:]

    def append(self, vertex: str, stream: int, data: bytes, time: int) -> None:
        key = (vertex, stream)
        rest = self._partial.pop(key, None)
        if rest:
            data = rest + data
        end = data.rfind(b"\n") + 1
        if end < len(data):
            self._partial[key] = data[end:]
            if len(data) - end > _PARTIAL_LIMIT:
                self._partial.pop(key)
                data += b"\n"
                end = len(data)
        if end:
            self._add(key, data if end == len(data) else data[:end], time)

    def finish(self, vertex: str, time: int) -> None:
        """Nothing more comes from ``vertex``: a last line without a newline counts now."""
        for key in [k for k in self._partial if k[0] == vertex]:
            self._add(key, self._partial.pop(key) + b"\n", time)

    def finish_all(self, time: int) -> None:
        """The build is over."""
        for vertex in {key[0] for key in self._partial}:
            self.finish(vertex, time)

    def take(self, status: SolveStatus) -> None:
        """The output in a status; steps that end in it are finished."""
        for log in status.logs:
            self.append(log.vertex, log.stream, log.data, log.timestamp or 0)
        if self._partial:
            for vertex in status.vertexes:
                if vertex.completed is not None:
                    self.finish(vertex.digest, vertex.completed)

    def partial(self, vertex: str) -> bytes:
        """What ``vertex`` has printed since its last newline."""
        return b"".join(text for key, text in self._partial.items() if key[0] == vertex)

    def _add(self, key: tuple[str, int], data: bytes, time: int) -> None:
        source = self._sources.get(key)
        if source is None:
            source = self._sources[key] = len(self._source_list)
            self._source_list.append(key)
        runs = len(self._run_lines)
        if (
            not runs
            or self._run_sources[runs - 1] != source
            or not 0 <= time - self._run_times[runs - 1] < _RUN_NANOSECONDS
        ):
            self._run_lines.append(len(self._starts))
            self._run_sources.append(source)
            self._run_times.append(max(time, 0))
        base = self._end
        starts = self._starts
        at = 0
        find = data.find
        while at < len(data):
            starts.append(base + at)
            at = find(b"\n", at) + 1
        self._end += len(data)
        self._buffer += data
        if len(self._buffer) > _BUFFER:
            self._flush()

    def _flush(self) -> None:
        view = memoryview(self._buffer)
        while view:
            view = view[os.write(self._file.fileno(), view) :]
        view.release()
        self._written += len(self._buffer)
        self._buffer = bytearray()

    def read(self, first: int, last: int) -> bytes:
        """The bytes of lines ``first`` to ``last`` (excluded), each with its newline."""
        start = self._starts[first]
        end = self._starts[last] if last < len(self._starts) else self._end
        return self.read_bytes(start, end)

    def read_bytes(self, start: int, end: int) -> bytes:
        """Text between two byte offsets. Safe in another thread than the one that appends."""
        buffer, written = self._buffer, self._written
        found = b""
        if start < written:
            found = os.pread(self._file.fileno(), min(end, written) - start, start)
        if end > written:
            found += bytes(buffer[max(start - written, 0) : end - written])
        return found

    def line(self, number: int) -> bytes:
        return self.read(number, number + 1).rstrip(b"\n")

    def lines(self, first: int, last: int) -> list[bytes]:
        return self.read(first, last).split(b"\n")[:-1] if last > first else []

    def line_at(self, offset: int) -> int:
        """The line that holds the byte at ``offset``."""
        return bisect_right(self._starts, offset) - 1

    def start(self, number: int) -> int:
        """The byte offset of a line; of the end for the line after the last."""
        return self._starts[number] if number < len(self._starts) else self._end

    def info(self, number: int) -> LineInfo:
        run = bisect_right(self._run_lines, number) - 1
        vertex, stream = self._source_list[self._run_sources[run]]
        return LineInfo(vertex, stream, self._run_times[run])

    def runs(self, first_run: int = 0) -> Iterator[tuple[int, str, int, int]]:
        """(run, vertex, first line, line after the last) from ``first_run`` on, in order."""
        count = len(self._run_lines)
        for run in range(first_run, count):
            end = self._run_lines[run + 1] if run + 1 < count else len(self._starts)
            yield run, self._source_list[self._run_sources[run]][0], self._run_lines[run], end


class LineFilter:
    """The lines of some vertices of a store, numbered from 0; of all for None."""

    def __init__(self, store: LineStore, vertices: frozenset[str] | None = None) -> None:
        self._store = store
        self.vertices = vertices
        self._firsts = array("Q")
        self._rows = array("Q")
        self._count = 0
        self._run = 0
        self._seen = 0
        self.update()

    def update(self) -> None:
        """Take in what was appended to the store."""
        if self.vertices is None:
            self._count = len(self._store)
            return
        for run, vertex, first, end in self._store.runs(self._run):
            self._run = run  # the last run may still grow
            if vertex in self.vertices and end > self._seen:
                first = max(first, self._seen)
                self._firsts.append(first)
                self._rows.append(self._count)
                self._count += end - first
            self._seen = max(self._seen, end)

    def __len__(self) -> int:
        return self._count

    def number(self, row: int) -> int:
        """The store's line number of ``row``."""
        if self.vertices is None:
            return row
        at = bisect_right(self._rows, row) - 1
        return self._firsts[at] + row - self._rows[at]

    def row(self, number: int) -> int:
        """The row of a store's line, or of the first line after it that is shown."""
        if self.vertices is None:
            return min(number, self._count)
        at = bisect_right(self._firsts, number) - 1
        if at < 0:
            return 0
        end = self._rows[at + 1] if at + 1 < len(self._rows) else self._count
        return min(self._rows[at] + number - self._firsts[at], end)

    def has(self, number: int) -> bool:
        row = self.row(number)
        return row < self._count and self.number(row) == number
