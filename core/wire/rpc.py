"""Calling and serving gRPC methods over connections of any kind.

grpclib's private parts are used in two places only, here: a channel that is given its connection,
and a server protocol without a listening socket. The dependency is pinned for that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from google.protobuf.any_pb2 import Any as PackedMessage
from grpclib.client import Channel, Stream
from grpclib.config import Configuration
from grpclib.const import Cardinality, Handler, Status
from grpclib.encoding.base import StatusDetailsCodecBase
from grpclib.encoding.proto import ProtoCodec
from grpclib.events import _DispatchServerEvents
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError
from grpclib.protocol import H2Protocol
from grpclib.server import Handler as RequestHandler
from grpclib.server import Stream as ServerStream
from h2.config import H2Configuration
from h2.errors import ErrorCodes
from h2.events import StreamReset
from h2.exceptions import StreamClosedError

from core.errors import BuilderError, Error
from core.wire.failure import from_grpc, to_grpc
from core.wire.methods import Method, RawMessage, Reply, Request, Wire
from core.wire.pb import status_pb2

log = logging.getLogger(__name__)

_WINDOW = 16 << 20
_CONFIG = Configuration(http2_connection_window_size=_WINDOW, http2_stream_window_size=_WINDOW)
_MAX_HEADER_BYTES = 4 << 20

Q = TypeVar("Q", bound=Wire)
R = TypeVar("R", bound=Wire)


class _DetailsCodec(StatusDetailsCodecBase):
    """Details as packed messages, whatever their types."""

    def encode(self, status: Status, message: str | None, details: Any) -> bytes:
        return status_pb2.Status(
            code=status.value, message=message or "", details=list(details or ())
        ).SerializeToString()

    def decode(self, status: Status, message: str | None, data: bytes) -> Sequence[PackedMessage]:
        return list(status_pb2.Status.FromString(data).details)


class _Protocol(H2Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Error details hold a Dockerfile: more than HPACK's default limit of 64 KiB.
        self.connection._connection.decoder.max_header_list_size = _MAX_HEADER_BYTES
        self.processor.processors[StreamReset] = self._stream_reset

    def _stream_reset(self, event: StreamReset) -> None:
        """A server that has answered in full may reset a stream that the caller did not end
        (RFC 9113, section 8.1), and Go's does. That is no failure of the call."""
        stream = self.processor.streams.get(event.stream_id)
        answered = stream is not None and stream.trailers_received.is_set()
        if not (answered and event.remote_reset and event.error_code == ErrorCodes.NO_ERROR):
            self.processor.process_stream_reset(event)


def _h2(*, client: bool) -> H2Configuration:
    return H2Configuration(
        client_side=client,
        header_encoding="utf-8",
        validate_inbound_headers=False,
        validate_outbound_headers=False,
        normalize_inbound_headers=False,
        normalize_outbound_headers=False,
    )


ProtocolFactory = Callable[[], asyncio.Protocol]


class CallChannel(Channel):
    """A channel whose connection somebody else makes; connects again when it was lost."""

    def __init__(self, connect: Callable[[ProtocolFactory], Awaitable[Any]]) -> None:
        super().__init__(
            "localhost",
            80,
            codec=ProtoCodec(),
            status_details_codec=_DetailsCodec(),
            config=_CONFIG,
        )
        self._connect = connect

    def _protocol_factory(self) -> H2Protocol:
        protocol = super()._protocol_factory()
        return _Protocol(protocol.handler, self._config, _h2(client=True))

    async def _create_connection(self) -> H2Protocol:
        protocol: H2Protocol = await self._connect(self._protocol_factory)
        return protocol

    def adopt(self) -> H2Protocol:
        """A protocol that the caller connects; calls use it until it is lost."""
        self._protocol = self._protocol_factory()
        return self._protocol

    def close(self) -> None:
        if self._protocol is not None:
            super().close()
            self._protocol = None


