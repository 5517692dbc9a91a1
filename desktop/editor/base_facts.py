"""What registries say of the base images that are being typed, asked in the background."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal

from core.errors import Error
from core.lint.rules.advice import ImageFacts
from core.oci.media_types import is_index
from core.wire.pb import engine_pb2
from core.wire.services import Engine as EngineCalls
from desktop.engine import Engine
from desktop.tasks import Tasks

ANSWER_SECONDS = 20.0
KEPT_SECONDS = 300.0


class BaseFacts(QObject):
    """``facts`` by reference as FROM resolves it; what cannot be had is asked again later.

    Half a name is a name while one types: only what stood still for an analysis is asked for.
    """

    changed = Signal()

    def __init__(self, engine: Engine, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._tasks = tasks
        self._asked: dict[str, float] = {}
        self.facts: dict[str, ImageFacts] = {}

    def learn(self, references: Iterable[str]) -> None:
        """Ask for what is not known or was asked long ago. Only the embedded builder can tell."""
        if not self._engine.is_embedded or not self._engine.native:
            return
        now = time.monotonic()
        for reference in references:
            if now - self._asked.get(reference, -KEPT_SECONDS) < KEPT_SECONDS:
                continue
            self._asked[reference] = now
            self._tasks.start(self._ask(reference), name=f"base {reference}")

    async def _ask(self, reference: str) -> None:
        try:
            builder = await self._engine.builder()
            async with asyncio.timeout(ANSWER_SECONDS):
                async with builder.session(self._engine.services()) as session:
                    reply = await builder.call(
                        EngineCalls.INSPECT_IMAGE,
                        engine_pb2.InspectImageRequest(reference=reference, session=session),
                        timeout=ANSWER_SECONDS,
                    )
        except (Error, TimeoutError):
            # A build says it where it matters; a name that is being typed is no error.
            return
        found = ImageFacts(
            platforms=tuple(p.platform for p in reply.image.platforms if p.platform),
            is_index=is_index(reply.image.media_type),
        )
        if self.facts.get(reference) != found:
            self.facts = {**self.facts, reference: found}
            self.changed.emit()
