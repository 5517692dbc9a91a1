from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.progress import raw_json
from core.progress.messages import SolveStatus
from core.progress.state import BuildState
from desktop.models.graph import BuildGraph

RECORDINGS = Path(__file__).parent.parent / "recordings"
PLATFORMS = ("linux/amd64", "linux/386")


@pytest.fixture
def events() -> Callable[[str], tuple[SolveStatus, ...]]:
    """The events of a recorded build."""

    def events(name: str) -> tuple[SolveStatus, ...]:
        lines = (RECORDINGS / f"dockerd20-{name}.jsonl").read_text().splitlines()
        return tuple(raw_json.loads(line) for line in lines)

    return events


@pytest.fixture
def graph_of(
    events: Callable[[str], tuple[SolveStatus, ...]],
) -> Callable[..., BuildGraph]:
    """The graph of a recorded build, as it grows event by event."""

    def graph_of(name: str, upto: int | None = None) -> BuildGraph:
        state = BuildState(platforms=PLATFORMS, native=PLATFORMS)
        graph = BuildGraph()
        graph.set_state(state, PLATFORMS)
        for event in events(name)[:upto]:
            changes = state.apply(event)
            graph.refresh((*changes.added, *changes.updated))
        graph.set_ended(upto is None)
        return graph

    return graph_of
