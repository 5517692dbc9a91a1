"""How much slower a platform's programs are here than native ones.

Two things are measured with programs of our own: a loop, and the start of a program, which costs
an emulator dear and of which a build has thousands. The guess for a build is their geometric
mean. Steps of earlier builds that ran both ways know better: ``from_history``.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.emulation.machine import Machine, Means
from core.emulation.policy import enter_namespace
from core.emulation.selftest import SelfTest, self_test
from core.oci.platform import Platform, parse_platform

_FEWEST = 3
_SHORTEST = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowDown:
    """How many times longer programs of a platform take; 1 is as fast as native ones.

    ``steps`` is how many steps of earlier builds it was learnt from, 0 for a calibration, where
    ``loop`` and ``start`` are its two parts.
    """

    factor: float
    steps: int = 0
    loop: float = 0.0
    start: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTime:
    """One run of a step. ``step`` names the same work on every platform (stage and instruction);
    ``emulated`` tells how it ran."""

    step: str
    platform: str
    emulated: bool
    seconds: float


def calibrate(machine: Machine, directory: Path | None = None) -> Mapping[Platform, SlowDown]:
    """Measure every emulated platform; blocks for about a second."""
    found: dict[Platform, SlowDown] = {}
    with self_test(directory) as test:
        native = _measure(test, (), machine.native[0])
        if not math.isfinite(sum(native)):
            return found
        for platform, interpreter in machine.emulated.items():
            command: tuple[str, ...] = ()
            if interpreter.means is Means.PRIVATE:
                assert machine.user_namespace is not None
                command = enter_namespace(machine.user_namespace)
            elif interpreter.means is Means.WRAPPER:
                command = (str(interpreter.program),)
            plain = _measure(test, command, platform)
            if interpreter.means is Means.PRIVATE:
                # The tool that enters the namespace is no part of the cost.
                extra = test.seconds(command, machine.native[0], counting=False) - native[0]
                plain = (max(plain[0] - extra, native[0]), plain[1])
            if math.isfinite(sum(plain)):
                start, loop = plain[0] / native[0], max(1.0, plain[1] / native[1])
                found[platform] = SlowDown(
                    factor=round(math.sqrt(start * loop), 1),
                    loop=round(loop, 1),
                    start=round(start, 1),
                )
    return found


def _measure(test: SelfTest, command: tuple[str, ...], platform: Platform) -> tuple[float, float]:
    """Seconds of a start and of the loop without it."""
    start = test.seconds(command, platform, counting=False)
    return start, max(test.seconds(command, platform, counting=True) - start, 1e-4)


def from_history(times: Iterable[StepTime]) -> Mapping[Platform, SlowDown]:
    """What steps that ran natively for one platform and emulated for another tell.

    The median over steps, of those long enough to be told from noise; platforms with fewer than
    three such steps are left out.
    """
    native: dict[str, list[float]] = defaultdict(list)
    emulated: dict[tuple[str, str], list[float]] = defaultdict(list)
    for time in times:
        if time.seconds < _SHORTEST and not time.emulated:
            continue
        if time.emulated:
            emulated[time.platform, time.step].append(time.seconds)
        else:
            native[time.step].append(time.seconds)
    ratios: dict[str, list[float]] = defaultdict(list)
    for (platform, step), seconds in emulated.items():
        if step in native:
            ratios[platform].append(statistics.median(seconds) / statistics.median(native[step]))
    return {
        parse_platform(platform): SlowDown(
            factor=round(max(1.0, statistics.median(found)), 1), steps=len(found)
        )
        for platform, found in ratios.items()
        if len(found) >= _FEWEST
    }
