"""Every method this program calls or serves."""

from __future__ import annotations

from grpclib.const import Cardinality

from core.wire.methods import Method
from core.wire.pb import (
    control_pb2,
    engine_pb2,
    fsutil_pb2,
    gateway_pb2,
    health_pb2,
    session_pb2,
)

_DOWN = Cardinality.UNARY_STREAM
_UP = Cardinality.STREAM_UNARY
_BOTH = Cardinality.STREAM_STREAM

HEALTH_CHECK = Method(
    "/grpc.health.v1.Health/Check", health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
)


class Control:
    """moby.buildkit.v1.Control"""

    _P = "/moby.buildkit.v1.Control/"
    DISK_USAGE = Method(
        _P + "DiskUsage", control_pb2.DiskUsageRequest, control_pb2.DiskUsageResponse
    )
    PRUNE = Method(_P + "Prune", control_pb2.PruneRequest, control_pb2.UsageRecord, _DOWN)
    SOLVE = Method(_P + "Solve", control_pb2.SolveRequest, control_pb2.SolveResponse)
    STATUS = Method(_P + "Status", control_pb2.StatusRequest, control_pb2.StatusResponse, _DOWN)
    SESSION = Method(_P + "Session", control_pb2.BytesMessage, control_pb2.BytesMessage, _BOTH)
    LIST_WORKERS = Method(
        _P + "ListWorkers", control_pb2.ListWorkersRequest, control_pb2.ListWorkersResponse
    )
    INFO = Method(_P + "Info", control_pb2.InfoRequest, control_pb2.InfoResponse)
    LISTEN_BUILD_HISTORY = Method(
        _P + "ListenBuildHistory",
        control_pb2.BuildHistoryRequest,
        control_pb2.BuildHistoryEvent,
        _DOWN,
    )
    UPDATE_BUILD_HISTORY = Method(
        _P + "UpdateBuildHistory",
        control_pb2.UpdateBuildHistoryRequest,
        control_pb2.UpdateBuildHistoryResponse,
    )


class Session:
    """What a client serves to a builder."""

    SYNC = Method(
        "/moby.filesync.v1.FileSync/DiffCopy", fsutil_pb2.Packet, fsutil_pb2.Packet, _BOTH
    )
    SEND = Method(
        "/moby.filesync.v1.FileSend/DiffCopy",
        session_pb2.BytesMessage,
        session_pb2.BytesMessage,
        _BOTH,
    )
    CREDENTIALS = Method(
        "/moby.filesync.v1.Auth/Credentials",
        session_pb2.CredentialsRequest,
        session_pb2.CredentialsResponse,
    )
    GET_TOKEN_AUTHORITY = Method(
        "/moby.filesync.v1.Auth/GetTokenAuthority",
        session_pb2.GetTokenAuthorityRequest,
        session_pb2.GetTokenAuthorityResponse,
    )
    GET_SECRET = Method(
        "/moby.buildkit.secrets.v1.Secrets/GetSecret",
        session_pb2.GetSecretRequest,
        session_pb2.GetSecretResponse,
    )
    CHECK_AGENT = Method(
        "/moby.sshforward.v1.SSH/CheckAgent",
        session_pb2.CheckAgentRequest,
        session_pb2.CheckAgentResponse,
    )
    FORWARD_AGENT = Method(
        "/moby.sshforward.v1.SSH/ForwardAgent",
        session_pb2.BytesMessage,
        session_pb2.BytesMessage,
        _BOTH,
    )
    UPLOAD_PULL = Method(
        "/moby.upload.v1.Upload/Pull", session_pb2.BytesMessage, session_pb2.BytesMessage, _BOTH
    )


