"""Base images are asked for once, in the background, and quietly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from core.errors import NotFoundError
from core.wire.pb import engine_pb2
from desktop.editor.base_facts import BaseFacts
from desktop.tasks import Tasks

INDEX = "application/vnd.oci.image.index.v1+json"


class Builder:
    def __init__(self) -> None:
        self.asked: list[str] = []

    @asynccontextmanager
    async def session(self, _services: object) -> AsyncIterator[str]:
        yield "session"

    async def call(self, _method: object, request: Any, **_: object) -> object:
        self.asked.append(request.reference)
        if request.reference == "gone":
            raise NotFoundError("there is no image gone")
        image = engine_pb2.Image(media_type=INDEX)
        image.platforms.add(platform="linux/amd64")
        return engine_pb2.InspectImageResponse(image=image)


class Engine:
    is_embedded = True
    native = ("linux/amd64",)

    def __init__(self) -> None:
        self.there = Builder()

    async def builder(self) -> Builder:
        return self.there

    def services(self) -> None:
        return None


async def test_each_reference_is_asked_for_once_and_failures_are_quiet(qapp: object) -> None:
    bugs: list[BaseException] = []
    tasks = Tasks(on_error=bugs.append, on_bug=bugs.append)
    engine = Engine()
    facts = BaseFacts(engine, tasks)  # type: ignore[arg-type]
    changes: list[int] = []
    facts.changed.connect(lambda: changes.append(1))
    for _ in range(3):
        facts.learn(("busybox", "gone"))
        await asyncio.gather(*tasks._tasks)
    assert engine.there.asked == ["busybox", "gone"]
    assert facts.facts["busybox"].platforms == ("linux/amd64",)
    assert "gone" not in facts.facts
    assert (changes, bugs) == ([1], [])
    tasks._pool.shutdown()
