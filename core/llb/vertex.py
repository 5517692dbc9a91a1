"""A vertex, and an edge to one of its outputs: a build is an edge and all it leads to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from core.llb.encoding import encode_vertex
from core.llb.metadata import Metadata
from core.llb.ops import Op
from core.oci.digest import Digest
from core.oci.platform import Platform

_NO_METADATA = Metadata()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vertex:
    """An operation on inputs.

    Two vertices of equal ``digest`` do the same; ``metadata`` is outside of it. ``platform`` is set
    for operations that depend on one (exec, image source) and None for the rest, which is what lets
    platforms share them.
    """

    op: Op
    inputs: tuple[Edge, ...] = ()
    platform: Platform | None = None
    metadata: Metadata = _NO_METADATA
    _encoded: list[bytes | Digest] = field(default_factory=list, init=False, repr=False)

    @property
    def encoded(self) -> bytes:
        """The deterministic bytes of this vertex as a ``pb.Op``."""
        self._encode()
        encoded = self._encoded[0]
        assert isinstance(encoded, bytes)
        return encoded

    @property
    def digest(self) -> Digest:
        """The digest of ``encoded``."""
        self._encode()
        digest = self._encoded[1]
        assert isinstance(digest, Digest)
        return digest

    def _encode(self) -> None:
        # From the bottom up without recursion: a chain of vertices may be longer than the stack.
        waiting = [self]
        while waiting:
            vertex = waiting.pop()
            if vertex._encoded:
                continue
            missing = [edge.vertex for edge in vertex.inputs if not edge.vertex._encoded]
            if missing:
                waiting.append(vertex)
                waiting.extend(missing)
                continue
            inputs = [(str(edge.vertex._encoded[1]), edge.output) for edge in vertex.inputs]
            data = encode_vertex(vertex.op, inputs, vertex.platform)
            vertex._encoded.extend((data, Digest.of(data)))

    def keep_encoded(self, data: bytes) -> None:
        """Take ``data`` as this vertex' bytes: what came from elsewhere keeps its digest."""
        self._encoded[:] = (data, Digest.of(data))

    @property
    def name(self) -> str:
        """The name for people, or the operation's class where none was given."""
        return self.metadata.name or type(self.op).__name__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vertex) and (self is other or self.digest == other.digest)

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True, slots=True)
class Edge:
    """Output ``output`` of ``vertex``."""

    vertex: Vertex
    output: int = 0


def walk(edges: Iterable[Edge]) -> Iterator[Vertex]:
    """Every vertex object reachable from ``edges``, each once, inputs before what uses them."""
    seen: set[int] = set()
    stack: list[tuple[Vertex, int]] = []
    for edge in edges:
        if id(edge.vertex) in seen:
            continue
        seen.add(id(edge.vertex))
        stack.append((edge.vertex, 0))
        while stack:
            vertex, position = stack.pop()
            if position == len(vertex.inputs):
                yield vertex
                continue
            stack.append((vertex, position + 1))
            child = vertex.inputs[position].vertex
            if id(child) not in seen:
                seen.add(id(child))
                stack.append((child, 0))
