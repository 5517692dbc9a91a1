"""Making the error of a failed step say where, what and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping

from core.errors import Error, ExecError
from core.llb.ops import ExecOp
from core.llb.vertex import Vertex

_EXEC_FORMAT = re.compile(rb"exec format error|Exec format error|cannot execute binary file")
_QEMU_CRASH = re.compile(rb"qemu: uncaught target signal (\d+)")

_SIGNALS: Mapping[int, str] = {
    4: "an instruction that the emulated processor does not have",
    6: "the program gave up (abort)",
    7: "a bus error",
    11: "a memory access that failed",
}


def explain_failure(error: Error, vertex: Vertex | None, tail: bytes, *, source_name: str) -> Error:
    """``error`` with the step's lines, and for programs with a cause and a remedy.

    Errors that already say where they belong are returned as they are.
    """
    if vertex is None:
        return error
    metadata = vertex.metadata
    if not error.ranges and metadata.ranges:
        error.ranges = tuple(metadata.ranges)
    if error.ranges and not error.source_name:
        error.source_name = source_name
    if isinstance(error, ExecError):
        if not error.vertex:
            error.vertex = str(vertex.digest)
        if not error.hint:
            error.hint = _hint(error, vertex, tail)
    return error


def _hint(error: ExecError, vertex: Vertex, tail: bytes) -> str:
    platform = str(vertex.platform) if vertex.platform is not None else "this platform"
    if error.out_of_memory:
        return "Give the machine or the step more memory, or run fewer steps at once."
    if (crash := _QEMU_CRASH.search(tail)) is not None:
        number = int(crash[1])
        what = _SIGNALS.get(number, f"signal {number}")
        return (
            f"The emulator ended the program: {what}. A newer QEMU may help; cross-compiling "
            "(FROM --platform=$BUILDPLATFORM) avoids the emulator."
        )
    if _EXEC_FORMAT.search(tail) or _EXEC_FORMAT.search(str(error).encode()):
        return (
            f"A file that the step runs is of another architecture than {platform}, or the "
            f"emulator for {platform} is missing: `viaduct emulation status` tells."
        )
    if error.exit_code == 127:
        return "The program was not found: check its name, PATH and that the image installs it."
    if error.exit_code == 126:
        return "The program is there but cannot be run: check its mode and its #! line."
    if error.exit_code in {132, 134, 135, 139} and _is_foreign(vertex):
        return (
            "The program crashed under emulation. A newer QEMU may help; cross-compiling "
            "(FROM --platform=$BUILDPLATFORM) avoids the emulator."
        )
    return ""


def _is_foreign(vertex: Vertex) -> bool:
    return isinstance(vertex.op, ExecOp) and vertex.metadata.mode.value == "emulated"
