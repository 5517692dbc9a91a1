"""Calls over a connection inside messages, as a session's are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from core.errors import BuilderError, NotFoundError
from core.wire.pb import control_pb2, engine_pb2, health_pb2
from core.wire.rpc import Incoming, answer, call, iterate, join, open_stream, route
from core.wire.services import HEALTH_CHECK, Control, Engine

Joined = Callable[[dict[str, Any]], Any]


async def _healthy(request: health_pb2.HealthCheckRequest) -> health_pb2.HealthCheckResponse:
    return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)


async def test_a_call_is_answered(joined: Joined) -> None:
    async with joined(join(answer(HEALTH_CHECK, _healthy))) as channel:
        reply = await call(channel, HEALTH_CHECK, health_pb2.HealthCheckRequest())
    assert reply.status == health_pb2.HealthCheckResponse.SERVING


async def test_an_error_of_a_handler_is_raised_by_the_call(joined: Joined) -> None:
    async def missing(request: engine_pb2.GetBuildRequest) -> engine_pb2.GetBuildResponse:
        raise NotFoundError(f"there is no build {request.ref}", hint="look")

    async with joined(join(answer(Engine.GET_BUILD, missing))) as channel:
        with pytest.raises(NotFoundError, match="there is no build x") as caught:
            await call(channel, Engine.GET_BUILD, engine_pb2.GetBuildRequest(ref="x"))
    assert caught.value.hint == "look"


async def test_a_defect_of_a_handler_is_told_as_one(
    joined: Joined, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(request: engine_pb2.GetBuildRequest) -> engine_pb2.GetBuildResponse:
        raise ZeroDivisionError("oh")

    async with joined(join(answer(Engine.GET_BUILD, broken))) as channel:
        with pytest.raises(BuilderError, match="ZeroDivisionError"):
            await call(channel, Engine.GET_BUILD, engine_pb2.GetBuildRequest())
    assert "GetBuild failed" in caplog.text


async def test_a_method_that_is_not_served_is_no_surprise(joined: Joined) -> None:
    async with joined({}) as channel:
        with pytest.raises(BuilderError, match="does not offer"):
            await call(channel, Engine.HELLO, engine_pb2.HelloRequest())


async def test_batched_replies_arrive_one_by_one_in_order(joined: Joined) -> None:
    async def many(
        incoming: Incoming[control_pb2.PruneRequest, control_pb2.UsageRecord],
    ) -> None:
        await incoming.request()
        await incoming.send_many(control_pb2.UsageRecord(ID=str(n)) for n in range(1000))
        await incoming.send(control_pb2.UsageRecord(ID="last"))

    async with joined(join(route(Control.PRUNE, many))) as channel:
        ids = [r.ID async for r in iterate(channel, Control.PRUNE, control_pb2.PruneRequest())]
    assert ids == [*map(str, range(1000)), "last"]


async def test_more_than_every_window_goes_both_ways(joined: Joined) -> None:
    piece = b"x" * 700_000

    async def echo(
        incoming: Incoming[control_pb2.BytesMessage, control_pb2.BytesMessage],
    ) -> None:
        async for message in incoming:
            await incoming.send(message)

    async with (
        joined(join(route(Control.SESSION, echo))) as channel,
        open_stream(channel, Control.SESSION) as stream,
    ):
        await stream.send_request()

        async def send() -> None:
            for _ in range(40):
                await stream.send_message(control_pb2.BytesMessage(data=piece))
            await stream.end()

        sending = asyncio.create_task(send())
        size = 0
        async for message in stream:
            size += len(message.data)
        await sending
    assert size == 40 * len(piece)


async def test_leaving_a_stream_early_cancels_its_handler(joined: Joined) -> None:
    ended = asyncio.Event()

    async def endless(
        incoming: Incoming[control_pb2.PruneRequest, control_pb2.UsageRecord],
    ) -> None:
        try:
            await incoming.request()
            await incoming.send(control_pb2.UsageRecord(ID="1"))
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with joined(join(route(Control.PRUNE, endless))) as channel:
        async with open_stream(channel, Control.PRUNE) as stream:
            await stream.send_message(control_pb2.PruneRequest(), end=True)
            assert await stream.recv_message() is not None
            await stream.cancel()
        async with asyncio.timeout(5):
            await ended.wait()
