"""Making the error of a failed step say where, and what to do about its exit code."""

from __future__ import annotations

from core.errors import Error, ExecError
from core.llb.vertex import Vertex

_HINTS = {
    127: "The program was not found: check its name, PATH and that the image installs it.",
    126: "The program is there but cannot be run: check its mode and its #! line.",
}


def explain_failure(error: Error, vertex: Vertex | None, *, source_name: str) -> Error:
    """``error`` with the step's lines and digest. What it says already is kept."""
    if vertex is None:
        return error
    if not error.ranges:
        error.ranges = tuple(vertex.metadata.ranges)
    if error.ranges and not error.source_name:
        error.source_name = source_name
    if isinstance(error, ExecError):
        error.vertex = error.vertex or str(vertex.digest)
        error.hint = error.hint or _HINTS.get(error.exit_code, "")
    return error
