"""The LLBBridge service: which build a call belongs to, then the bridge of that build."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from core.daemon.bridge import Bridge
from core.daemon.bridges import Bridges
from core.daemon.capabilities import frontend_capabilities, llb_capabilities
from core.errors import OptionError
from core.wire.methods import Method, Wire
from core.wire.pb import gateway_pb2, ops_pb2, worker_pb2
from core.wire.rpc import Incoming, Routes, join, route
from core.wire.services import Bridge as Methods

Q = TypeVar("Q", bound=Wire)
R = TypeVar("R", bound=Wire)


class BridgeService:
    def __init__(self, bridges: Bridges, worker: Callable[[], worker_pb2.WorkerRecord]) -> None:
        self._bridges = bridges
        self._worker = worker

    def routes(self) -> Routes:
        return join(
            self._of_build(Methods.PING, self._ping),
            self._of_build(Methods.SOLVE, lambda b, q: b.solve(q)),
            self._of_build(Methods.RETURN, self._return),
            self._of_build(Methods.INPUTS, self._inputs),
            self._of_build(Methods.EVALUATE, self._evaluate),
            self._of_build(Methods.READ_FILE, self._read_file),
            self._of_build(Methods.READ_DIR, self._read_dir),
            self._of_build(Methods.STAT_FILE, self._stat_file),
            self._of_build(Methods.WARN, self._warn),
            self._of_build(Methods.RESOLVE_IMAGE_CONFIG, self._image_config),
            self._of_build(Methods.RESOLVE_SOURCE_META, self._source_meta),
        )

    def _of_build(self, method: Method[Q, R], reply: Callable[[Bridge, Q], Awaitable[R]]) -> Routes:
        async def serve(call: Incoming[Q, R]) -> None:
            bridge = await self._bridges.get(call.header(Methods.BUILD_ID_HEADER))
            await call.send(await reply(bridge, await call.request()))

        return route(method, serve)

    async def _ping(
        self, bridge: Bridge, request: gateway_pb2.PingRequest
    ) -> gateway_pb2.PongResponse:
        return gateway_pb2.PongResponse(
            FrontendAPICaps=frontend_capabilities(),
            LLBCaps=llb_capabilities(),
            Workers=[self._worker()],
        )

    async def _return(
        self, bridge: Bridge, request: gateway_pb2.ReturnRequest
    ) -> gateway_pb2.ReturnResponse:
        await bridge.take_result(request)
        return gateway_pb2.ReturnResponse()

    async def _inputs(
        self, bridge: Bridge, request: gateway_pb2.InputsRequest
    ) -> gateway_pb2.InputsResponse:
        return gateway_pb2.InputsResponse(Definitions=bridge.inputs())

    async def _evaluate(
        self, bridge: Bridge, request: gateway_pb2.EvaluateRequest
    ) -> gateway_pb2.EvaluateResponse:
        await bridge.evaluate(request.Ref)
        return gateway_pb2.EvaluateResponse()

    async def _read_file(
        self, bridge: Bridge, request: gateway_pb2.ReadFileRequest
    ) -> gateway_pb2.ReadFileResponse:
        return gateway_pb2.ReadFileResponse(Data=await bridge.read_file(request))

    async def _read_dir(
        self, bridge: Bridge, request: gateway_pb2.ReadDirRequest
    ) -> gateway_pb2.ReadDirResponse:
        return gateway_pb2.ReadDirResponse(entries=await bridge.read_dir(request))

    async def _stat_file(
        self, bridge: Bridge, request: gateway_pb2.StatFileRequest
    ) -> gateway_pb2.StatFileResponse:
        return gateway_pb2.StatFileResponse(stat=await bridge.stat_file(request))

    async def _warn(
        self, bridge: Bridge, request: gateway_pb2.WarnRequest
    ) -> gateway_pb2.WarnResponse:
        bridge.warn(request)
        return gateway_pb2.WarnResponse()

    async def _image_config(
        self, bridge: Bridge, request: gateway_pb2.ResolveImageConfigRequest
    ) -> gateway_pb2.ResolveImageConfigResponse:
        platform = request.Platform if request.HasField("Platform") else None
        reference, digest, config = await bridge.image_config(
            request.Ref, platform, request.ResolveMode
        )
        return gateway_pb2.ResolveImageConfigResponse(Ref=reference, Digest=digest, Config=config)

    async def _source_meta(
        self, bridge: Bridge, request: gateway_pb2.ResolveSourceMetaRequest
    ) -> gateway_pb2.ResolveSourceMetaResponse:
        scheme, _, rest = request.Source.identifier.partition("://")
        if scheme != "docker-image":
            # Nothing is known of other sources before they are built.
            if not scheme:
                raise OptionError(f"{request.Source.identifier!r} names no source")
            return gateway_pb2.ResolveSourceMetaResponse(Source=request.Source)
        platform = request.Platform if request.HasField("Platform") else None
        reference, digest, config = await bridge.image_config(rest, platform, request.ResolveMode)
        return gateway_pb2.ResolveSourceMetaResponse(
            Source=ops_pb2.SourceOp(
                identifier=f"docker-image://{reference}", attrs=dict(request.Source.attrs)
            ),
            Image=gateway_pb2.ResolveSourceImageResponse(Digest=digest, Config=config),
        )
