"""Image archives on disk: written as they come, replaced only when complete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import StorageError
from core.wire.pb import engine_pb2
from core.wire.rpc import open_stream
from core.wire.services import Engine as EngineCalls
from desktop.tasks import Tasks

if TYPE_CHECKING:
    from core.client.builder import Builder

_PIECE = 256 * 1024


async def save_archive(builder: Builder, tasks: Tasks, name: str, path: str) -> int:
    """Write an OCI archive of ``name``; returns its size. Raises StorageError."""
    target = Path(path)
    partial = target.with_name(f".{target.name}.partial")
    size = 0
    try:
        with partial.open("wb") as out:
            request = engine_pb2.SaveImageRequest(references=[name], format="oci")
            async for chunk in builder.iterate(EngineCalls.SAVE_IMAGE, request):
                await tasks.in_thread(out.write, chunk.data)
                size += len(chunk.data)
        partial.replace(target)
    except OSError as problem:
        raise StorageError(
            f"{path} cannot be written: {problem.strerror}.", hint="Choose another place."
        ) from problem
    finally:
        partial.unlink(missing_ok=True)
    return size


async def load_archive(builder: Builder, tasks: Tasks, path: str) -> list[str]:
    """Send an OCI or docker archive; returns the names it held. Raises StorageError."""

    try:
        with await tasks.in_thread(lambda: Path(path).open("rb")) as source:
            async with open_stream(builder.channel, EngineCalls.LOAD_IMAGE) as stream:
                while data := await tasks.in_thread(source.read, _PIECE):
                    await stream.send_message(engine_pb2.Chunk(data=data))
                await stream.end()
                answer = await stream.recv_message()
    except OSError as problem:
        raise StorageError(f"{path} cannot be read: {problem.strerror}.") from problem
    return list(answer.names) if answer is not None else []
