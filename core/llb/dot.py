"""A definition as text for people and other programs: Graphviz' dot, and JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from core.llb.ops import (
    BuildOp,
    DiffOp,
    ExecOp,
    FileOp,
    MergeOp,
    Op,
    PassthroughOp,
    SourceOp,
)
from core.llb.vertex import Edge, Vertex, walk

_SHAPES = {
    SourceOp: "ellipse",
    ExecOp: "box",
    FileOp: "note",
    MergeOp: "invtriangle",
    DiffOp: "doublecircle",
    BuildOp: "box3d",
    PassthroughOp: "plaintext",
}


def to_dot(edge: Edge) -> str:
    """The graph below ``edge`` in the dot language, inputs pointing at their users."""
    lines = ["digraph {"]
    for vertex in walk((edge,)):
        label = vertex.metadata.name or summary(vertex.op)
        lines.append(f"  {_quote(vertex.digest)} [label={_quote(label)} shape={_shape(vertex)}];")
        for number, source in enumerate(vertex.inputs):
            label = f"{number}" if source.output == 0 else f"{number} from {source.output}"
            arrow = f"{_quote(source.vertex.digest)} -> {_quote(vertex.digest)}"
            lines.append(f"  {arrow} [label={_quote(label)}];")
    lines.append("}")
    return "\n".join(lines) + "\n"


def to_json_values(edge: Edge) -> Iterator[dict[str, Any]]:
    """Each vertex as a JSON value, inputs first; the last value is the result."""
    for vertex in walk((edge,)):
        yield {
            "digest": str(vertex.digest),
            "name": vertex.metadata.name,
            "kind": type(vertex.op).__name__,
            "op": _plain(vertex.op),
            "platform": str(vertex.platform) if vertex.platform else None,
            "inputs": [
                {"digest": str(item.vertex.digest), "output": item.output} for item in vertex.inputs
            ],
            "metadata": _plain(vertex.metadata),
        }
    yield {"result": {"digest": str(edge.vertex.digest), "output": edge.output}}


def to_json_lines(edge: Edge) -> str:
    """``to_json_values`` as text, one value a line, keys sorted."""
    return "".join(json.dumps(value, sort_keys=True) + "\n" for value in to_json_values(edge))


def summary(op: Op) -> str:
    """``op`` in a few words, for vertices that nobody named."""
    match op:
        case SourceOp():
            return op.identifier
        case ExecOp():
            return " ".join(op.meta.args)
        case FileOp():
            names = [type(action.action).__name__ for action in op.actions]
            return ", ".join(name.removesuffix("Action").lower() for name in names)
        case MergeOp():
            return "merge"
        case DiffOp():
            return "diff"
        case BuildOp():
            return "build"
        case PassthroughOp():
            return op.id


def _shape(vertex: Vertex) -> str:
    return _SHAPES[type(vertex.op)]


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _plain(value: object) -> Any:
    if isinstance(value, Enum):
        return value.name.lower()
    if is_dataclass(value) and not isinstance(value, type):
        plain = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
        return {key: item for key, item in plain.items() if item not in (None, [], "")}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value