async def call(
    channel: Channel,
    method: Method[Request, Reply],
    request: Request,
    *,
    metadata: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Reply:
    """One request, one reply. Raises the ``core.errors.Error`` that the other side raised."""
    async with open_stream(channel, method, metadata=metadata, timeout=timeout) as stream:
        await stream.send_message(request, end=True)
        reply = await stream.recv_message()
        if reply is None:
            # Trailers hold the reason; reading them raises it.
            await stream.recv_trailing_metadata()
            raise BuilderError(f"{method.path} ended without an answer")
        return reply


async def iterate(
    channel: Channel,
    method: Method[Request, Reply],
    request: Request,
    *,
    metadata: Mapping[str, str] | None = None,
) -> AsyncIterator[Reply]:
    """One request, a stream of replies. Leaving the loop early cancels the call."""
    async with open_stream(channel, method, metadata=metadata) as stream:
        await stream.send_message(request, end=True)
        async for reply in stream:
            yield reply


@asynccontextmanager
async def open_stream(
    channel: Channel,
    method: Method[Request, Reply],
    *,
    metadata: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    timeout: float | None = None,
) -> AsyncIterator[Stream[Request, Reply]]:
    """A call as grpclib's stream, with failures turned into ``core.errors``."""
    pairs = metadata.items() if isinstance(metadata, Mapping) else (metadata or ())
    try:
        async with channel.request(
            method.path,
            method.cardinality,
            method.request,
            method.reply,
            metadata=list(pairs),
            timeout=timeout,
        ) as stream:
            yield stream
    except GRPCError as error:
        raise from_grpc(error) from error
    except (StreamTerminatedError, ProtocolError, StreamClosedError) as error:
        log.debug("%s was cut off", method.path, exc_info=True)
        raise BuilderError(
            "the connection to the builder was lost",
            hint="The builder may have stopped; its log says why.",
            temporary=True,
        ) from error
    except TimeoutError as error:
        raise BuilderError("the builder did not answer in time", temporary=True) from error


async def end(stream: Stream[Any, Any]) -> None:
    """Say that nothing more will be sent, unless the other side has closed the call already."""
    try:
        await stream.end()
    except StreamClosedError:
        # grpclib refuses to read the trailers of a stream that it believes open.
        stream._end_done = True


class Incoming(Generic[Q, R]):
    """One call being served: read with ``receive`` or ``async for``, answer with ``send``."""

    def __init__(self, stream: ServerStream[Q, R]) -> None:
        self._stream = stream

    def header(self, name: str) -> str:
        value = self._stream.metadata.get(name) if self._stream.metadata else None
        return str(value) if value is not None else ""

    def headers(self, name: str) -> list[str]:
        values = self._stream.metadata.getall(name, []) if self._stream.metadata else []
        return [str(value) for value in values]

    async def receive(self) -> Q | None:
        """The next message, None once the caller has ended its side."""
        message: Q | None = await self._stream.recv_message()
        return message

    async def request(self) -> Q:
        """The sole message of a unary call."""
        message = await self.receive()
        if message is None:
            raise GRPCError(Status.INVALID_ARGUMENT, "the request is missing")
        return message

    async def send(self, message: R) -> None:
        await self._stream.send_message(message)

    async def send_many(self, messages: Iterable[R]) -> None:
        """Several messages in one write: what makes a stream of small ones quick."""
        if not self._stream._send_initial_metadata_done:
            await self._stream.send_initial_metadata()
        out = bytearray()
        for message in messages:
            body = message.SerializeToString()
            out += b"\0" + len(body).to_bytes(4, "big") + body
        if out:
            await self._stream._stream.send_data(bytes(out))
            self._stream._send_message_done = True

    async def start(self) -> None:
        """Send the headers, for a caller that waits for them before it writes."""
        if not self._stream._send_initial_metadata_done:
            await self._stream.send_initial_metadata()

    async def __aiter__(self) -> AsyncIterator[Q]:
        while (message := await self.receive()) is not None:
            yield message


Serve = Callable[[Any], Awaitable[None]]
Routes = Mapping[str, Handler]


def route(method: Method[Q, R], serve: Callable[[Incoming[Q, R]], Awaitable[None]]) -> Routes:
    """The entry for one method. Errors of ``core.errors`` reach the caller whole."""

    async def handler(stream: ServerStream[Q, R]) -> None:
        try:
            await serve(Incoming(stream))
        except Error as error:
            raise to_grpc(error) from error
        except (GRPCError, StreamTerminatedError):
            raise
        except Exception as error:
            log.exception("%s failed", method.path)
            raise GRPCError(
                Status.INTERNAL, f"a defect of the builder: {type(error).__name__}: {error}"
            ) from error

    return {method.path: Handler(handler, method.cardinality, method.request, method.reply)}


def answer(method: Method[Q, R], reply: Callable[[Q], Awaitable[R]]) -> Routes:
    """The entry for a unary method whose reply depends on the request alone."""

    async def serve(incoming: Incoming[Q, R]) -> None:
        await incoming.send(await reply(await incoming.request()))

    return route(method, serve)


def join(*routes: Routes) -> dict[str, Handler]:
    return {path: handler for table in routes for path, handler in table.items()}


async def _not_served(stream: ServerStream[Any, Any]) -> None:
    raise GRPCError(Status.UNIMPLEMENTED, "there is no such method here")


class _Table(dict[str, Handler]):
    """Routes, and an answer for other paths: grpclib's own lacks a header that callers need."""

    def get(self, path: str, default: Any = None) -> Handler:
        found = super().get(path)
        if found is not None:
            return found
        return Handler(_not_served, Cardinality.STREAM_STREAM, RawMessage, RawMessage)


class ServerProtocol(_Protocol):
    """Serves ``routes`` on the one connection it is given."""

    def __init__(self, routes: Mapping[str, Handler]) -> None:
        self.requests = RequestHandler(
            _Table(routes), ProtoCodec(), _DetailsCodec(), _DispatchServerEvents()
        )
        super().__init__(self.requests, _CONFIG.__for_server__(), _h2(client=False))

    async def wait_closed(self) -> None:
        """Until every request that the end of the connection cancelled is over."""
        await self.requests.wait_closed()
