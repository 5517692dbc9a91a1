"""What every part of the window is given: the services of the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.builds import BuildQueue
from desktop.engine import Engine
from desktop.notices import Notices
from desktop.selection import Selection
from desktop.settings.session import Journal
from desktop.settings.settings import SettingsStore
from desktop.tasks import Tasks
from desktop.theme import Theme


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Services, made once in ``desktop.app``."""

    theme: Theme
    settings: SettingsStore
    tasks: Tasks
    notices: Notices
    journal: Journal
    selection: Selection
    engine: Engine
    queue: BuildQueue
