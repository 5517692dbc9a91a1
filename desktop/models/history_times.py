"""How long steps usually take, learnt from builds that ended."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from core.progress.state import StepState
from desktop.models.graph import BuildGraph
from desktop.models.graph_entries import Entry

_LIMIT = 4000
_WEIGHT = 0.4
"""How much the newest build counts against what was known."""


class StepTimes:
    """Seconds by step and platform. The oldest of more than 4,000 are forgotten.

    The file is JSON: {"stage title platform": seconds}; one that cannot be read counts as empty,
    since everything in it is learnt again.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._seconds: dict[str, float] = _read(path) if path is not None else {}

    def seconds(self, entry: Entry, platform: str) -> float | None:
        """What the step took before, None when it never ran."""
        return self._seconds.get(_key(entry, platform))

    def learn(self, graph: BuildGraph) -> None:
        """Take in the steps of a build that ran to their end; cached ones teach nothing."""
        for entry in graph.entries.values():
            seen = graph.vertex(entry.id)
            if seen is None or seen.state is not StepState.DONE or not seen.intervals:
                continue
            spent = seen.duration(0) / 1e9
            for platform in entry.platforms:
                key = _key(entry, platform)
                old = self._seconds.pop(key, spent)
                self._seconds[key] = round(old + (spent - old) * _WEIGHT, 3)
        for key in list(self._seconds)[:-_LIMIT]:
            del self._seconds[key]
        if self._path is not None:
            _write(self._path, self._seconds)


def _key(entry: Entry, platform: str) -> str:
    return f"{entry.stage} {entry.title[:200]} {platform}"


def _read(path: Path) -> dict[str, float]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(k): float(v) for k, v in found.items() if isinstance(v, int | float)}


def _write(path: Path, seconds: Mapping[str, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(json.dumps(dict(seconds)), encoding="utf-8")
    os.replace(beside, path)
