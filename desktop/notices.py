"""Sentences for the user that no view of their own has asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from core.errors import Error
from desktop.widgets.words import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """``kind`` is a banner role; ``actions`` are (label, what to run)."""

    text: str
    kind: str = "banner"
    actions: tuple[tuple[str, Callable[[], object]], ...] = ()


class Notices(QObject):
    """Who has something to say calls ``show``; the window shows the last one in its banner."""

    shown = Signal(object)

    def show(
        self,
        text: str,
        *,
        kind: str = "banner",
        actions: Sequence[tuple[str, Callable[[], object]]] = (),
    ) -> None:
        self.shown.emit(Notice(text=text, kind=kind, actions=tuple(actions)))

    def error(self, problem: Error) -> None:
        """An error's sentence and its way out."""
        self.show(sentence(problem), kind="banner-failed")
