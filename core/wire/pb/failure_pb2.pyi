from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Failure(_message.Message):
    __slots__ = ("code", "message", "hint", "phrase", "source_name", "temporary", "ranges", "exit_code", "vertex", "out_of_memory")
    CLASS_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    PHRASE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_NAME_FIELD_NUMBER: _ClassVar[int]
    TEMPORARY_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    VERTEX_FIELD_NUMBER: _ClassVar[int]
    OUT_OF_MEMORY_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    hint: str
    phrase: str
    source_name: str
    temporary: bool
    ranges: _containers.RepeatedCompositeFieldContainer[Lines]
    exit_code: int
    vertex: str
    out_of_memory: bool
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., hint: _Optional[str] = ..., phrase: _Optional[str] = ..., source_name: _Optional[str] = ..., temporary: _Optional[bool] = ..., ranges: _Optional[_Iterable[_Union[Lines, _Mapping]]] = ..., exit_code: _Optional[int] = ..., vertex: _Optional[str] = ..., out_of_memory: _Optional[bool] = ..., **kwargs) -> None: ...

class Lines(_message.Message):
    __slots__ = ("start", "end", "start_column", "end_column")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    START_COLUMN_FIELD_NUMBER: _ClassVar[int]
    END_COLUMN_FIELD_NUMBER: _ClassVar[int]
    start: int
    end: int
    start_column: int
    end_column: int
    def __init__(self, start: _Optional[int] = ..., end: _Optional[int] = ..., start_column: _Optional[int] = ..., end_column: _Optional[int] = ...) -> None: ...
