"""Progress per platform, kept up to date by counting, never by walking the build."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from core.progress.messages import Mode, VertexStatus

Place = tuple[tuple[str, ...], str]
"""The platforms of a step and the value of its state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One platform of a build. Times are nanoseconds, sizes bytes."""

    platform: str
    total: int = 0
    """Steps known so far."""
    done: int = 0
    """Steps that ended well, cached ones among them."""
    cached: int = 0
    failed: int = 0
    cancelled: int = 0
    running: tuple[str, ...] = ()
    """Digests of the steps now running, the longest-running first."""
    bytes_current: int = 0
    bytes_total: int = 0
    mode: Mode = Mode.NONE
    interpreter: str = ""
    started: int | None = None
    completed: int | None = None
    """When the last step ended, as far as is known now."""

    @property
    def current(self) -> str | None:
        """Digest of the step to name: the one that has run longest."""
        return self.running[0] if self.running else None

    @property
    def finished(self) -> bool:
        return self.total > 0 and self.done + self.failed + self.cancelled >= self.total


@dataclass(slots=True)
class _Counts:
    by_state: dict[str, int] = field(default_factory=dict)
    running: dict[str, None] = field(default_factory=dict)
    bytes_current: int = 0
    bytes_total: int = 0
    mode: Mode = Mode.NONE
    interpreter: str = ""
    started: int | None = None
    completed: int | None = None


class LaneBook:
    """The counts behind ``Lane``."""

    def __init__(self, platforms: Iterable[str]) -> None:
        self._counts: dict[str, _Counts] = {platform: _Counts() for platform in platforms}

    def lanes(self) -> tuple[Lane, ...]:
        return tuple(self._lane(platform, c) for platform, c in self._counts.items())

    def _lane(self, platform: str, c: _Counts) -> Lane:
        cached = c.by_state.get("cached", 0)
        return Lane(
            platform=platform,
            total=sum(c.by_state.values()),
            done=c.by_state.get("done", 0) + cached,
            cached=cached,
            failed=c.by_state.get("failed", 0),
            cancelled=c.by_state.get("cancelled", 0),
            running=tuple(c.running),
            bytes_current=c.bytes_current,
            bytes_total=c.bytes_total,
            mode=c.mode,
            interpreter=c.interpreter,
            started=c.started,
            completed=c.completed,
        )

    def moved(
        self,
        digest: str,
        *,
        before: Place | None,
        after: Place | None,
        mode: Mode,
        interpreter: str,
        started: int | None,
        completed: int | None,
    ) -> set[str]:
        """A step went from one place to another; the platforms whose lane changed."""
        touched: set[str] = set()
        if before is not None:
            for platform in before[0]:
                counts = self._counts[platform]
                counts.by_state[before[1]] -= 1
                if after is None or after[1] != "running" or platform not in after[0]:
                    counts.running.pop(digest, None)
                touched.add(platform)
        if after is not None:
            for platform in after[0]:
                counts = self._counts.setdefault(platform, _Counts())
                counts.by_state[after[1]] = counts.by_state.get(after[1], 0) + 1
                if after[1] == "running":
                    counts.running.setdefault(digest)
                _observe(counts, mode, interpreter, started, completed)
                touched.add(platform)
        return touched

    def counted(
        self, platforms: tuple[str, ...], previous: VertexStatus | None, entry: VertexStatus
    ) -> set[str]:
        """A counter of a step went on; the platforms whose lane changed."""
        for platform in platforms:
            counts = self._counts.setdefault(platform, _Counts())
            counts.bytes_current += entry.current - (previous.current if previous else 0)
            counts.bytes_total += entry.total - (previous.total if previous else 0)
        return set(platforms)


def _observe(
    counts: _Counts, mode: Mode, interpreter: str, started: int | None, completed: int | None
) -> None:
    # One emulated step makes the lane an emulated one, whatever else runs natively for it.
    order = (Mode.NONE, Mode.NATIVE, Mode.CROSS, Mode.EMULATED)
    if order.index(mode) > order.index(counts.mode):
        counts.mode = mode
    counts.interpreter = counts.interpreter or interpreter
    if started is not None and (counts.started is None or started < counts.started):
        counts.started = started
    if completed is not None and (counts.completed is None or completed > counts.completed):
        counts.completed = completed
