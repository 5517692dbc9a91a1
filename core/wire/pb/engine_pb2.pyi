import datetime

from core.wire.pb import control_pb2 as _control_pb2
from core.wire.pb import failure_pb2 as _failure_pb2
from core.wire.pb import ops_pb2 as _ops_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Chunk(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class HelloRequest(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: str
    def __init__(self, version: _Optional[str] = ...) -> None: ...

class HelloResponse(_message.Message):
    __slots__ = ("version", "pid", "root", "rootless", "runtime", "native", "emulated", "notes", "builds", "log_file", "idle_seconds")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    ROOTLESS_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    NATIVE_FIELD_NUMBER: _ClassVar[int]
    EMULATED_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    BUILDS_FIELD_NUMBER: _ClassVar[int]
    LOG_FILE_FIELD_NUMBER: _ClassVar[int]
    IDLE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    version: str
    pid: int
    root: str
    rootless: bool
    runtime: str
    native: _containers.RepeatedScalarFieldContainer[str]
    emulated: _containers.RepeatedCompositeFieldContainer[EmulatedPlatform]
    notes: _containers.RepeatedScalarFieldContainer[str]
    builds: int
    log_file: str
    idle_seconds: float
    def __init__(self, version: _Optional[str] = ..., pid: _Optional[int] = ..., root: _Optional[str] = ..., rootless: _Optional[bool] = ..., runtime: _Optional[str] = ..., native: _Optional[_Iterable[str]] = ..., emulated: _Optional[_Iterable[_Union[EmulatedPlatform, _Mapping]]] = ..., notes: _Optional[_Iterable[str]] = ..., builds: _Optional[int] = ..., log_file: _Optional[str] = ..., idle_seconds: _Optional[float] = ...) -> None: ...

class EmulatedPlatform(_message.Message):
    __slots__ = ("platform", "interpreter")
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    INTERPRETER_FIELD_NUMBER: _ClassVar[int]
    platform: str
    interpreter: str
    def __init__(self, platform: _Optional[str] = ..., interpreter: _Optional[str] = ...) -> None: ...

class ShutdownRequest(_message.Message):
    __slots__ = ("force",)
    FORCE_FIELD_NUMBER: _ClassVar[int]
    force: bool
    def __init__(self, force: _Optional[bool] = ...) -> None: ...

class ShutdownResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CancelRequest(_message.Message):
    __slots__ = ("ref",)
    REF_FIELD_NUMBER: _ClassVar[int]
    ref: str
    def __init__(self, ref: _Optional[str] = ...) -> None: ...

class CancelResponse(_message.Message):
    __slots__ = ("was_running",)
    WAS_RUNNING_FIELD_NUMBER: _ClassVar[int]
    was_running: bool
    def __init__(self, was_running: _Optional[bool] = ...) -> None: ...

class GetBuildRequest(_message.Message):
    __slots__ = ("ref",)
    REF_FIELD_NUMBER: _ClassVar[int]
    ref: str
    def __init__(self, ref: _Optional[str] = ...) -> None: ...

class GetBuildResponse(_message.Message):
    __slots__ = ("record", "dockerfile", "dockerfile_name", "plan", "failure")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    DOCKERFILE_FIELD_NUMBER: _ClassVar[int]
    DOCKERFILE_NAME_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    record: _control_pb2.BuildHistoryRecord
    dockerfile: bytes
    dockerfile_name: str
    plan: bytes
    failure: _failure_pb2.Failure
    def __init__(self, record: _Optional[_Union[_control_pb2.BuildHistoryRecord, _Mapping]] = ..., dockerfile: _Optional[bytes] = ..., dockerfile_name: _Optional[str] = ..., plan: _Optional[bytes] = ..., failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ...) -> None: ...

class ImportBuildRequest(_message.Message):
    __slots__ = ("build", "event")
    BUILD_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    build: GetBuildResponse
    event: _control_pb2.StatusResponse
    def __init__(self, build: _Optional[_Union[GetBuildResponse, _Mapping]] = ..., event: _Optional[_Union[_control_pb2.StatusResponse, _Mapping]] = ...) -> None: ...

class ImportBuildResponse(_message.Message):
    __slots__ = ("ref",)
    REF_FIELD_NUMBER: _ClassVar[int]
    ref: str
    def __init__(self, ref: _Optional[str] = ...) -> None: ...

class StepLogRequest(_message.Message):
    __slots__ = ("ref", "vertex", "offset", "follow")
    REF_FIELD_NUMBER: _ClassVar[int]
    VERTEX_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    ref: str
    vertex: str
    offset: int
    follow: bool
    def __init__(self, ref: _Optional[str] = ..., vertex: _Optional[str] = ..., offset: _Optional[int] = ..., follow: _Optional[bool] = ...) -> None: ...

class StepLogChunk(_message.Message):
    __slots__ = ("offset", "stream", "timestamp", "data")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    offset: int
    stream: int
    timestamp: int
    data: bytes
    def __init__(self, offset: _Optional[int] = ..., stream: _Optional[int] = ..., timestamp: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class ListImagesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Image(_message.Message):
    __slots__ = ("name", "digest", "media_type", "size", "created", "platforms")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    PLATFORMS_FIELD_NUMBER: _ClassVar[int]
    name: str
    digest: str
    media_type: str
    size: int
    created: _timestamp_pb2.Timestamp
    platforms: _containers.RepeatedCompositeFieldContainer[ImagePlatform]
    def __init__(self, name: _Optional[str] = ..., digest: _Optional[str] = ..., media_type: _Optional[str] = ..., size: _Optional[int] = ..., created: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., platforms: _Optional[_Iterable[_Union[ImagePlatform, _Mapping]]] = ...) -> None: ...

class ImagePlatform(_message.Message):
    __slots__ = ("platform", "digest", "size", "manifest", "config", "media_type")
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    platform: str
    digest: str
    size: int
    manifest: bytes
    config: bytes
    media_type: str
    def __init__(self, platform: _Optional[str] = ..., digest: _Optional[str] = ..., size: _Optional[int] = ..., manifest: _Optional[bytes] = ..., config: _Optional[bytes] = ..., media_type: _Optional[str] = ...) -> None: ...

class ListImagesResponse(_message.Message):
    __slots__ = ("images",)
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedCompositeFieldContainer[Image]
    def __init__(self, images: _Optional[_Iterable[_Union[Image, _Mapping]]] = ...) -> None: ...

class InspectImageRequest(_message.Message):
    __slots__ = ("reference", "session", "remote", "details")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    REMOTE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    reference: str
    session: str
    remote: bool
    details: bool
    def __init__(self, reference: _Optional[str] = ..., session: _Optional[str] = ..., remote: _Optional[bool] = ..., details: _Optional[bool] = ...) -> None: ...

class InspectImageResponse(_message.Message):
    __slots__ = ("image", "raw", "local")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    LOCAL_FIELD_NUMBER: _ClassVar[int]
    image: Image
    raw: bytes
    local: bool
    def __init__(self, image: _Optional[_Union[Image, _Mapping]] = ..., raw: _Optional[bytes] = ..., local: _Optional[bool] = ...) -> None: ...

class TagImageRequest(_message.Message):
    __slots__ = ("source", "target")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    source: str
    target: str
    def __init__(self, source: _Optional[str] = ..., target: _Optional[str] = ...) -> None: ...

class TagImageResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RemoveImageRequest(_message.Message):
    __slots__ = ("reference",)
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    reference: str
    def __init__(self, reference: _Optional[str] = ...) -> None: ...

class RemoveImageResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PushImageRequest(_message.Message):
    __slots__ = ("reference", "target", "session", "insecure")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    INSECURE_FIELD_NUMBER: _ClassVar[int]
    reference: str
    target: str
    session: str
    insecure: bool
    def __init__(self, reference: _Optional[str] = ..., target: _Optional[str] = ..., session: _Optional[str] = ..., insecure: _Optional[bool] = ...) -> None: ...

class PushImageResponse(_message.Message):
    __slots__ = ("id", "current", "total", "digest", "raw")
    ID_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    id: str
    current: int
    total: int
    digest: str
    raw: bytes
    def __init__(self, id: _Optional[str] = ..., current: _Optional[int] = ..., total: _Optional[int] = ..., digest: _Optional[str] = ..., raw: _Optional[bytes] = ...) -> None: ...

class SaveImageRequest(_message.Message):
    __slots__ = ("references", "format", "platforms")
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    PLATFORMS_FIELD_NUMBER: _ClassVar[int]
    references: _containers.RepeatedScalarFieldContainer[str]
    format: str
    platforms: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, references: _Optional[_Iterable[str]] = ..., format: _Optional[str] = ..., platforms: _Optional[_Iterable[str]] = ...) -> None: ...

class LoadImageResponse(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ...) -> None: ...

class ReadBlobRequest(_message.Message):
    __slots__ = ("digest", "offset", "length")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    digest: str
    offset: int
    length: int
    def __init__(self, digest: _Optional[str] = ..., offset: _Optional[int] = ..., length: _Optional[int] = ...) -> None: ...

class EmulationRequest(_message.Message):
    __slots__ = ("action", "platforms", "image", "session", "calibrate")
    class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATUS: _ClassVar[EmulationRequest.Action]
        ENABLE: _ClassVar[EmulationRequest.Action]
        DISABLE: _ClassVar[EmulationRequest.Action]
        TEST: _ClassVar[EmulationRequest.Action]
        EXPLAIN: _ClassVar[EmulationRequest.Action]
    STATUS: EmulationRequest.Action
    ENABLE: EmulationRequest.Action
    DISABLE: EmulationRequest.Action
    TEST: EmulationRequest.Action
    EXPLAIN: EmulationRequest.Action
    ACTION_FIELD_NUMBER: _ClassVar[int]
    PLATFORMS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    CALIBRATE_FIELD_NUMBER: _ClassVar[int]
    action: EmulationRequest.Action
    platforms: _containers.RepeatedScalarFieldContainer[str]
    image: str
    session: str
    calibrate: bool
    def __init__(self, action: _Optional[_Union[EmulationRequest.Action, str]] = ..., platforms: _Optional[_Iterable[str]] = ..., image: _Optional[str] = ..., session: _Optional[str] = ..., calibrate: _Optional[bool] = ...) -> None: ...

class EmulationResponse(_message.Message):
    __slots__ = ("architectures", "handlers", "text", "host", "problems", "kernel", "page_size", "system_registry", "app_registry")
    ARCHITECTURES_FIELD_NUMBER: _ClassVar[int]
    HANDLERS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_REGISTRY_FIELD_NUMBER: _ClassVar[int]
    APP_REGISTRY_FIELD_NUMBER: _ClassVar[int]
    architectures: _containers.RepeatedCompositeFieldContainer[ArchitectureState]
    handlers: _containers.RepeatedCompositeFieldContainer[Handler]
    text: _containers.RepeatedScalarFieldContainer[str]
    host: str
    problems: _containers.RepeatedCompositeFieldContainer[EmulationProblem]
    kernel: str
    page_size: int
    system_registry: str
    app_registry: bool
    def __init__(self, architectures: _Optional[_Iterable[_Union[ArchitectureState, _Mapping]]] = ..., handlers: _Optional[_Iterable[_Union[Handler, _Mapping]]] = ..., text: _Optional[_Iterable[str]] = ..., host: _Optional[str] = ..., problems: _Optional[_Iterable[_Union[EmulationProblem, _Mapping]]] = ..., kernel: _Optional[str] = ..., page_size: _Optional[int] = ..., system_registry: _Optional[str] = ..., app_registry: _Optional[bool] = ...) -> None: ...

class EmulationProblem(_message.Message):
    __slots__ = ("code", "weight", "message", "remedy", "handler")
    CODE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    code: str
    weight: str
    message: str
    remedy: str
    handler: str
    def __init__(self, code: _Optional[str] = ..., weight: _Optional[str] = ..., message: _Optional[str] = ..., remedy: _Optional[str] = ..., handler: _Optional[str] = ...) -> None: ...

class ArchitectureState(_message.Message):
    __slots__ = ("platform", "mode", "handler", "interpreter", "interpreter_version", "self_test", "diagnosis", "remedy", "can_enable", "scope", "slow_down", "slow_down_steps", "off", "problems")
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    INTERPRETER_FIELD_NUMBER: _ClassVar[int]
    INTERPRETER_VERSION_FIELD_NUMBER: _ClassVar[int]
    SELF_TEST_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSIS_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    CAN_ENABLE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    SLOW_DOWN_FIELD_NUMBER: _ClassVar[int]
    SLOW_DOWN_STEPS_FIELD_NUMBER: _ClassVar[int]
    OFF_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    platform: str
    mode: _control_pb2.VertexMode
    handler: str
    interpreter: str
    interpreter_version: str
    self_test: str
    diagnosis: str
    remedy: str
    can_enable: bool
    scope: str
    slow_down: float
    slow_down_steps: int
    off: bool
    problems: _containers.RepeatedCompositeFieldContainer[EmulationProblem]
    def __init__(self, platform: _Optional[str] = ..., mode: _Optional[_Union[_control_pb2.VertexMode, str]] = ..., handler: _Optional[str] = ..., interpreter: _Optional[str] = ..., interpreter_version: _Optional[str] = ..., self_test: _Optional[str] = ..., diagnosis: _Optional[str] = ..., remedy: _Optional[str] = ..., can_enable: _Optional[bool] = ..., scope: _Optional[str] = ..., slow_down: _Optional[float] = ..., slow_down_steps: _Optional[int] = ..., off: _Optional[bool] = ..., problems: _Optional[_Iterable[_Union[EmulationProblem, _Mapping]]] = ...) -> None: ...

class Handler(_message.Message):
    __slots__ = ("name", "enabled", "interpreter", "flags", "offset", "magic", "mask", "platform", "scope")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    INTERPRETER_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    MAGIC_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    enabled: bool
    interpreter: str
    flags: str
    offset: int
    magic: bytes
    mask: bytes
    platform: str
    scope: str
    def __init__(self, name: _Optional[str] = ..., enabled: _Optional[bool] = ..., interpreter: _Optional[str] = ..., flags: _Optional[str] = ..., offset: _Optional[int] = ..., magic: _Optional[bytes] = ..., mask: _Optional[bytes] = ..., platform: _Optional[str] = ..., scope: _Optional[str] = ...) -> None: ...

class RunStart(_message.Message):
    __slots__ = ("image", "ref", "vertex", "args", "env", "cwd", "user", "platform", "network", "tty", "rows", "columns", "session", "entrypoint_set", "entrypoint")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    VERTEX_FIELD_NUMBER: _ClassVar[int]
    ARGS_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    CWD_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    TTY_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    ENTRYPOINT_SET_FIELD_NUMBER: _ClassVar[int]
    ENTRYPOINT_FIELD_NUMBER: _ClassVar[int]
    image: str
    ref: str
    vertex: str
    args: _containers.RepeatedScalarFieldContainer[str]
    env: _containers.RepeatedScalarFieldContainer[str]
    cwd: str
    user: str
    platform: str
    network: _ops_pb2.NetMode
    tty: bool
    rows: int
    columns: int
    session: str
    entrypoint_set: bool
    entrypoint: str
    def __init__(self, image: _Optional[str] = ..., ref: _Optional[str] = ..., vertex: _Optional[str] = ..., args: _Optional[_Iterable[str]] = ..., env: _Optional[_Iterable[str]] = ..., cwd: _Optional[str] = ..., user: _Optional[str] = ..., platform: _Optional[str] = ..., network: _Optional[_Union[_ops_pb2.NetMode, str]] = ..., tty: _Optional[bool] = ..., rows: _Optional[int] = ..., columns: _Optional[int] = ..., session: _Optional[str] = ..., entrypoint_set: _Optional[bool] = ..., entrypoint: _Optional[str] = ...) -> None: ...

class RunInput(_message.Message):
    __slots__ = ("start", "stdin", "end_of_input", "resize", "signal")
    START_FIELD_NUMBER: _ClassVar[int]
    STDIN_FIELD_NUMBER: _ClassVar[int]
    END_OF_INPUT_FIELD_NUMBER: _ClassVar[int]
    RESIZE_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    start: RunStart
    stdin: bytes
    end_of_input: bool
    resize: Resize
    signal: int
    def __init__(self, start: _Optional[_Union[RunStart, _Mapping]] = ..., stdin: _Optional[bytes] = ..., end_of_input: _Optional[bool] = ..., resize: _Optional[_Union[Resize, _Mapping]] = ..., signal: _Optional[int] = ...) -> None: ...

class Resize(_message.Message):
    __slots__ = ("rows", "columns")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    rows: int
    columns: int
    def __init__(self, rows: _Optional[int] = ..., columns: _Optional[int] = ...) -> None: ...

class RunOutput(_message.Message):
    __slots__ = ("stdout", "stderr", "exit_code")
    STDOUT_FIELD_NUMBER: _ClassVar[int]
    STDERR_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    stdout: bytes
    stderr: bytes
    exit_code: int
    def __init__(self, stdout: _Optional[bytes] = ..., stderr: _Optional[bytes] = ..., exit_code: _Optional[int] = ...) -> None: ...
