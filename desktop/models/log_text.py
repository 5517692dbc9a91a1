"""Words around log lines: which step a line belongs to, and lines copied with that context."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.progress.state import BuildState, VertexState
from desktop.models.graph_words import short_platform
from desktop.models.log_ansi import plain
from desktop.models.log_store import LineFilter, LineStore

_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Label:
    """The step of a line, short. ``series`` numbers the platform's colour, -1 for none."""

    text: str
    series: int


def label(seen: VertexState, platforms: tuple[str, ...]) -> Label:
    """``arm64 build 3/5``, or the step's own words where it has no number."""
    step = seen.step
    own = seen.platforms[0] if seen.platforms else ""
    series = platforms.index(own) if own in platforms else -1
    stage = seen.vertex.stage or step.stage
    if not step.number:
        return Label(step.text or seen.name, series)
    parts = [f"{stage} {step.number}/{step.total}".strip()]
    if len(platforms) > 1 and own:
        more = len(seen.platforms) - 1
        parts.insert(0, short_platform(own) + (f"+{more}" if more else ""))
    return Label(" ".join(parts), series)


def siblings(state: BuildState, digest: str, platform: str = "") -> frozenset[str]:
    """The vertices of the same instruction on every platform, or on ``platform``."""
    seen = state.vertices.get(digest)
    if seen is None:
        return frozenset()
    found = {digest}
    if seen.step.number:
        key = (seen.vertex.stage or seen.step.stage, seen.step.number)
        for other in state.vertices.values():
            if (other.vertex.stage or other.step.stage, other.step.number) == key:
                found.add(other.digest)
    return _on(state, found, platform)


def of_platform(state: BuildState, platform: str) -> frozenset[str]:
    """Every vertex that works for ``platform``."""
    return _on(state, state.vertices, platform)


def _on(state: BuildState, digests: Iterable[str], platform: str) -> frozenset[str]:
    if not platform:
        return frozenset(digests)
    return frozenset(d for d in digests if platform in state.vertices[d].platforms)


def with_context(
    store: LineStore, shown: LineFilter, rows: Iterable[int], state: BuildState, began: int
) -> Iterator[str]:
    """Plain lines with their times, under the full name of their step whenever it changes."""
    before = ""
    for row in rows:
        number = shown.number(row)
        info = store.info(number)
        if info.vertex != before:
            seen = state.vertices.get(info.vertex)
            if before:
                yield ""
            yield f"# {seen.name if seen is not None else info.vertex}"
            before = info.vertex
        seconds = max(0, info.time - began) / 1e9 if info.time and began else 0.0
        yield f"{seconds:9.3f}  {plain(store.line(number))}"


def blocks(store: LineStore, shown: LineFilter, state: BuildState, began: int) -> Iterator[bytes]:
    """The whole of ``shown`` as text, in pieces of some thousand lines."""
    for first in range(0, len(shown), _BLOCK):
        rows = range(first, min(first + _BLOCK, len(shown)))
        yield "\n".join([*with_context(store, shown, rows, state, began), ""]).encode()