class Bridge:
    """moby.buildkit.v1.frontend.LLBBridge"""

    _P = "/moby.buildkit.v1.frontend.LLBBridge/"
    BUILD_ID_HEADER = "buildkit-controlapi-buildid"

    PING = Method(_P + "Ping", gateway_pb2.PingRequest, gateway_pb2.PongResponse)
    SOLVE = Method(_P + "Solve", gateway_pb2.SolveRequest, gateway_pb2.SolveResponse)
    RETURN = Method(_P + "Return", gateway_pb2.ReturnRequest, gateway_pb2.ReturnResponse)
    INPUTS = Method(_P + "Inputs", gateway_pb2.InputsRequest, gateway_pb2.InputsResponse)
    EVALUATE = Method(_P + "Evaluate", gateway_pb2.EvaluateRequest, gateway_pb2.EvaluateResponse)
    READ_FILE = Method(_P + "ReadFile", gateway_pb2.ReadFileRequest, gateway_pb2.ReadFileResponse)
    READ_DIR = Method(_P + "ReadDir", gateway_pb2.ReadDirRequest, gateway_pb2.ReadDirResponse)
    STAT_FILE = Method(_P + "StatFile", gateway_pb2.StatFileRequest, gateway_pb2.StatFileResponse)
    WARN = Method(_P + "Warn", gateway_pb2.WarnRequest, gateway_pb2.WarnResponse)
    RESOLVE_IMAGE_CONFIG = Method(
        _P + "ResolveImageConfig",
        gateway_pb2.ResolveImageConfigRequest,
        gateway_pb2.ResolveImageConfigResponse,
    )
    RESOLVE_SOURCE_META = Method(
        _P + "ResolveSourceMeta",
        gateway_pb2.ResolveSourceMetaRequest,
        gateway_pb2.ResolveSourceMetaResponse,
    )


class Engine:
    """viaduct.v1.Engine"""

    _P = "/viaduct.v1.Engine/"
    HELLO = Method(_P + "Hello", engine_pb2.HelloRequest, engine_pb2.HelloResponse)
    SHUTDOWN = Method(_P + "Shutdown", engine_pb2.ShutdownRequest, engine_pb2.ShutdownResponse)
    CANCEL = Method(_P + "Cancel", engine_pb2.CancelRequest, engine_pb2.CancelResponse)
    GET_BUILD = Method(_P + "GetBuild", engine_pb2.GetBuildRequest, engine_pb2.GetBuildResponse)
    IMPORT_BUILD = Method(
        _P + "ImportBuild", engine_pb2.ImportBuildRequest, engine_pb2.ImportBuildResponse, _UP
    )
    STEP_LOG = Method(_P + "StepLog", engine_pb2.StepLogRequest, engine_pb2.StepLogChunk, _DOWN)
    LIST_IMAGES = Method(
        _P + "ListImages", engine_pb2.ListImagesRequest, engine_pb2.ListImagesResponse
    )
    INSPECT_IMAGE = Method(
        _P + "InspectImage", engine_pb2.InspectImageRequest, engine_pb2.InspectImageResponse
    )
    TAG_IMAGE = Method(_P + "TagImage", engine_pb2.TagImageRequest, engine_pb2.TagImageResponse)
    REMOVE_IMAGE = Method(
        _P + "RemoveImage", engine_pb2.RemoveImageRequest, engine_pb2.RemoveImageResponse
    )
    PUSH_IMAGE = Method(
        _P + "PushImage", engine_pb2.PushImageRequest, engine_pb2.PushImageResponse, _DOWN
    )
    SAVE_IMAGE = Method(_P + "SaveImage", engine_pb2.SaveImageRequest, engine_pb2.Chunk, _DOWN)
    LOAD_IMAGE = Method(_P + "LoadImage", engine_pb2.Chunk, engine_pb2.LoadImageResponse, _UP)
    READ_BLOB = Method(_P + "ReadBlob", engine_pb2.ReadBlobRequest, engine_pb2.Chunk, _DOWN)
    EMULATION = Method(_P + "Emulation", engine_pb2.EmulationRequest, engine_pb2.EmulationResponse)
    RUN = Method(_P + "Run", engine_pb2.RunInput, engine_pb2.RunOutput, _BOTH)
