"""Why a build failed: one sentence, the place, the last output, and what could be done.

Causes are read from the failed vertex, its error and its last output; the embedded builder says
most of it itself (``Error.message`` and ``hint``), other builders leave words to recognise.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from core.errors import AuthenticationError, EmulationError, Error, ExecError, LineRange
from core.progress.messages import Mode
from core.progress.state import BuildState, VertexState
from desktop.models.graph_words import interpreter_name, short_platform
from desktop.models.log_ansi import plain

TAIL_LINES = 12


class Cause(Enum):
    """What is behind a failure; the words for it are the panel's."""

    EXEC_FORMAT = "exec format"
    EMULATOR = "emulator"
    MEMORY = "memory"
    NOT_FOUND_IN_CONTEXT = "not in context"
    CONTEXT_UNREADABLE = "context unreadable"
    COMMAND_NOT_FOUND = "command not found"
    NOT_EXECUTABLE = "not executable"
    CREDENTIALS = "credentials"
    NETWORK = "network"
    DISK_FULL = "disk full"
    EXIT_STATUS = "exit status"
    OTHER = "other"


class Remedy(Enum):
    """The value is the first part of the action that a button asks for."""

    ENABLE_EMULATION = "enable-emulation"
    SIGN_IN = "sign-in"
    IGNORE_FILE = "ignore-file"
    RETRY_WITHOUT_CACHE = "retry-without-cache"
    OPEN_SHELL = "open-shell"
    RETRY = "retry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A line of the Dockerfile; ``marked`` ones are those that failed."""

    number: int
    text: str
    marked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """``subject`` is what the cause speaks of: a file, a host, a command, an exit status.

    ``message`` is the error's own sentence. ``remedies`` are (what, argument), best first.
    """

    cause: Cause
    subject: str = ""
    message: str = ""
    hint: str = ""
    step: str = ""
    vertex: str = ""
    platform: str = ""
    interpreter: str = ""
    emulated: bool = False
    ranges: tuple[LineRange, ...] = ()
    excerpt: tuple[Excerpt, ...] = ()
    output: tuple[str, ...] = ()
    remedies: tuple[tuple[Remedy, str], ...] = ()


def failure(
    state: BuildState, error: Error | None, source: str, *, pushed_to: tuple[str, ...] = ()
) -> Failure:
    """What is to be said of a build that failed. ``source`` is the Dockerfile, "" if unknown.

    ``pushed_to`` are the hosts of registries that the result was to go to.
    """
    seen = _failed_vertex(state, error)
    text = "\n".join(t for t in (str(error or ""), seen.vertex.error if seen else "") if t)
    tail = _tail(seen)
    cause, subject = _cause(error, seen, text, "\n".join(tail))
    if cause is Cause.CREDENTIALS:
        subject = next((host for host in pushed_to if host in text), subject)
    ranges = tuple(error.ranges) if error is not None else ()
    if not ranges and seen is not None:
        ranges = seen.vertex.ranges or _ranges_of(seen, source)
    platform = seen.platforms[0] if seen is not None and seen.platforms else ""
    return Failure(
        cause=cause,
        subject=subject,
        message=error.message if error is not None else text.strip().rpartition("\n")[2],
        hint=error.hint if error is not None else "",
        step=seen.step.text or seen.name if seen is not None else "",
        vertex=seen.digest if seen is not None else "",
        platform=short_platform(platform),
        interpreter=interpreter_name(seen.vertex.interpreter) if seen is not None else "",
        emulated=seen is not None and seen.mode is Mode.EMULATED,
        ranges=ranges,
        excerpt=_excerpt(source, ranges),
        output=tail,
        remedies=_remedies(cause, subject, seen, platform),
    )


def _failed_vertex(state: BuildState, error: Error | None) -> VertexState | None:
    if isinstance(error, ExecError) and error.vertex in state.vertices:
        return state.vertices[error.vertex]
    return state.failed


def _tail(seen: VertexState | None) -> tuple[str, ...]:
    if seen is None or not seen.tail:
        return ()
    lines = seen.tail.rstrip(b"\n").split(b"\n")
    return tuple(plain(line) for line in lines[-TAIL_LINES:])


Finder = Callable[[re.Match[str]], str]

_PATTERNS: tuple[tuple[re.Pattern[str], Cause], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), cause)
    for pattern, cause in (
        (r"(?P<s>\S+): cannot execute binary file: exec format error", Cause.EXEC_FORMAT),
        (r"(?:exec )?\"?(?P<s>[^\s\":]+)\"?: exec format error", Cause.EXEC_FORMAT),
        (r"exec format error", Cause.EXEC_FORMAT),
        (r"uncaught target signal (?P<s>\d+)", Cause.EMULATOR),
        (r"qemu[-:\w]*: .*(?:unsupported syscall|illegal instruction)", Cause.EMULATOR),
        (r"no space left on device", Cause.DISK_FULL),
        (r"out of memory|oom.?kill", Cause.MEMORY),
        (r"failed to (?:compute cache key|calculate checksum).*?\"(?P<s>[^\"]+)\": not found",
         Cause.NOT_FOUND_IN_CONTEXT),
        (r"open (?P<s>\S+): permission denied", Cause.CONTEXT_UNREADABLE),
        (r"(?:failed to authorize|401 unauthorized|pull access denied|insufficient_scope|"
         r"denied: requested access|authentication required|no basic auth)", Cause.CREDENTIALS),
        (r"(?:no such host|temporary failure in name resolution|could not resolve host|"
         r"i/o timeout|connection refused|tls handshake timeout|network is unreachable)",
         Cause.NETWORK),
    )
)  # fmt: skip


