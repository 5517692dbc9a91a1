"""One gRPC method: its path, its messages, which side streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from grpclib.const import Cardinality


class Wire(Protocol):
    """What a message must do: every protobuf message does."""

    def SerializeToString(self) -> bytes: ...


Request = TypeVar("Request", bound=Wire)
Reply = TypeVar("Reply", bound=Wire)


@dataclass(frozen=True, slots=True)
class Method(Generic[Request, Reply]):
    """``cardinality`` is seen from the caller: unary or stream, then the reply's."""

    path: str
    request: type[Request]
    reply: type[Reply]
    cardinality: Cardinality = Cardinality.UNARY_UNARY


class RawMessage:
    """The bytes of a message that is not parsed here: its type depends on the call, or it is
    passed on as it is."""

    __slots__ = ("data",)

    def __init__(self, data: bytes = b"") -> None:
        self.data = data

    @classmethod
    def FromString(cls, data: bytes) -> RawMessage:
        return cls(data)

    def SerializeToString(self) -> bytes:
        return self.data
