"""The processes that read and copy many files (``core.ops.file_worker``), from the daemon's side.

A few are started when there is much to do, and end by themselves soon after.
"""

from __future__ import annotations

import marshal
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from core.cache.stats import Signature
from core.ops import file_worker

MUCH: Final = 512
"""Files worth a request; for fewer than this, starting a process costs more than it saves."""

FileToCopy: TypeAlias = "tuple[str, str, int, int, int, int, Signature | None, str | None]"
"""Source, name, mode, uid, gid, mtime, signature that is expected, path to link to."""


class FileWorkers:
    """Thread-safe; each call blocks until one process has done what it says."""

    def __init__(self, most: int | None = None) -> None:
        self.most = most or min(os.cpu_count() or 1, 4)
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()
        self._free = threading.Semaphore(self.most)
        self._closed = False

    def read(self, root: str, paths: Sequence[str]) -> list[tuple[str, Signature] | None]:
        """Digest (SHA-256 in hex) and signature of each file; None for what cannot be read."""
        flat = self._ask(("read", root, list(paths)))
        if flat is None:
            flat = file_worker.read_all(root, list(paths))
        return [
            None if flat[at] is None else (flat[at].hex(), tuple(flat[at + 1 : at + 5]))
            for at in range(0, len(flat), 5)
        ]

    def copy(
        self, root: str, directories: Sequence[tuple[str, Sequence[FileToCopy]]]
    ) -> tuple[int, list[int]]:
        """Copy files into open directories: bytes copied, and the numbers of those left alone."""
        answer = self._ask(("copy", root, list(directories)))
        if answer is None:
            # Whatever was copied before the process ended is copied again.
            return 0, list(range(sum(len(files) for _, files in directories)))
        copied, left = answer
        return copied, left

    def close(self) -> None:
        """End the processes that have nothing to do."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()

    def _ask(self, request: Any) -> Any:
        """A process's answer; None when there is no process to be had."""
        body = marshal.dumps(request)
        with self._free:
            while True:
                with self._lock:
                    worker = self._idle.pop() if self._idle else None
                fresh = worker is None
                try:
                    worker = worker or _Worker()
                    answer = worker.ask(body)
                except (OSError, EOFError):
                    if worker is not None:
                        worker.close()
                    # One that was idle may just have ended.
                    if fresh:
                        return None
                    continue
                except BaseException:
                    if worker is not None:
                        worker.close()
                    raise
                with self._lock:
                    if not self._closed:
                        self._idle.append(worker)
                        return answer
                worker.close()
                return answer


class _Worker:
    def __init__(self) -> None:
        if getattr(sys, "frozen", False):
            raise OSError("a frozen program has no interpreter to run it with")
        program = str(Path(file_worker.__file__))
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-E", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd="/",
        )

    def ask(self, body: bytes) -> Any:
        """Raises OSError or EOFError when the process is gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        out = memoryview(struct.pack("<I", len(body)) + body)
        while out:
            out = out[self._process.stdin.write(out) or 0 :]
        head = self._take(4)
        return marshal.loads(self._take(struct.unpack("<I", head)[0]))

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.kill()
        self._process.wait()

    def _take(self, size: int) -> bytes:
        assert self._process.stdout is not None
        parts = []
        while size > 0:
            part = self._process.stdout.read(min(size, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