def _cause(
    error: Error | None, seen: VertexState | None, text: str, output: str
) -> tuple[Cause, str]:
    if isinstance(error, AuthenticationError):
        return Cause.CREDENTIALS, _host(text)
    code = error.exit_code if isinstance(error, ExecError) else _exit_code(text)
    if isinstance(error, ExecError) and error.out_of_memory:
        return Cause.MEMORY, str(code)
    runs = seen is not None and (seen.step.text.startswith("RUN ") or seen.vertex.kind == "exec")
    for pattern, cause in _PATTERNS:
        # What a program prints tells only of programs; the rest must be the builder's words.
        where = f"{text}\n{output}" if cause in _FROM_OUTPUT else text
        match = pattern.search(where)
        if match is not None:
            subject = match.groupdict().get("s") or ""
            if cause is Cause.CREDENTIALS:
                subject = _host(text)
            return cause, subject
    if isinstance(error, EmulationError):
        return Cause.EXEC_FORMAT, ""
    if code is None:
        return Cause.OTHER, ""
    if runs and seen is not None and seen.mode is Mode.EMULATED and code in {132, 134, 139}:
        return Cause.EMULATOR, str(code - 128)
    if code == 137:
        return Cause.MEMORY, str(code)
    if code == 127:
        found = re.findall(r"(?:^|: )([\w./+-]+): (?:command )?not found", output, re.MULTILINE)
        return Cause.COMMAND_NOT_FOUND, found[-1] if found else ""
    if code == 126:
        return Cause.NOT_EXECUTABLE, ""
    return Cause.EXIT_STATUS, str(code)


_FROM_OUTPUT = frozenset({Cause.EXEC_FORMAT, Cause.EMULATOR, Cause.DISK_FULL, Cause.NETWORK})


def _exit_code(text: str) -> int | None:
    found = re.search(r"exit (?:code|status):? ?(\d+)", text)
    return int(found.group(1)) if found else None


def _host(text: str) -> str:
    """The registry that a refusal speaks of; Docker Hub where it names none."""
    found = re.search(r"https?://([\w.-]+(?::\d+)?)/", text)
    if found is None:
        found = re.search(r"\b((?:[\w-]+\.)+[\w-]+(?::\d+)?|localhost(?::\d+)?)/[\w./-]+", text)
    host = found.group(1) if found else "docker.io"
    return "docker.io" if host in {"auth.docker.io", "registry-1.docker.io"} else host


def _remedies(
    cause: Cause, subject: str, seen: VertexState | None, platform: str
) -> tuple[tuple[Remedy, str], ...]:
    found: list[tuple[Remedy, str]] = []
    if cause in {Cause.EXEC_FORMAT, Cause.EMULATOR} and platform:
        found.append((Remedy.ENABLE_EMULATION, platform))
    if cause is Cause.CREDENTIALS:
        found.append((Remedy.SIGN_IN, subject))
    if cause is Cause.CONTEXT_UNREADABLE and subject:
        found.append((Remedy.IGNORE_FILE, subject))
    if seen is not None and (seen.vertex.kind == "exec" or seen.step.text.startswith("RUN ")):
        found.append((Remedy.OPEN_SHELL, seen.digest))
    found.append((Remedy.RETRY, ""))
    if seen is not None and not seen.internal:
        found.append((Remedy.RETRY_WITHOUT_CACHE, seen.digest))
    return tuple(found)


def _ranges_of(seen: VertexState, source: str) -> tuple[LineRange, ...]:
    """The line of an instruction that is written as the vertex is named, if it is the only one."""
    wanted = seen.step.text.split()
    lines = source.split("\n")
    hits = [
        n
        for n, line in enumerate(lines, 1)
        if wanted and line.split()[:4] == wanted[:4] and len(wanted) > 1
    ]
    if len(hits) != 1:
        return ()
    last = hits[0]
    while last < len(lines) and lines[last - 1].rstrip().endswith("\\"):
        last += 1
    return (LineRange(hits[0], last),)


def _excerpt(source: str, ranges: tuple[LineRange, ...]) -> tuple[Excerpt, ...]:
    if not source or not ranges:
        return ()
    lines = source.split("\n")
    marked = {n for r in ranges for n in range(r.start, r.end + 1)}
    first, last = max(1, min(marked) - 1), min(len(lines), max(marked) + 1)
    last = min(last, first + 7)
    return tuple(
        Excerpt(number=n, text=lines[n - 1], marked=n in marked) for n in range(first, last + 1)
    )
